"""What the API takes and gives. What is taken names every field: others are refused."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Field, Schema
from pydantic import AwareDatetime, BeforeValidator, ConfigDict, StrictBool, StringConstraints

from holdfast.accounts.people.names import LONGEST_ADDRESS, LONGEST_NAME

Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$")]
Profile = Annotated[
    dict[
        Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")],
        Annotated[Line, StringConstraints(max_length=500)],
    ],
    Field(max_length=50, json_schema_extra={"additionalProperties": False}),
]
UserName = Annotated[Line, StringConstraints(min_length=2, max_length=LONGEST_NAME)]
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:\d{2})")


def _is_moment(value: object) -> object:
    """Take RFC 3339 only: pydantic would take numbers for seconds since 1970."""
    if value is not None and not (isinstance(value, str) and MOMENT.fullmatch(value)):
        raise ValueError("write a time with its zone, as in 2030-01-31T12:00:00Z")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_is_moment)]
RoleName = Literal["", "admin", "support", "auditor"]
Language = Literal["", "en", "de"]


class Taken(Schema):
    """What is sent to us."""

    model_config = ConfigDict(extra="forbid")


class AddressOut(Schema):
    email: str
    verified: bool
    primary: bool


class PersonOut(Schema):
    """A person; never a hash, a secret or a session's key."""

    id: UUID
    email: str
    username: str | None
    name: str
    language: str
    profile: dict[str, Any]
    role: str
    active: bool
    created: datetime
    last_sign_in: datetime | None
    source_id: str | None
    addresses: list[AddressOut]
    factors: list[str]


class PeopleOut(Schema):
    """A page of people, and the cursor of the next one; "" after the last."""

    people: list[PersonOut]
    cursor: str


class NewPerson(Taken):
    email: Annotated[Line, StringConstraints(min_length=3, max_length=LONGEST_ADDRESS)]
    verified: StrictBool = False
    name: Annotated[Line, StringConstraints(max_length=150)] = ""
    username: Annotated[Line, StringConstraints(min_length=2, max_length=LONGEST_NAME)] | None = (
        None
    )
    language: Language = ""
    profile: Profile = Field(default_factory=dict)
    password_hash: Annotated[str, StringConstraints(max_length=1000)] = ""


class PersonChange(Taken):
    """What is left out stays as it is."""

    name: Annotated[Line, StringConstraints(max_length=150)] | None = None
    username: Annotated[Line, StringConstraints(min_length=2, max_length=LONGEST_NAME)] | None = (
        None
    )
    language: Language | None = None
    profile: Profile | None = None
    active: StrictBool | None = None


class RoleChange(Taken):
    role: RoleName


class SessionOut(Schema):
    began: datetime
    seen: datetime
    address: str
    browser: str


class Counted(Schema):
    count: int


class RefusedLine(Schema):
    line: int
    what: str


class ImportOut(Schema):
    created: int
    there: int
    refused: int
    errors: list[RefusedLine]


class EntryOut(Schema):
    """An entry of the trail; docs/trail.md tells what each field is."""

    number: int
    at: str
    who: str
    what: str
    on: str
    where: str
    result: str
    details: dict[str, str]


class EntriesOut(Schema):
    entries: list[EntryOut]


class CheckpointOut(Schema):
    checkpoint: str
    key: str


class KeyOut(Schema):
    id: int
    name: str
    scopes: list[str]
    created: datetime
    expires: datetime | None
    used: datetime | None


class KeysOut(Schema):
    keys: list[KeyOut]


class NewKey(Taken):
    name: Annotated[Line, StringConstraints(min_length=1, max_length=60)]
    scopes: Annotated[list[Annotated[str, StringConstraints(max_length=40)]], Field(max_length=50)]
    expires: Moment | None = None


class MadeKey(KeyOut):
    key: str
    """Shown now and never again."""


class ApplicationOut(Schema):
    id: str
    name: str
    roles: list[str]
    everyone: list[str]
    grants: list[str]
    members_only: bool
    second_factor: bool


class RegistrationOut(Schema):
    application: str
    roles: list[str]
    since: datetime
    signed_in: bool


Roles = Annotated[
    list[Annotated[Line, StringConstraints(min_length=1, max_length=60)]], Field(max_length=200)
]


class RegistrationChange(Taken):
    roles: Roles


class GroupOut(Schema):
    """A group; `roles` are by application, `members` are how many there are."""

    name: str
    roles: dict[str, list[str]]
    members: int


RolesByApplication = Annotated[
    dict[Annotated[Line, StringConstraints(min_length=1, max_length=60)], Roles],
    Field(max_length=200),
]


class GroupChange(Taken):
    roles: RolesByApplication


class NewGroup(GroupChange):
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$")]
