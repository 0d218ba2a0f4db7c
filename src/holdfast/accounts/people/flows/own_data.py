"""What is a person's own: given to them whole, and removed when they say so."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.db import transaction

from holdfast.accounts.applications import registration
from holdfast.accounts.applications.models import Grant
from holdfast.accounts.people import sessions
from holdfast.accounts.people.models import Person
from holdfast.accounts.trail import events


class LastAdmin(Exception):
    """The only administrator cannot go: nobody could administer any more. Says the mend."""

    def __init__(self) -> None:
        super().__init__("This is the only administrator: name another one first.")


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
        "connected_accounts": [
            {
                "with": one.provider,
                "email": one.extra_data.get("email", ""),
                "name": one.extra_data.get("name", ""),
                "added": one.date_joined.isoformat(),
                "last_used": one.last_login.isoformat(),
            }
            for one in SocialAccount.objects.filter(user=person).order_by("date_joined")
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
        "applications": [
            {
                "application": one.name,
                "since": one.since.isoformat(),
                "roles": list(one.roles),
                "signed_in": [
                    {"began": grant.began.isoformat(), "ends": grant.ends.isoformat()}
                    for grant in Grant.objects.filter(person=person, application_id=one.id)
                ],
            }
            for one in registration.of_person(person)
        ],
    }


def is_last_admin(person: Person) -> bool:
    """Whether nobody else administers the service; within a transaction, so that it stays so."""
    return person.is_superuser and hold_admins() == [person.pk]


def hold_admins() -> list[UUID]:
    """Have nobody else change who administers, until the transaction ends; return who does."""
    admins = Person.objects.select_for_update().filter(is_superuser=True, is_active=True)
    return list(admins.order_by("pk").values_list("pk", flat=True))


def end_sessions(person: Person) -> int:
    """Sign somebody out everywhere; return in how many places that was."""
    held = list(UserSession.objects.filter(user=person).order_by("pk"))
    for session in held:
        sessions.end(session)
    sessions.ended_everywhere.send(sender=Person, person=person)
    return len(held)


def delete(person: Person, by: str = "") -> None:
    """Remove a person with everything that is theirs. Raises LastAdmin."""
    with transaction.atomic():
        if is_last_admin(person):
            raise LastAdmin
        gone = str(person.pk)
        list(Person.objects.select_for_update().filter(pk=person.pk).values_list("pk"))
        end_sessions(person)
        person.delete()
        events.note("person.deleted", who=by or gone, on=gone)
