"""Rows past Django's own ways, which build each statement anew, longer than the database takes.

Many are written at once for imports; what is read by a statement of our own becomes an object.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

Row = TypeVar("Row", bound=models.Model)
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


def loaded(model: type[Row], columns: tuple[str, ...], values: Iterable[Any]) -> Row:
    """Return an object from what a statement of our own gave for these columns.

    They stand in the order of the model's fields; the database is asked for others when needed.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    kept = list(values)
    for place, converters, expression in _converters(model, columns, connection.vendor):
        for convert in converters:
            kept[place] = convert(kept[place], expression, connection)
    return model.from_db(DEFAULT_DB_ALIAS, columns, kept)


@cache
def _converters(
    model: type[models.Model], columns: tuple[str, ...], vendor: str
) -> list[tuple[int, list[Any], Any]]:
    """Return, as Django does for each statement, what makes values of what a database gives."""
    connection = connections[DEFAULT_DB_ALIAS]
    fields: dict[str, Any] = {field.attname: field for field in model._meta.concrete_fields}
    found = []
    for place, column in enumerate(columns):
        expression = fields[column].get_col(model._meta.db_table)
        own = connection.ops.get_db_converters(expression)
        if converters := [*own, *expression.get_db_converters(connection)]:
            found.append((place, converters, expression))
    return found
