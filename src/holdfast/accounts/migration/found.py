"""One person as another system had them: any value may stand anywhere, and each is looked at.

What cannot come along is collected in words, and goes with the record into the report.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError

from holdfast.accounts.configuration import CLIENT_ID, ROLE
from holdfast.accounts.passwords.legacy import UnknownHash, recognise
from holdfast.accounts.people import records
from holdfast.accounts.people.names import folded_name
from holdfast.accounts.people.records import MOST_FIELDS, BadLine, Record

LONGEST_PROFILE = 1000
LONGEST_LANGUAGE = 8
SHOWN = 60  # characters of what somebody else wrote
MOST_DROPPED = 50

Numbered = tuple[int, Record | BadLine]


def shown(text: object) -> str:
    """Return a foreign text as it may stand in a report: short, in quotes, without controls."""
    return ascii(str(text)[:SHOWN])


class Found:
    """The object of one person. Its methods raise BadLine where nothing can be made of it."""

    def __init__(self, raw: object) -> None:
        if isinstance(raw, BadLine):
            raise raw
        if not isinstance(raw, dict):
            raise BadLine("is no object")
        self.raw: dict[str, Any] = raw
        self.dropped: list[str] = []
        self.profile: dict[str, str] = {}
        self.applications: dict[str, list[str]] = {}
        self.password_hash = ""
        self.totp = ""

    def drop(self, what: str) -> None:
        """Say what does not come along."""
        if len(self.dropped) < MOST_DROPPED:
            self.dropped.append(what)

    def text(self, *keys: str) -> str:
        """Return the first of these fields that has a text. Raises BadLine for another type."""
        for key in keys:
            value = self.raw.get(key)
            if isinstance(value, int) and not isinstance(value, bool):
                value = str(value)
            if value is not None and not isinstance(value, str):
                raise BadLine(f"{key}: is no text")
            if value and value.strip():
                return str(value.strip())
        return ""

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.raw.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise BadLine(f"{key}: is neither true nor false")
        return value

    def entries(self, key: str) -> list[Any]:
        value = self.raw.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise BadLine(f"{key}: is no list")
        return value

    def objects(self, key: str) -> list[dict[str, Any]]:
        """Return a list of objects. Raises BadLine where it is none."""
        found = self.entries(key)
        if not all(isinstance(one, dict) for one in found):
            raise BadLine(f"{key}: is no list of objects")
        return found

    def mapping(self, key: str) -> dict[str, Any]:
        value = self.raw.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise BadLine(f"{key}: is no object")
        return value

    def moment(self, key: str) -> str | None:
        """Return a time that stands there in milliseconds since 1970, in ISO 8601."""
        value = self.raw.get(key)
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}", value):
            value = int(value)
        if value is None or value == "":
            return None
        try:
            if isinstance(value, bool):
                raise TypeError
            return datetime.fromtimestamp(value / 1000, UTC).isoformat()
        except (TypeError, ValueError, OverflowError, OSError):
            self.drop(f"{key}: is no time")
            return None

    def username(self, name: str, email: str) -> str | None:
        """Return a name that may be one here; who has none signs in with their address."""
        if not name or name.lower() == email.lower():
            return None
        try:
            return folded_name(name)
        except ValidationError:
            self.drop(f"user name {shown(name)}: has letters that none has here")
            return None

    def name(self, whole: str, *parts: str) -> str:
        return whole or " ".join(part for part in parts if part)

    def language(self, tag: object) -> str:
        """Return a language, en for en-GB."""
        if not isinstance(tag, str):
            return ""
        found = re.match(r"[A-Za-z]{2,3}(?=[-_.]|$)", tag)
        return found[0].lower() if found else ""

    def keep(self, key: str, value: object) -> None:
        """Keep what else was known of them, if it is one short text."""
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, bool | int | float):
            value = str(value).lower() if isinstance(value, bool) else str(value)
        if value is None or value == "":
            return
        fits = isinstance(value, str) and len(value) <= LONGEST_PROFILE and "\0" not in key + value
        if fits and len(key) <= SHOWN and len(self.profile) < MOST_FIELDS:
            self.profile[key] = str(value)
        else:
            self.drop(f"{shown(key)}: is not one short text")

    def may(self, client_id: str, roles: Iterable[object]) -> None:
        """Register them in an application."""
        if not re.fullmatch(CLIENT_ID, client_id):
            self.drop(f"application {shown(client_id)}: none can be called so here")
            return
        held = self.applications.setdefault(client_id, [])
        for role in roles:
            if isinstance(role, str) and re.fullmatch(ROLE, role):
                held.append(role)
            else:
                self.drop(f"role {shown(role)} of {client_id}: none can be called so here")

    def hashed(self, make: Callable[[], str]) -> None:
        """Keep the hash of the password; `make` raises ValueError where it is of no known form."""
        try:
            self.password_hash = recognise(make())
        except (UnknownHash, ValueError) as error:
            self.drop(f"password: {error}")

    def record(self, **fields: Any) -> Record:
        """Return them as a record. Raises BadLine."""
        if not fields.get("email"):
            raise BadLine("has no address, without which nobody signs in here")
        one = records.record(
            {
                **fields,
                "profile": self.profile,
                "applications": {name: list(roles) for name, roles in self.applications.items()},
            }
        )
        return replace(
            one,
            password_hash=self.password_hash,
            totp=self.totp,
            dropped=tuple(dict.fromkeys(self.dropped)),
        )


def people(
    values: Iterable[tuple[int, Any]], person: Callable[[Found], Record | None], *id_keys: str
) -> Iterator[Numbered]:
    """Yield whom each value is, or why nobody; `person` returns None for what is none at all."""
    for number, value in values:
        who = ""
        try:
            found = Found(value)
            who = next((f"{shown(found.raw[key])}: " for key in id_keys if key in found.raw), "")
            one = person(found)
            if one is not None:
                yield number, one
        except BadLine as bad:
            yield number, BadLine(f"{who}{bad}")
