"""Each person's row follows what changes of them, in the same transaction."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

from allauth.account.models import EmailAddress
from django.db.models.signals import post_delete, post_save

from holdfast.accounts.people.models import Person
from holdfast.accounts.search.models import SearchRow

LONGEST_TEXT = 2000


def folded(text: str) -> str:
    """Return a text as it is looked for: NFKC, without capitals, and without NUL."""
    return unicodedata.normalize("NFKC", text).casefold().replace("\0", "")


def text_of(*parts: str | None) -> str:
    """Return what somebody is found by; each part on a line of its own, so that none runs on."""
    return "\n".join(folded(part) for part in parts if part)[:LONGEST_TEXT]


def refresh(people: Iterable[Person]) -> None:
    """Write the rows of these people anew."""
    for person in people:
        addresses = EmailAddress.objects.filter(user_id=person.pk).values_list("email", flat=True)
        emails = sorted({person.email, *addresses})
        SearchRow.objects.update_or_create(
            person=person,
            defaults={
                "text": text_of(person.name, person.username, person.source_id, *emails),
                "role": person.role,
                "active": person.is_active,
                "created": person.created,
            },
        )


def of_person(sender: object, instance: Person, **rest: Any) -> None:
    """Follow a person who was saved."""
    if not rest.get("raw") and rest.get("update_fields") != frozenset({"last_login"}):
        refresh([instance])


def of_address(sender: object, instance: EmailAddress, **rest: Any) -> None:
    """Follow an address that was saved or removed; who is being removed has no row any more."""
    refresh(Person.objects.filter(pk=instance.user_id, row__isnull=False))


def follow() -> None:
    """Connect the signals."""
    post_save.connect(of_person, Person, dispatch_uid="row of a person")
    post_save.connect(of_address, EmailAddress, dispatch_uid="row of an address")
    post_delete.connect(of_address, EmailAddress, dispatch_uid="row of no address")
