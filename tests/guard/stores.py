"""Where sessions are kept, on real servers."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from accounts.engines import ENGINES, engine
from gate.kept import Statements
from holdfast.guard.sessions import Database, Memory, Redis, Store, create
from holdfast.work.spent import Dialect
from work.stores import connected, dialect_of, redis_server

LIFETIME = timedelta(hours=12)
EACH = (
    "memory",
    "sqlite",
    *(pytest.param(name, marks=pytest.mark.every) for name in (*ENGINES, "redis")),
)


@contextmanager
def running(name: str) -> Iterator[Store]:
    """Run a store until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="holdfast-guard-") as folder:
        match name:
            case "memory":
                yield Memory()
            case "redis":
                with redis_server(Path(folder)) as server:
                    client = redis.Redis.from_url(server.url, socket_timeout=10)
                    yield Redis(client, "test", LIFETIME)
                    client.close()
            case "sqlite":
                path = str(Path(folder) / "sessions")
                yield from _database(Statements(lambda: sqlite_at(path), "?"), Dialect.SQLITE)
            case _:
                with engine(name) as server:
                    statements = Statements(lambda: connected(server.url))
                    yield from _database(statements, dialect_of(server.url))


def _database(statements: Statements, dialect: Dialect) -> Iterator[Store]:
    for statement in create(dialect):
        statements.rows(statement, ())
    yield Database(statements.rows)
    statements.close()


def sqlite_at(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
