"""People and applications of other systems, read from what those systems export."""

SYSTEMS = ("fusionauth", "keycloak", "auth0", "firebase", "django")
"""Whose people can be taken over."""
CLIENT_SYSTEMS = ("fusionauth", "keycloak", "auth0")
"""Whose applications can be."""
