"""What somebody may do in an application: the roles of their registration, and of their groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from holdfast.accounts.applications import configured
from holdfast.accounts.applications.configured import Named
from holdfast.accounts.applications.models import Grant, Group, Registration
from holdfast.accounts.applications.standing import Standing
from holdfast.accounts.trail.events import note


def roles(client_id: str, person: Any) -> list[str]:
    """Return the roles of a person, by their id or whole, in an application.

    At first they join it.
    """
    known = configured.application(client_id)
    if known is None:
        return []
    own = Registration.objects.filter(person=person, application_id=client_id)
    kept = own.values_list("roles", flat=True).first()
    if kept is None:
        kept = _joined(client_id, person, known.everyone)
    return Standing.of(client_id, kept, _groups(person), is_invited=False).roles(known)


def _groups(person: Any) -> QuerySet[Group, Mapping[str, Any]]:
    """Return what each of somebody's groups gives them, by application."""
    return Group.objects.filter(members=person).values_list("roles", flat=True)


def _joined(client_id: str, person: Any, roles: Iterable[str]) -> list[str]:
    """Register somebody; return the roles that they have then."""
    registration, is_new = Registration.objects.get_or_create(
        person_id=getattr(person, "pk", person),
        application_id=client_id,
        defaults={"roles": sorted(roles)},
    )
    if is_new:
        note("application.joined", who=str(registration.person_id), on=client_id)
    return list(registration.roles)


def may_enter(named: Named, person: Any) -> bool:
    """Whether somebody gets into an application at all."""
    if not named.known.members_only:
        return True
    own = Registration.objects.filter(person=person, application_id=named.id, invited=True)
    standing = Standing.of(named.id, (), _groups(person), is_invited=own.exists())
    return standing.may_enter(named.known)


def has_consented(client_id: str, person: Any, scopes: Iterable[str]) -> bool:
    """Whether a person has allowed an application all of these."""
    kept = Registration.objects.filter(person=person, application_id=client_id)
    allowed = kept.values_list("consented", flat=True).first()
    return set(scopes) <= set(allowed or ())


@dataclass(frozen=True)
class Held:
    """An application that somebody has signed in to; `signed_in` says whether they are now."""

    id: str
    name: str
    since: datetime
    roles: tuple[str, ...]
    signed_in: bool


def of_person(person: Any) -> list[Held]:
    """Return the applications that somebody is registered in, by name."""
    now = set(
        Grant.objects.filter(person=person, ends__gt=timezone.now(), pending=None).values_list(
            "application_id", flat=True
        )
    )
    found = []
    for one in Registration.objects.filter(person=person):
        known = configured.application(one.application_id)
        if known is not None:
            named = Named(one.application_id, known)
            held = sorted(set(one.roles) & set(known.roles))
            found.append(Held(named.id, named.name, one.made, tuple(held), named.id in now))
    return sorted(found, key=lambda held: held.name)


def take_back(client_id: str, person: Any) -> None:
    """Forget what a person allowed an application."""
    held = Registration.objects.filter(person=person, application_id=client_id)
    held.update(consented=[])


def consent(client_id: str, person: Any, scopes: Iterable[str]) -> None:
    """Remember what a person allows an application."""
    roles(client_id, person)
    kept = Registration.objects.get(person=person, application_id=client_id)
    kept.consented = sorted({*kept.consented, *scopes})
    kept.save(update_fields=["consented"])
    details = {"scopes": " ".join(sorted(scopes))}
    note("application.consented", who=str(person.pk), on=client_id, details=details)


def known(
    wanted: Mapping[str, Iterable[str]],
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Return the roles that the configuration has, and what it lacks of them, in words."""
    kept: dict[str, tuple[str, ...]] = {}
    lost = []
    for client_id, roles in wanted.items():
        known = configured.application(client_id)
        if known is None:
            lost.append(f"application {client_id!r}")
            continue
        kept[client_id] = tuple(role for role in roles if role in known.roles)
        lost += [
            f"role {role!r} of application {client_id!r}"
            for role in roles
            if role not in known.roles
        ]
    return kept, lost
