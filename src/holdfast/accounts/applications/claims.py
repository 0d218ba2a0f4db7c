"""What is told of a person: no more than the scopes that they allowed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from allauth.account.models import EmailAddress

from holdfast.accounts.people.models import Person

SUPPORTED = (
    *("sub", "name", "preferred_username", "email", "email_verified", "roles"),
    *("auth_time", "amr", "nonce", "at_hash"),
)


def of_person(number: Any, scopes: Iterable[str], roles: list[str]) -> dict[str, Any]:
    """Return the claims about the person of an id, who has these roles.

    OpenID Connect Core, 5.1 and 5.4.
    """
    asked = set(scopes)
    said: dict[str, Any] = {"sub": str(number)}
    if "profile" in asked:
        name, username = Person.objects.values_list("name", "username").get(pk=number)
        if name:
            said["name"] = name
        if username:
            said["preferred_username"] = username
    if "email" in asked:
        primary = EmailAddress.objects.filter(user=number, primary=True).first()
        if primary is not None:
            said |= {"email": primary.email, "email_verified": primary.verified}
    return {**said, "roles": roles}


def subject(person: Any) -> str:
    """Return who somebody is, the same for every application."""
    return str(person.pk)
