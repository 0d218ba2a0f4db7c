"""People come from elsewhere: in batches, each whole or not at all, and nobody twice.

Who is there already stays as they are: by the id of the other system, or else by their address. So
an import that was killed is started again with the same file, and goes on where it was.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import IntegrityError, transaction
from django.utils import timezone

from holdfast.accounts import sealed
from holdfast.accounts.applications import registration
from holdfast.accounts.applications.models import Registration
from holdfast.accounts.passwords import wrapped
from holdfast.accounts.people import factors, rows
from holdfast.accounts.people.ids import new_id
from holdfast.accounts.people.models import Handle, Person
from holdfast.accounts.people.records import BadLine, Record
from holdfast.accounts.search.models import SearchRow
from holdfast.accounts.search.rows import text_of

BATCH = 10_000
UNUSABLE = "!"  # what Django begins a password with that fits nothing

Numbered = tuple[int, Record]


@dataclass
class Outcome:
    """How many were created, were there already, and were refused; and why, by line.

    Of those created, `partly` came without all that the other system had; `batch_notes` say what.
    """

    created: int = 0
    there: int = 0
    refused: int = 0
    partly: int = 0
    batch_errors: list[tuple[int, str]] = field(default_factory=list)
    batch_notes: list[tuple[int, str]] = field(default_factory=list)

    def create(self, number: int, one: Record) -> None:
        self.created += 1
        if one.dropped:
            self.partly += 1
            who = f"{one.id!r}: " if one.id else ""
            self.batch_notes.append((number, who + "; ".join(one.dropped)))

    def refuse(self, number: int, reason: str) -> None:
        self.refused += 1
        self.batch_errors.append((number, reason))


def run(
    lines: Iterable[tuple[int, Record | BadLine]],
    *,
    wrap: bool,
    dry: bool,
    drop_unknown_roles: bool = False,
) -> Iterator[Outcome]:
    """Import, and yield the outcome so far after each batch; its errors are of that batch.

    Who has a role that the configuration lacks is refused, or comes without it.
    """
    outcome = Outcome()
    source = iter(lines)
    while batch := list(islice(source, BATCH)):
        outcome.batch_errors, outcome.batch_notes = [], []
        good = []
        for number, one in batch:
            if isinstance(one, BadLine):
                outcome.refuse(number, str(one))
            else:
                good.append((number, one))
        new = _newcomers(good, outcome)
        new = list(_with_known_roles(new, outcome, drop=drop_unknown_roles))
        if dry:
            for number, one in new:
                outcome.create(number, one)
        else:
            _batch(new, outcome, wrap=wrap)
        yield outcome


def _with_known_roles(new: list[Numbered], outcome: Outcome, *, drop: bool) -> Iterator[Numbered]:
    for number, one in new:
        kept, lost = registration.known(one.applications)
        if not lost:
            yield number, one
        elif drop:
            yield number, replace(one, applications=kept, dropped=(*one.dropped, *lost))
        else:
            outcome.refuse(
                number,
                f"the configuration has no {lost[0]}: name it under [applications], or have "
                "what it lacks left out (--drop-unknown-roles)",
            )


def _batch(new: list[Numbered], outcome: Outcome, *, wrap: bool) -> None:
    hashed = [(one, _password(one, wrap=wrap)) for _, one in new]  # may take long: nobody waits
    try:
        with transaction.atomic():
            _create(hashed)
        for number, record in new:
            outcome.create(number, record)
    except IntegrityError:  # somebody else wrote meanwhile: one by one, so that one stops no other
        for (number, _), one in zip(new, hashed, strict=True):
            try:
                with transaction.atomic():
                    _create([one])
                outcome.create(number, one[0])
            except IntegrityError:
                outcome.refuse(number, "somebody has its id, address or name already")


def _handles(one: Record) -> set[str]:
    return {one.email, *one.other_emails, *([one.username] if one.username else [])}


def _newcomers(batch: list[Numbered], outcome: Outcome) -> list[Numbered]:
    """Return who is not there yet; who is counted, and who clashes is refused."""
    names = {name for _, one in batch for name in _handles(one)}
    owners: dict[str, str] = {
        name: source or str(person)
        for name, person, source in Handle.objects.filter(name__in=names).values_list(
            "name", "person_id", "person__source_id"
        )
    }
    ids = {one.id for _, one in batch if one.id}
    known = set(Person.objects.filter(source_id__in=ids).values_list("source_id", flat=True))
    new = []
    for number, one in batch:
        held = {name: owners[name] for name in _handles(one) if name in owners}
        itself = one.id or owners.get(one.email, "")
        if others := [name for name, owner in held.items() if owner != itself and one.id]:
            outcome.refuse(number, f"somebody else has {min(others)!r}: change it, or leave it out")
        elif one.id in known or (not one.id and one.email in held):
            outcome.there += 1
        elif held:
            outcome.refuse(number, f"somebody else has {min(held)!r}: change it, or leave it out")
        else:
            new.append((number, one))
            known |= {one.id} if one.id else set()
            owners.update(dict.fromkeys(_handles(one), one.id or f"line {number}"))
    return new


PERSON = (
    *("id", "username", "email", "name", "language", "is_active", "created", "source_id"),
    *("profile", "password", "is_staff", "is_superuser", "password_stands_alone", "role"),
)
SEARCH = ("person", "text", "role", "active", "created")
ADDRESS = ("user", "email", "verified", "primary")
REGISTRATION = ("person", "application", "roles", "consented", "invited", "made")
FACTOR = ("user", "type", "data", "created_at")


def _create(hashed: list[tuple[Record, str]]) -> None:
    """Write people with their addresses and handles, which signals do for single ones."""
    now = timezone.now()
    pairs = [(new_id(), one) for one, _ in hashed]
    passwords = [password for _, password in hashed]
    people = zip(pairs, passwords, strict=True)
    rows.insert(Person, PERSON, [_person(pk, one, now, kept) for (pk, one), kept in people])
    addresses = []
    for pk, one in pairs:
        addresses.append((pk, one.email, one.verified, True))
        addresses += [(pk, other, True, False) for other in one.other_emails]
    rows.insert(EmailAddress, ADDRESS, addresses)
    handles = [(name, pk) for pk, one in pairs for name in _handles(one)]
    rows.insert(Handle, ("name", "person"), handles)
    rows.insert(SearchRow, SEARCH, [_search_row(pk, one, now) for pk, one in pairs])
    registered: list[tuple[Any, ...]] = [
        (pk, client_id, list(roles), [], True, now)
        for pk, one in pairs
        for client_id, roles in one.applications.items()
    ]
    rows.insert(Registration, REGISTRATION, registered)
    rows.insert(Authenticator, FACTOR, [_totp(pk, one, now) for pk, one in pairs if one.totp])


def _person(pk: uuid.UUID, one: Record, now: datetime, password: str) -> tuple[Any, ...]:
    return (
        *(pk, one.username, one.email, one.name, one.language, one.active, one.created or now),
        *(one.id or None, one.profile, password, False, False, False, ""),
    )


def _search_row(pk: uuid.UUID, one: Record, now: datetime) -> tuple[Any, ...]:
    emails = sorted({one.email, *one.other_emails})
    text = text_of(one.name, one.username, one.id, *emails)
    return (pk, text, "", one.active, one.created or now)


def _totp(pk: uuid.UUID, one: Record, now: datetime) -> tuple[Any, ...]:
    return (pk, Authenticator.Type.TOTP, {"secret": sealed.seal(one.totp, factors.PURPOSE)}, now)


def _password(one: Record, *, wrap: bool) -> str:
    if not one.password_hash:
        return UNUSABLE + secrets.token_hex(20)
    return wrapped.wrap(one.password_hash) if wrap else one.password_hash
