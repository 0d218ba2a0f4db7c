"""Many rows of a table at once, for imports: one statement, prepared once.

Django's own way builds a statement and its parameters for each object, which takes longer than the
database does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models

_AS_THEY_ARE = (models.CharField, models.TextField, models.BooleanField, models.EmailField)


def insert(
    model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Write rows whose values are those of the named fields. Raises IntegrityError."""
    fields: list[Any] = [model._meta.get_field(name) for name in columns]
    quote = connection.ops.quote_name
    names = ", ".join(quote(field.column) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    table = quote(model._meta.db_table)
    statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - names of our own
    prepared = [
        (place, field) for place, field in enumerate(fields) if not isinstance(field, _AS_THEY_ARE)
    ]
    with connection.cursor() as cursor:
        cursor.executemany(statement, [_values(row, prepared) for row in rows])


def _values(row: Sequence[Any], prepared: Sequence[tuple[int, Any]]) -> list[Any]:
    values = list(row)
    for place, field in prepared:
        values[place] = field.get_db_prep_save(values[place], connection)
    return values
