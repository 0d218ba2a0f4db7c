"""Applications, who is registered in them, and groups that give roles."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.idp.oidc.models import Client
from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from ninja import Router

from holdfast.accounts.api.keys import Scope
from holdfast.accounts.api.once import once
from holdfast.accounts.api.people import PROBLEMS, noted
from holdfast.accounts.api.problems import Problem
from holdfast.accounts.api.shapes import (
    ApplicationOut,
    GroupChange,
    GroupOut,
    NewGroup,
    RegistrationChange,
    RegistrationOut,
)
from holdfast.accounts.applications import grants, registration
from holdfast.accounts.applications.configured import Named
from holdfast.accounts.applications.groups import UnknownRole, checked, known_roles
from holdfast.accounts.applications.models import Group, Registration
from holdfast.accounts.people.models import Person

router = Router(tags=["applications"])
of_people = Router(tags=["applications"])
of_groups = Router(tags=["groups"])
READ, WRITE = Scope("applications:read"), Scope("applications:write")


@router.get("", response={200: list[ApplicationOut], **PROBLEMS}, auth=READ)
def applications(request: HttpRequest) -> Any:
    """See which applications the configuration names."""
    return 200, [
        {
            "id": name,
            "name": Named(name, known).name,
            "roles": list(known.roles),
            "everyone": list(known.everyone),
            "grants": list(known.grants),
            "members_only": known.members_only,
            "second_factor": known.second_factor,
        }
        for name, known in settings.HOLDFAST.applications.items()
    ]


def _person(number: UUID) -> Person:
    person = Person.objects.filter(pk=number).first()
    if person is None:
        raise Problem(404, "Nobody has this id.")
    return person


def _shown(person: Person, client_id: str = "") -> list[dict[str, Any]]:
    return [
        {
            "application": held.id,
            "roles": list(held.roles),
            "since": held.since,
            "signed_in": held.signed_in,
        }
        for held in registration.of_person(person)
        if client_id in ("", held.id)
    ]


@of_people.get(
    "/{person_id}/applications", response={200: list[RegistrationOut], **PROBLEMS}, auth=READ
)
def registrations(request: HttpRequest, person_id: UUID) -> Any:
    """See in which applications somebody is registered, and with which roles of their own."""
    return 200, _shown(_person(person_id))


@of_people.put(
    "/{person_id}/applications/{client_id}",
    response={200: RegistrationOut, **PROBLEMS},
    auth=WRITE,
)
@once
def register(
    request: HttpRequest, person_id: UUID, client_id: str, change: RegistrationChange
) -> Any:
    """Register somebody in an application, with these roles and no others of their own."""
    person = _person(person_id)
    try:
        roles = known_roles(client_id, change.roles)
    except UnknownRole as error:
        raise Problem(422, str(error)) from None
    Registration.objects.update_or_create(
        person=person, application_id=client_id, defaults={"roles": roles, "invited": True}
    )
    noted(request, "application.roles", person.pk, application=client_id, roles=", ".join(roles))
    return 200, _shown(person, client_id)[0]


@of_people.delete(
    "/{person_id}/applications/{client_id}", response={204: None, **PROBLEMS}, auth=WRITE
)
@once
def unregister(request: HttpRequest, person_id: UUID, client_id: str) -> Any:
    """Take somebody out of an application, and sign them out of it."""
    person = _person(person_id)
    if "\0" in client_id or not Client.objects.filter(pk=client_id).exists():
        raise Problem(404, "There is no such application.")
    with transaction.atomic():
        Registration.objects.filter(person=person, application_id=client_id).delete()
        grants.end_all(person, client_id)
    noted(request, "application.unregistered", person.pk, application=client_id)
    return 204, None


def _group(name: str) -> Group:
    group = Group.objects.filter(name=name).first() if "\0" not in name else None
    if group is None:
        raise Problem(404, "There is no such group.")
    return group


def _plain(group: Group) -> dict[str, Any]:
    return {"name": group.name, "roles": group.roles, "members": group.members.count()}


def _roles(roles: dict[str, list[str]]) -> dict[str, list[str]]:
    try:
        return checked(roles)
    except UnknownRole as error:
        raise Problem(422, str(error)) from None


@of_groups.get("", response={200: list[GroupOut], **PROBLEMS}, auth=READ)
def groups(request: HttpRequest) -> Any:
    """See the groups."""
    return 200, [_plain(group) for group in Group.objects.order_by("name")[:1000]]


@of_groups.post("", response={201: GroupOut, **PROBLEMS}, auth=WRITE)
@once
def make_group(request: HttpRequest, new: NewGroup) -> Any:
    """Make a group."""
    try:
        with transaction.atomic():
            group = Group.objects.create(name=new.name, roles=_roles(new.roles))
    except IntegrityError:
        raise Problem(409, "There is a group of this name already.") from None
    noted(request, "group.made", f"group:{group.pk}", name=group.name)
    return 201, _plain(group)


@of_groups.put("/{name}", response={200: GroupOut, **PROBLEMS}, auth=WRITE)
@once
def change_group(request: HttpRequest, name: str, change: GroupChange) -> Any:
    """Give a group these roles and no others."""
    group = _group(name)
    group.roles = _roles(change.roles)
    group.save(update_fields=["roles"])
    noted(request, "group.changed", f"group:{group.pk}", name=group.name)
    return 200, _plain(group)


@of_groups.delete("/{name}", response={204: None, **PROBLEMS}, auth=WRITE)
@once
def remove_group(request: HttpRequest, name: str) -> Any:
    """Remove a group; its members stay, without its roles."""
    group = _group(name)
    noted(request, "group.removed", f"group:{group.pk}", name=group.name)
    group.delete()
    return 204, None


@of_groups.put("/{name}/members/{person_id}", response={204: None, **PROBLEMS}, auth=WRITE)
@once
def join_group(request: HttpRequest, name: str, person_id: UUID) -> Any:
    """Put somebody into a group."""
    group, person = _group(name), _person(person_id)
    group.members.add(person)
    noted(request, "group.joined", person.pk, group=group.name)
    return 204, None


@of_groups.delete("/{name}/members/{person_id}", response={204: None, **PROBLEMS}, auth=WRITE)
@once
def leave_group(request: HttpRequest, name: str, person_id: UUID) -> Any:
    """Take somebody out of a group."""
    group, person = _group(name), _person(person_id)
    group.members.remove(person)
    noted(request, "group.left", person.pk, group=group.name)
    return 204, None
