"""Many rows of a table at once, for imports: one statement, prepared once.

Django's own way builds a statement and its parameters for each object, which takes longer than the
database does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

_AS_THEY_ARE = (models.CharField, models.TextField, models.BooleanField, models.EmailField)


def insert(
    model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Write rows whose values are those of the named fields. Raises IntegrityError."""
    fields: list[Any] = [model._meta.get_field(name) for name in columns]
    connection = connections[DEFAULT_DB_ALIAS]
    quote = connection.ops.quote_name
    names = ", ".join(quote(field.column) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    table = quote(model._meta.db_table)
    statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - names of our own
    lines = [list(row) for row in rows]
    if not lines:
        return
    for place, field in enumerate(fields):
        if not isinstance(field, _AS_THEY_ARE):
            _prepare(lines, place, field, connection)
    with connection.cursor() as cursor:
        cursor.executemany(statement, lines)


def _prepare(
    lines: list[list[Any]], place: int, field: Any, connection: BaseDatabaseWrapper
) -> None:
    """Write a column as the database takes it; equal values, often in a row, are written alike."""
    before: Any = object()
    written: Any = None
    for line in lines:
        if line[place] != before:
            before, written = line[place], field.get_db_prep_save(line[place], connection)
        line[place] = written
