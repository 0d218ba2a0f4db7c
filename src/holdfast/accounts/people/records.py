"""People as lines of a file: JSON Lines or CSV, read one by one, each bounded and checked.

A line holds `id` (who it is in the other system), `email`, `verified`, `other_emails`, `username`,
`name`, `language`, `created`, `active`, `password_hash`, `profile` (in CSV: columns
`profile.NAME`) and `applications`, the roles in each (in CSV: columns `applications.ID`, roles
separated by spaces, `-` for none). Only `email` must be there.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, TextIO

from django.core.exceptions import ValidationError

from holdfast.accounts.configuration import CLIENT_ID, ROLE
from holdfast.accounts.passwords import legacy
from holdfast.accounts.people.names import folded_address, folded_name
from holdfast.accounts.texts import is_plain

LONGEST_LINE = 64 * 1024  # characters
LONGEST_TEXT = 150
LONGEST_ID = 200
MOST_ADDRESSES = 20
MOST_FIELDS = 50
MOST_APPLICATIONS = 200
MOST_ROLES = 200
FIELDS = (
    *("id", "email", "verified", "other_emails", "username", "name", "language", "created"),
    *("active", "password_hash"),
)
PROFILE, APPLICATIONS = "profile.", "applications."
NO_ROLE = "-"
TRUE, FALSE = {"true", "1", "yes"}, {"false", "0", "no"}


class BadLine(Exception):
    """A line that is nobody; the message says what and the mend."""


@dataclass(frozen=True)
class Record:
    """One person of a file; `other_emails` are verified.

    `totp` (the secret of an app, in base32) and `dropped` (what of them does not come along) are
    only there where they come from another system.
    """

    id: str
    email: str
    verified: bool = True
    other_emails: tuple[str, ...] = ()
    username: str | None = None
    name: str = ""
    language: str = ""
    created: datetime | None = None
    active: bool = True
    password_hash: str = ""
    profile: dict[str, str] = field(default_factory=dict)
    applications: dict[str, tuple[str, ...]] = field(default_factory=dict)
    totp: str = field(default="", repr=False)
    dropped: tuple[str, ...] = ()


def read(stream: TextIO, kind: str) -> Iterator[tuple[int, Record | BadLine]]:
    """Yield each line's number with whom it is, or with what is wrong with it."""
    yield from (_read_csv if kind == "csv" else _read_jsonl)(stream)


def read_lines(stream: TextIO, longest: int = LONGEST_LINE) -> Iterator[tuple[int, str | BadLine]]:
    """Yield each line that is not empty with its number; one that is too long is a BadLine."""
    number = 0
    while line := stream.readline(longest + 1):
        number += 1
        if len(line) > longest:
            while line and not line.endswith("\n"):
                line = stream.readline(longest)
            yield number, BadLine(f"is longer than {longest} characters: shorten it")
        elif line.strip():
            yield number, line


def _read_jsonl(stream: TextIO) -> Iterator[tuple[int, Record | BadLine]]:
    for number, line in read_lines(stream):
        if isinstance(line, BadLine):
            yield number, line
            continue
        try:
            raw = json.loads(line, object_pairs_hook=_once)
            if not isinstance(raw, dict):
                raise BadLine("is no object: write {…} on one line for each person")
            yield number, record(raw)
        except BadLine as bad:
            yield number, bad
        except (ValueError, RecursionError):
            yield number, BadLine("is no JSON: write one object on one line for each person")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise BadLine("has a key twice: keep one of them")
    return dict(pairs)


def _read_csv(stream: TextIO) -> Iterator[tuple[int, Record | BadLine]]:
    head: list[str] | None = None
    for number, line in read_lines(stream):
        if isinstance(line, BadLine):
            yield number, line
            continue
        try:
            (cells,) = csv.reader(io.StringIO(line), strict=True)
        except (csv.Error, ValueError):
            yield number, BadLine("is no row of CSV: quote cells with commas, one row on one line")
            continue
        if head is None:
            head = [cell.strip() for cell in cells]
            if "email" not in head:
                yield number, BadLine("names no column email: the first row names the columns")
                return
        elif len(cells) != len(head):
            yield number, BadLine(f"has {len(cells)} cells where the first row has {len(head)}")
        else:
            try:
                yield number, record(_of_cells(dict(zip(head, cells, strict=True))))
            except BadLine as bad:
                yield number, bad


def _of_cells(cells: dict[str, str]) -> dict[str, Any]:
    raw: dict[str, Any] = {key: value for key, value in cells.items() if value != ""}
    profile = _columns(raw, PROFILE)
    if profile:
        raw["profile"] = profile
    applications = _columns(raw, APPLICATIONS)
    if applications:
        raw["applications"] = {
            name: [role for role in text.split() if role != NO_ROLE]
            for name, text in applications.items()
        }
    if "other_emails" in raw:
        raw["other_emails"] = raw["other_emails"].split()
    return raw


def _columns(raw: dict[str, Any], prefix: str) -> dict[str, str]:
    """Take the cells of all columns with a prefix out, by the rest of their names."""
    found = [key for key in raw if key.startswith(prefix)]
    return {key[len(prefix) :]: raw.pop(key) for key in found}


def record(raw: dict[str, Any]) -> Record:
    """Check one person. Raises BadLine, which names the field."""
    if unknown := set(raw) - {*FIELDS, "profile", "applications"}:
        known = ", ".join((*FIELDS, "profile", "applications"))
        raise BadLine(f"has a field {min(unknown)[:40]!r}: known are {known}")
    others = raw.get("other_emails") or []
    if not isinstance(others, list) or len(others) > MOST_ADDRESSES:
        raise BadLine(f"other_emails: is no list of at most {MOST_ADDRESSES} addresses")
    email = _address("email", raw.get("email"))
    return Record(
        id=_text(raw, "id", LONGEST_ID),
        email=email,
        verified=_flag(raw, "verified"),
        other_emails=tuple(_address("other_emails", one) for one in others),
        username=_name(raw.get("username")),
        name=_text(raw, "name", LONGEST_TEXT),
        language=_text(raw, "language", 8),
        created=_moment(raw.get("created")),
        active=_flag(raw, "active"),
        password_hash=_hash(raw.get("password_hash")),
        profile=_profile(raw.get("profile")),
        applications=_applications(raw.get("applications")),
    )


def _text(raw: dict[str, Any], key: str, longest: int) -> str:
    value = raw.get(key)
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and key == "id":
        value = str(value)
    if not isinstance(value, str) or len(value) > longest or not is_plain(value):
        raise BadLine(f"{key}: is no text of at most {longest} characters")
    return value


def _address(key: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_ID * 2:
        raise BadLine(f"{key}: is missing, or no text")
    try:
        return folded_address(value)
    except ValidationError:
        raise BadLine(f"{key}: is no address") from None


def _name(value: object) -> str | None:
    if value in (None, ""):
        return None
    try:
        return folded_name(str(value))
    except ValidationError:
        raise BadLine("username: use letters a to z, digits, and . - _ between them") from None


def _flag(raw: dict[str, Any], key: str) -> bool:
    value = str(raw.get(key, True)).lower()
    if value not in TRUE | FALSE:
        raise BadLine(f"{key}: write true or false")
    return value in TRUE


def _moment(value: object) -> datetime | None:
    if value in (None, ""):
        return None
    try:
        moment = datetime.fromisoformat(str(value)[:40])
    except ValueError:
        raise BadLine("created: write a time as 2026-01-31T12:00:00+00:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _hash(value: object) -> str:
    if value in (None, ""):
        return ""
    if not isinstance(value, str):
        raise BadLine("password_hash: is no text")
    try:
        return legacy.recognise(value)
    except legacy.UnknownHash as error:
        raise BadLine(f"password_hash: {error}") from None


def _profile(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > MOST_FIELDS:
        raise BadLine(f"profile: is no object of at most {MOST_FIELDS} texts")
    for key, text in value.items():
        if not (isinstance(text, str) and len(text) <= 1000 and is_plain(key + text)):
            raise BadLine(f"profile.{str(key)[:40]}: is no text of at most 1000 characters")
    return dict(value)


def _applications(value: object) -> dict[str, tuple[str, ...]]:
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > MOST_APPLICATIONS:
        raise BadLine(f"applications: is no object of at most {MOST_APPLICATIONS} client ids")
    for name, roles in value.items():
        if not re.fullmatch(CLIENT_ID, name):
            raise BadLine(f"applications: {name[:60]!r} is no client id")
        if not isinstance(roles, list) or len(roles) > MOST_ROLES:
            raise BadLine(f"applications.{name}: is no list of at most {MOST_ROLES} roles")
        for role in roles:
            if not isinstance(role, str) or not re.fullmatch(ROLE, role):
                raise BadLine(f"applications.{name}: {str(role)[:60]!r} is no role")
    return {name: tuple(dict.fromkeys(roles)) for name, roles in value.items()}


def as_json(one: Record) -> str:
    """Return a person's line of JSON, without what is not there."""
    data = {
        key: value
        for key, value in asdict(one).items()
        if value not in (None, "", (), {}) and key not in ("totp", "dropped")
    }
    if one.created is not None:
        data["created"] = one.created.isoformat()
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def as_cells(one: Record, profile: tuple[str, ...], applications: tuple[str, ...]) -> list[str]:
    """Return a person's cells of CSV, those of `FIELDS` first."""
    cells = [
        *(one.id, one.email, str(one.verified).lower(), " ".join(one.other_emails)),
        *(one.username or "", one.name, one.language),
        *(one.created.isoformat() if one.created else "", str(one.active).lower()),
        one.password_hash,
        *(one.profile.get(key, "") for key in profile),
        *(
            " ".join(one.applications[name]) or NO_ROLE if name in one.applications else ""
            for name in applications
        ),
    ]
    return [cell.replace("\r", " ").replace("\n", " ") for cell in cells]
