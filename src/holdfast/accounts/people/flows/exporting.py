"""People go elsewhere with everything that is theirs, and can be imported again as they were."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any, TextIO

from allauth.account.models import EmailAddress
from django.db.models import Prefetch

from holdfast.accounts.applications.models import Registration
from holdfast.accounts.people.flows.importing import UNUSABLE
from holdfast.accounts.people.models import Person
from holdfast.accounts.people.records import (
    APPLICATIONS,
    FIELDS,
    PROFILE,
    Record,
    as_cells,
    as_json,
)

CHUNK = 500


def records(*, hashes: bool) -> Iterator[Record]:
    """Yield everybody, ordered by their address."""
    for person in _everybody():
        held = {one.email: one for one in person.addresses}
        usable = person.password and not person.password.startswith(UNUSABLE)
        yield Record(
            id=person.source_id or str(person.pk),
            email=person.email,
            verified=person.email in held and held[person.email].verified,
            other_emails=tuple(
                one.email for one in held.values() if one.verified and one.email != person.email
            ),
            username=person.username,
            name=person.name,
            language=person.language,
            created=person.created,
            active=person.is_active,
            password_hash=person.password if hashes and usable else "",
            profile=person.profile,
            applications={
                one.application_id: tuple(sorted(one.roles)) for one in person.registrations.all()
            },
        )


def _everybody() -> Iterator[Any]:
    """Yield people by their address, some hundred at a time, whatever the database would do."""
    addresses = Prefetch("emailaddress_set", EmailAddress.objects.order_by("email"), "addresses")
    ordered = Person.objects.order_by("email", "pk").prefetch_related(
        addresses, Prefetch("registrations", Registration.objects.order_by("application_id"))
    )
    rest = ordered
    while True:
        some = list(rest[:CHUNK])
        yield from some
        if len(some) < CHUNK:
            return
        last = some[-1]
        rest = ordered.filter(email__gte=last.email).exclude(email=last.email, pk__lte=last.pk)


def write(stream: TextIO, kind: str, *, hashes: bool) -> int:
    """Write everybody as JSON Lines or CSV; return how many."""
    count = 0
    if kind == "csv":
        profile, applications = _columns()
        rows = csv.writer(stream, lineterminator="\n")
        further = [PROFILE + key for key in profile] + [APPLICATIONS + key for key in applications]
        rows.writerow([*FIELDS, *further])
        for one in records(hashes=hashes):
            rows.writerow(as_cells(one, profile, applications))
            count += 1
    else:
        for one in records(hashes=hashes):
            stream.write(as_json(one) + "\n")
            count += 1
    return count


def _columns() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which fields of profiles, and which applications, anybody has."""
    profile: set[str] = set()
    applications: set[str] = set()
    for one in records(hashes=False):
        profile.update(one.profile)
        applications.update(one.applications)
    return tuple(sorted(profile)), tuple(sorted(applications))
