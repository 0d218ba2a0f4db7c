"""What somebody may do in an application: the roles of their registration there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from allauth.idp.oidc.models import Client

from holdfast.accounts.applications import configured
from holdfast.accounts.applications.models import Registration
from holdfast.accounts.trail.events import note


def roles(client: Client, person: Any) -> list[str]:
    """Return the roles of a person in an application, whom it registers there at first."""
    known = configured.application(client.id)
    if known is None:
        return []
    registration, is_new = Registration.objects.get_or_create(
        person=person, application=client, defaults={"roles": sorted(known.everyone)}
    )
    if is_new:
        note("application.joined", who=str(person.pk), on=client.id)
    return sorted(set(registration.roles) & set(known.roles))


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
