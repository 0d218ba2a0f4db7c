"""What is a person's own: given to them whole, and removed when they say so."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import transaction

from holdfast.accounts.people.models import Person


class LastAdmin(Exception):
    """The only administrator cannot remove themselves: nobody could administer any more."""


def collected(person: Person) -> dict[str, Any]:
    """Return everything that is kept about a person, save for secrets, as plain data."""
    return {
        "id": str(person.pk),
        "user_name": person.username,
        "name": person.name,
        "language": person.language,
        "profile": person.profile,
        "created": person.created.isoformat(),
        "last_sign_in": person.last_login.isoformat() if person.last_login else None,
        "addresses": [
            {"email": one.email, "verified": one.verified, "primary": one.primary}
            for one in EmailAddress.objects.filter(user=person).order_by("email")
        ],
        "second_factors": [
            {
                "type": one.type,
                "added": one.created_at.isoformat(),
                "last_used": one.last_used_at.isoformat() if one.last_used_at else None,
            }
            for one in Authenticator.objects.filter(user=person).order_by("created_at")
        ],
        "sessions": [
            {
                "began": one.created_at.isoformat(),
                "seen": one.last_seen_at.isoformat(),
                "address": one.ip,
                "browser": one.user_agent,
            }
            for one in UserSession.objects.filter(user=person).order_by("created_at")
        ],
    }


def delete(person: Person) -> None:
    """Remove a person with everything that is theirs. Raises LastAdmin."""
    with transaction.atomic():
        admins = Person.objects.select_for_update().filter(is_superuser=True, is_active=True)
        if person.is_superuser and list(admins.values_list("pk", flat=True)) == [person.pk]:
            raise LastAdmin
        for session in UserSession.objects.filter(user=person):
            session.end()
        person.delete()
