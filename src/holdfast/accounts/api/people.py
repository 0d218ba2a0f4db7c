"""The people of the service."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Annotated, Any
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, StreamingHttpResponse
from ninja import Field, Query, Router, Schema

from holdfast.accounts.api.keys import Scope, key_of, must_have
from holdfast.accounts.api.once import once, repeatable
from holdfast.accounts.api.problems import Problem, ProblemOut
from holdfast.accounts.api.shapes import (
    Counted,
    ImportOut,
    Moment,
    NewPerson,
    PeopleOut,
    PersonChange,
    PersonOut,
    RoleChange,
    RoleName,
    SessionOut,
)
from holdfast.accounts.passwords.legacy import UnknownHash, recognise
from holdfast.accounts.people import records
from holdfast.accounts.people.flows import changing, creation, exporting, importing, own_data
from holdfast.accounts.people.models import Person
from holdfast.accounts.search.find import MOST_AT_ONCE, BadCursor, Wanted, find
from holdfast.accounts.trail import events

Numbered = tuple[int, records.Record | records.BadLine]
router = Router(tags=["people"])
PROBLEMS = {frozenset({400, 401, 403, 404, 409, 413, 422, 503}): ProblemOut}
ERRORS_TOLD = 100
MOST_WRAPPED = 500


class Asked(Schema):
    text: str = ""
    role: RoleName | None = None
    active: bool | None = None
    created_from: Moment | None = None
    created_to: Moment | None = None
    cursor: str = ""
    limit: int = Field(50, ge=1, le=MOST_AT_ONCE)


def noted(request: HttpRequest, what: str, on: object = "", **details: object) -> None:
    """Have the trail say which key did what."""
    texts = {name: str(value) for name, value in details.items()}
    events.note(what, request, who=f"key:{key_of(request).name}", on=str(on), details=texts)


def plain(people: Iterable[Person]) -> list[dict[str, Any]]:
    """Return people as plain data, with two further queries for all of them."""
    everybody = list(people)
    ids = [person.pk for person in everybody]
    addresses: dict[UUID, list[dict[str, Any]]] = {pk: [] for pk in ids}
    for one in EmailAddress.objects.filter(user_id__in=ids).order_by("email"):
        told = {"email": one.email, "verified": one.verified, "primary": one.primary}
        addresses[one.user_id].append(told)
    factors: dict[UUID, list[str]] = {pk: [] for pk in ids}
    kinds = Authenticator.objects.filter(user_id__in=ids).order_by("pk")
    for owner, kind in kinds.values_list("user_id", "type"):
        factors[owner].append(kind)
    return [
        {
            "id": person.pk,
            "email": person.email,
            "username": person.username,
            "name": person.name,
            "language": person.language,
            "profile": person.profile,
            "role": person.role,
            "active": person.is_active,
            "created": person.created,
            "last_sign_in": person.last_login,
            "source_id": person.source_id,
            "addresses": addresses[person.pk],
            "factors": factors[person.pk],
        }
        for person in everybody
    ]


def _person(request: HttpRequest, number: UUID, *, change: bool = False) -> Person:
    """Return a person; to change one who has a role needs a scope of its own."""
    person = Person.objects.filter(pk=number).first()
    if change and person is not None:
        if person.is_superuser:
            own_data.hold_admins()  # before one of them, in the order that everybody takes
        person = Person.objects.select_for_update().filter(pk=number).first()
    if person is None:
        raise Problem(404, "Nobody has this id.")
    if change and person.role:
        must_have(request, "people:roles")
    return person


@router.get("", response={200: PeopleOut, **PROBLEMS}, auth=Scope("people:read"))
def find_people(request: HttpRequest, asked: Annotated[Asked, Query()]) -> Any:
    """Find people by any part of a name or an address, by role, state and time, newest first."""
    try:
        found = find(Wanted(**asked.dict()))
    except BadCursor as error:
        raise Problem(400, str(error)) from None
    return 200, {"people": plain(found.people), "cursor": found.cursor}


@router.post("", response={201: PersonOut, **PROBLEMS}, auth=Scope("people:write"))
@once
def create_person(request: HttpRequest, new: NewPerson) -> Any:
    """Create somebody, who has no role."""
    try:
        kept = recognise(new.password_hash) if new.password_hash else None
        username = changing.username(new.username)
        with transaction.atomic():
            person = creation.create(
                new.email,
                None,
                verified=new.verified,
                name=new.name,
                username=username,
                language=new.language,
                profile=new.profile,
            )
            if kept is not None:
                Person.objects.filter(pk=person.pk).update(password=kept)
    except UnknownHash as error:
        raise Problem(422, f"password_hash: {error}") from None
    except ValidationError as error:
        raise Problem(422, " ".join(error.messages)) from None
    except IntegrityError:
        raise Problem(409, "Somebody has this address or user name already.") from None
    noted(request, "person.created", person.pk)
    return 201, plain([person])[0]


@router.get(
    "/export",
    response={**PROBLEMS},
    auth=Scope("people:export"),
    openapi_extra={
        "responses": {200: {"description": "JSON Lines", "content": {"application/jsonl": {}}}}
    },
)
def export_people(request: HttpRequest, hashes: bool = False) -> Any:
    """Give everybody out as JSON Lines; with hashes, if the key may have them."""
    if hashes:
        must_have(request, "people:hashes")
    noted(request, "people.exported", hashes="with" if hashes else "without")
    lines = (records.as_json(one) + "\n" for one in exporting.records(hashes=hashes))
    return StreamingHttpResponse(lines, content_type="application/jsonl")


@router.post(
    "/import",
    response={200: ImportOut, **PROBLEMS},
    auth=Scope("people:import"),
    openapi_extra={"requestBody": {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
@repeatable
def import_people(request: HttpRequest, dry_run: bool = False, wrap: bool = False) -> Any:
    """Import people from JSON Lines in the body, 16 MB at most; twice is the same as once."""
    try:
        text = request.body.decode()
    except UnicodeDecodeError:
        raise Problem(400, "The body is no UTF-8.") from None
    if wrap and text.count("\n") > MOST_WRAPPED:
        said = (
            f"wrap: each line takes a hash, so {MOST_WRAPPED} at most: use holdfast people import"
        )
        raise Problem(413, said)
    outcome = importing.Outcome()
    errors: list[dict[str, Any]] = []
    lines = records.read(io.StringIO(text), "jsonl")
    if "people:roles" not in key_of(request).scopes:
        lines = _without_roles(lines)
    for outcome in importing.run(lines, wrap=wrap, dry=dry_run):
        told = ({"line": line, "what": what} for line, what in outcome.batch_errors)
        errors += list(told)[: ERRORS_TOLD - len(errors)]
    counts = {"created": outcome.created, "there": outcome.there, "refused": outcome.refused}
    if not dry_run:
        noted(request, "people.imported", **counts)
    return 200, {**counts, "errors": errors}


def _without_roles(lines: Iterable[Numbered]) -> Iterator[Numbered]:
    """Refuse who brings roles in applications: who may give none could make an administrator."""
    for number, one in lines:
        if isinstance(one, records.Record) and one.applications:
            yield number, records.BadLine("applications: the key may not give roles (people:roles)")
        else:
            yield number, one


@router.get("/{person_id}", response={200: PersonOut, **PROBLEMS}, auth=Scope("people:read"))
def one_person(request: HttpRequest, person_id: UUID) -> Any:
    """See one person."""
    return 200, plain([_person(request, person_id)])[0]


@router.patch("/{person_id}", response={200: PersonOut, **PROBLEMS}, auth=Scope("people:write"))
@once
def change_person(request: HttpRequest, person_id: UUID, change: PersonChange) -> Any:
    """Change somebody; who is made inactive is signed out everywhere."""
    person = _person(request, person_id, change=True)
    told = change.dict(exclude_unset=True)
    _change(
        person,
        {
            {"active": "is_active"}.get(name, name): value
            for name, value in told.items()
            if name == "username" or value is not None
        },
    )
    noted(request, "person.changed", person.pk, fields=", ".join(sorted(told)))
    return 200, plain([person])[0]


def _change(person: Person, fields: dict[str, Any]) -> None:
    try:
        changing.change(person, fields)
    except ValidationError as error:
        raise Problem(422, " ".join(error.messages)) from None
    except IntegrityError:
        raise Problem(409, "Somebody has this user name already.") from None
    except own_data.LastAdmin as error:
        raise Problem(409, str(error)) from None


@router.put("/{person_id}/role", response={200: PersonOut, **PROBLEMS}, auth=Scope("people:roles"))
@once
def give_role(request: HttpRequest, person_id: UUID, change: RoleChange) -> Any:
    """Give somebody a role, or take it with "" as the role."""
    person = _person(request, person_id, change=True)
    _change(person, {"role": change.role})
    noted(request, "role.given", person.pk, role=change.role or "none")
    return 200, plain([person])[0]


@router.delete("/{person_id}", response={204: None, **PROBLEMS}, auth=Scope("people:write"))
@once
def remove_person(request: HttpRequest, person_id: UUID) -> Any:
    """Remove somebody with everything that is theirs."""
    person = _person(request, person_id, change=True)
    try:
        own_data.delete(person, by=f"key:{key_of(request).name}")
    except own_data.LastAdmin as error:
        raise Problem(409, str(error)) from None
    return 204, None


@router.get(
    "/{person_id}/sessions",
    response={200: list[SessionOut], **PROBLEMS},
    auth=Scope("sessions:write"),
)
def sessions(request: HttpRequest, person_id: UUID) -> Any:
    """See where somebody is signed in."""
    person = _person(request, person_id)
    return 200, [
        {"began": s.created_at, "seen": s.last_seen_at, "address": s.ip, "browser": s.user_agent}
        for s in UserSession.objects.filter(user=person).order_by("-created_at")[:1000]
    ]


@router.post(
    "/{person_id}/sign-out",
    response={200: Counted, **PROBLEMS},
    auth=Scope("sessions:write"),
)
@once
def end_sessions(request: HttpRequest, person_id: UUID) -> Any:
    """Sign somebody out everywhere."""
    person = _person(request, person_id, change=True)
    count = own_data.end_sessions(person)
    noted(request, "session.ended", person.pk, count=count)
    return 200, {"count": count}
