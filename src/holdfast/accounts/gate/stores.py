"""What the gate keeps, in the service's own database; its budgets in Redis where one is configured.

Each statement is a transaction of its own, on the connection of the thread that asks: the gate is
passed before a view begins one.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import connection

from holdfast.gate.budgets import Budgets
from holdfast.gate.budgets_database import DatabaseBudgets
from holdfast.gate.budgets_redis import RedisBudgets
from holdfast.gate.tally import DatabaseTally
from holdfast.work.spent import Database, Dialect, Redis, Spent

DIALECTS = {
    "sqlite": Dialect.SQLITE,
    "postgresql": Dialect.POSTGRESQL,
    "mysql": Dialect.MYSQL,
}
REDIS_ANSWERS_WITHIN_S = 3.0


def dialect(vendor: str) -> Dialect:
    """Return whose SQL it is, by Django's name of the database."""
    return DIALECTS[vendor]


def rows(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Execute a statement; return what it yields."""
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values])
        return list(cursor.fetchall()) if cursor.description else []


def _written(statement: str, values: Sequence[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values])
        return int(cursor.rowcount)


def tally() -> DatabaseTally:
    """Return what was counted, which the console shows."""
    return DatabaseTally(rows, dialect(connection.vendor))


def budgets() -> Budgets:
    """Return where budgets are kept."""
    redis = _redis()
    return RedisBudgets(redis) if redis else DatabaseBudgets(rows, dialect(connection.vendor))


def spent() -> Spent:
    """Return where it is kept which puzzles were spent."""
    redis = _redis()
    return Redis(redis) if redis else Database(_written, dialect(connection.vendor))


@functools.cache
def _redis() -> Any:
    url = settings.HOLDFAST.cache.get_secret_value()
    if not url:
        return None
    import redis

    waits = REDIS_ANSWERS_WITHIN_S
    return redis.Redis.from_url(url, socket_timeout=waits, socket_connect_timeout=waits)
