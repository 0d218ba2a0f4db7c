"""What is told of a person: no more than the scopes that they allowed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from allauth.account.models import EmailAddress

from holdfast.accounts.applications import registration

SUPPORTED = (
    *("sub", "name", "preferred_username", "email", "email_verified", "roles"),
    *("auth_time", "amr", "nonce", "at_hash"),
)


def of_person(
    person: Any, client_id: str, scopes: Iterable[str], roles: list[str] | None = None
) -> dict[str, Any]:
    """Return the claims about a person (OpenID Connect Core, 5.1 and 5.4).

    `roles` are theirs, where they are known already.
    """
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
    return {**said, "roles": registration.roles(client_id, person) if roles is None else roles}


def subject(person: Any) -> str:
    """Return who somebody is, the same for every application."""
    return str(person.pk)
