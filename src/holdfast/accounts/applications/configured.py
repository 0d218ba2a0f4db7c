"""Applications as the configuration names them, brought into the database at start."""

from __future__ import annotations

from allauth.idp.oidc.models import Client, Token
from django.conf import settings
from django.db import transaction

from holdfast.accounts.configuration import Application

SCOPES = ["openid", "profile", "email"]
GRANTS = [Client.GrantType.AUTHORIZATION_CODE, Client.GrantType.REFRESH_TOKEN]


def bring() -> None:
    """Make the clients what the configuration says; nobody signs in to one that it does not name.

    Such a one is kept, with who has which roles there, until it is named again. Several processes
    may start at once: each brings the same.
    """
    wanted = settings.HOLDFAST.applications
    with transaction.atomic():
        gone = Client.objects.exclude(id__in=wanted)
        Token.objects.filter(client__in=gone).delete()
        gone.update(redirect_uris="", grant_types="", secret="", type=Client.Type.CONFIDENTIAL)
        for name, application in wanted.items():
            _bring(name, application)


def _bring(name: str, application: Application) -> None:
    client = Client.objects.filter(id=name).first() or Client(id=name, secret="")
    secret = application.secret.get_secret_value()
    client.name = application.name or name
    client.type = Client.Type.CONFIDENTIAL if secret else Client.Type.PUBLIC
    client.skip_consent = application.first_party
    client.allow_uri_wildcards = False
    client.set_redirect_uris(list(application.redirect))
    client.set_post_logout_redirect_uris(list(application.signed_out))
    client.set_scopes(SCOPES)
    client.set_grant_types([*map(str, GRANTS)])
    client.set_response_types(["code"])
    if not secret:
        client.secret = ""
    elif not client.secret or not client.check_secret(secret):
        client.set_secret(secret)
    client.save()


def application(client_id: str) -> Application | None:
    """Return what the configuration says of a client."""
    found: Application | None = settings.HOLDFAST.applications.get(client_id)
    return found
