"""What is told of a person: no more than the scopes that they allowed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from allauth.account.models import EmailAddress

SUPPORTED = (
    *("sub", "name", "preferred_username", "email", "email_verified", "roles"),
    *("auth_time", "amr", "nonce", "at_hash"),
)


def of_person(person: Any, scopes: Iterable[str], roles: list[str]) -> dict[str, Any]:
    """Return the claims about a person with these roles (OpenID Connect Core, 5.1 and 5.4)."""
    asked = set(scopes)
    said: dict[str, Any] = {"sub": subject(person)}
    if "profile" in asked:
        if person.name:
            said["name"] = person.name
        if person.username:
            said["preferred_username"] = person.username
    if "email" in asked:
        primary = EmailAddress.objects.filter(user=person, primary=True).first()
        if primary is not None:
            said |= {"email": primary.email, "email_verified": primary.verified}
    return {**said, "roles": roles}


def subject(person: Any) -> str:
    """Return who somebody is, the same for every application."""
    return str(person.pk)
