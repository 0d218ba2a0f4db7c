"""People by any part of a name or an address, by id, role, state and time; page by page.

What was written is found at once: rows are part of the transaction that wrote them. The newest come
first. A text of one or two characters has no trigram, so it must be what a name or an address
begins with; these pages are ordered by it.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from holdfast.accounts.people.models import Person
from holdfast.accounts.search.rows import folded

SHORTEST_PART = 3
LONGEST_TEXT = 200
MOST_AT_ONCE = 200
LARGEST_NUMBER = 2**62
LAST = "\U0010ffff"


class BadCursor(ValueError):
    """That cursor was not given out for this search."""


@dataclass(frozen=True)
class Wanted:
    """Who is looked for. Raises ValueError where no page can be that large."""

    text: str = ""
    role: str | None = None
    active: bool | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    cursor: str = ""
    limit: int = 50

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MOST_AT_ONCE:
            raise ValueError(f"a page holds 1 to {MOST_AT_ONCE} people")


@dataclass(frozen=True)
class Found:
    """A page of people, and the cursor of the next one; "" after the last."""

    people: list[Person]
    cursor: str = ""


@dataclass
class _Query:
    """A statement that yields the key a page goes on from, and the id of a person."""

    key: str
    tables: str = "search_searchrow r"
    conditions: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    newest_first: bool = True

    def where(self, condition: str, *values: Any) -> None:
        self.conditions.append(condition)
        self.values += values

    def text(self) -> str:
        where = " AND ".join(self.conditions) or "1 = 1"
        order = "DESC" if self.newest_first else "ASC"
        return (
            f"SELECT {self.key}, r.person_id FROM {self.tables} WHERE {where} "  # noqa: S608
            f"ORDER BY {self.key} {order} LIMIT %s"
        )


def find(wanted: Wanted) -> Found:
    """Return a page of people. Raises BadCursor."""
    text = folded(wanted.text.strip())[:LONGEST_TEXT]
    query = _by_start(text) if 0 < len(text) < SHORTEST_PART else _by_part(text)
    _narrow(query, wanted)
    if wanted.cursor:
        compare = "<" if query.newest_first else ">"
        query.where(f"{query.key} {compare} %s", _read(wanted.cursor, number=query.newest_first))
    with connection.cursor() as cursor:
        cursor.execute(query.text(), [*query.values, wanted.limit + 1])
        rows = cursor.fetchall()
    more = _written(rows[wanted.limit - 1][0]) if len(rows) > wanted.limit else ""
    ids = list(dict.fromkeys(_id(row[1]) for row in rows[: wanted.limit]))
    people = Person.objects.in_bulk(ids)
    return Found([people[one] for one in ids if one in people], more)


def _by_start(text: str) -> _Query:
    tables = "people_handle h JOIN search_searchrow r ON r.person_id = h.person_id"
    query = _Query("h.name", tables, newest_first=False)
    query.where("h.name >= %s AND h.name < %s", text, text + LAST)
    return query


def _by_part(text: str) -> _Query:
    query = _Query("r.number")
    known = _as_id(text)
    if known is not None:
        query.where("r.person_id = %s", _adapted(known))
    elif text and connection.vendor == "sqlite":
        # Not LIKE: it has wildcards, and SQLite 3.40 counts bytes where trigrams are of characters.
        query.tables += " JOIN search_fts f ON f.rowid = r.number"
        query.key = "f.rowid"
        query.where("search_fts MATCH %s", _trigrams(text))
        query.where("instr(r.text, %s) > 0", text)
    elif text:
        query.where("r.text LIKE %s", f"%{connection.ops.prep_for_like_query(text)}%")
    return query


def _trigrams(text: str) -> str:
    """Return what whoever has a text has too: every third of its trigrams, and the last."""
    starts = {*range(0, len(text) - 2, 3), len(text) - 3}
    parts = (text[start : start + 3].replace('"', '""') for start in sorted(starts))
    return " AND ".join(f'"{part}"' for part in parts)


def _narrow(query: _Query, wanted: Wanted) -> None:
    adapt = connection.ops.adapt_datetimefield_value
    if wanted.role is not None:
        query.where("r.role = %s", wanted.role)
        if wanted.role:
            query.where("NOT (r.role = '')")  # in the words of the index of the few
    if wanted.active is not None:
        query.where("r.active" if wanted.active else "NOT r.active")
    if wanted.created_from is not None:
        query.where("r.created >= %s", adapt(wanted.created_from))
    if wanted.created_to is not None:
        query.where("r.created < %s", adapt(wanted.created_to))


def _as_id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if len(text) in (32, 36) else None
    except ValueError:
        return None


def _adapted(one: uuid.UUID) -> Any:
    return one if connection.features.has_native_uuid_field else one.hex


def _id(value: Any) -> uuid.UUID:
    return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))


def _written(key: Any) -> str:
    return base64.urlsafe_b64encode(str(key).encode()).decode()


def _read(cursor: str, *, number: bool) -> Any:
    try:
        key = base64.urlsafe_b64decode(cursor[:1000].encode("ascii")).decode()
        return min(int(key[:20]), LARGEST_NUMBER) if number else key.replace("\0", "")
    except (ValueError, binascii.Error):
        raise BadCursor("that is no cursor of this search: begin without one") from None
