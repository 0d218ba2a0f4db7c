"""What was spent is never accepted again: stores that say yes once per name.

A store that cannot answer raises StoreDown. Whoever asks refuses then: what cannot be remembered
cannot be spent.
"""

from __future__ import annotations

import contextlib
import heapq
import math
import os
import re
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

TABLE = "holdfast_spent"
LONGER_S = 60
"""Kept so much longer than asked for: for who looked at the time before, and spends after it."""
LATEST = 253_402_300_799
"""The last second of the year 9999; there is no later `until`."""
_NAME = re.compile(r"[!-~]{1,64}")


class StoreDown(Exception):
    """The store cannot say whether something was spent, so nothing may be accepted."""


class Spent(Protocol):
    """Where it is kept what was spent."""

    def spend(self, name: str, until: float) -> bool:
        """Whether this is the first time for the name, whoever asks at the same moment.

        The name is 1 to 64 printable ASCII characters (ValueError); it may be forgotten after
        `until`, unix seconds. Raises StoreDown.
        """
        ...


def _kept_s(name: str, until: float, now: float) -> int:
    """Return for how many seconds a name is kept. Raises ValueError for what is none."""
    if _NAME.fullmatch(name) is None:
        raise ValueError("what is spent is named with 1 to 64 printable ASCII characters")
    if not 0 <= until <= LATEST:
        raise ValueError("until when it is kept is a time in unix seconds")
    return max(0, math.ceil(until - now)) + LONGER_S


class Memory:
    """In the memory of one process: right where there is only one worker, and no restart counts."""

    def __init__(self, most: int = 200_000, clock: Callable[[], float] = time.time) -> None:
        """Keep at most so many; one takes about 300 bytes."""
        self._most, self._clock = most, clock
        self._lock = threading.Lock()
        self._names: set[str] = set()
        self._ends: list[tuple[float, str]] = []

    def spend(self, name: str, until: float) -> bool:
        now = self._clock()
        end = now + _kept_s(name, until, now)
        with self._lock:
            while self._ends and self._ends[0][0] <= now:
                self._names.discard(heapq.heappop(self._ends)[1])
            if name in self._names:
                return False
            if len(self._names) >= self._most:
                raise StoreDown(
                    f"memory of what was spent: {self._most} are kept and none has expired: "
                    "wait, or keep them in a database"
                )
            self._names.add(name)
            heapq.heappush(self._ends, (end, name))
            return True


class Dialect(Enum):
    """Whose SQL it is; places for values are written %s."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    MYSQL = "mysql"

    @property
    def create(self) -> tuple[str, ...]:
        """The statements that make the table where it is missing."""
        if self is Dialect.MYSQL:  # its usual collations take "a" for "A"
            name = "name varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY"
            index = f"INDEX {TABLE}_kept_until (kept_until)"
            return (
                f"CREATE TABLE IF NOT EXISTS {TABLE} ({name}, kept_until bigint NOT NULL, {index})",
            )
        columns = "name varchar(64) NOT NULL PRIMARY KEY, kept_until bigint NOT NULL"
        return (
            f"CREATE TABLE IF NOT EXISTS {TABLE} ({columns})",
            f"CREATE INDEX IF NOT EXISTS {TABLE}_kept_until ON {TABLE} (kept_until)",
        )

    @property
    def insert(self) -> str:
        """The statement that writes one row where the name is new, and none or two otherwise."""
        insert = f"INSERT INTO {TABLE} (name, kept_until) VALUES (%s, %s)"  # noqa: S608
        if self is Dialect.MYSQL:
            # INSERT IGNORE hides other errors too. An update counts as two rows; but with
            # CLIENT_FOUND_ROWS (Django sets it) as one, where it changes nothing: so it does.
            return f"{insert} ON DUPLICATE KEY UPDATE kept_until = kept_until + 1"
        return f"{insert} ON CONFLICT (name) DO NOTHING"


Run = Callable[[str, Sequence[object]], int]
"""Executes one statement in a transaction of its own; returns the number of rows written."""


class Database:
    """In a table, whose primary key decides who was first."""

    PURGE_EVERY_S = 60.0

    def __init__(self, run: Run, dialect: Dialect, clock: Callable[[], float] = time.time) -> None:
        """`run` is called by whatever thread spends; `dialect.create` has made the table."""
        self._run, self._dialect, self._clock = run, dialect, clock
        self._purged_at = -math.inf

    def spend(self, name: str, until: float) -> bool:
        now = self._clock()
        end = math.ceil(now) + _kept_s(name, until, now)
        try:
            self._purge(now)
            written = self._run(self._dialect.insert, (name, end))
        except Exception as error:  # each driver has errors of its own
            raise StoreDown(_down("database", error)) from error
        if written not in (0, 1, 2):
            raise StoreDown(f"database of what was spent: it says that {written} rows were written")
        return written == 1

    def _purge(self, now: float) -> None:
        """Forget what has expired, once a minute; before a name is written, which may then fail."""
        if not 0 <= now - self._purged_at < self.PURGE_EVERY_S:
            self._run(f"DELETE FROM {TABLE} WHERE kept_until < %s", (math.floor(now),))  # noqa: S608
            self._purged_at = now


class SqliteFile:
    """In a file of SQLite that only its owner may read: for commands and small filters.

    The file is opened for each name, so several processes may share it, and it is found again
    after it was away. A name is on the disk when `spend` returns.
    """

    WAIT_S = 20.0

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        """The file is made when first spent; its folder is there."""
        self._path = path.absolute()  # ":memory:" is a name like any other, then
        self._database = Database(self._run, Dialect.SQLITE, clock)
        self._turn = threading.Lock()  # SQLite lets who waits try again by chance, not in turn

    def spend(self, name: str, until: float) -> bool:
        with self._turn:
            return self._database.spend(name, until)

    def _run(self, statement: str, values: Sequence[object]) -> int:
        if not self._path.exists():
            self._make()
        opened = sqlite3.connect(self._path, timeout=self.WAIT_S, isolation_level=None)
        with closing(opened) as connection:
            for create in Dialect.SQLITE.create:
                connection.execute(create)
            return connection.execute(statement.replace("%s", "?"), tuple(values)).rowcount

    def _make(self) -> None:
        """Make the file, private from its first moment.

        It is made beside and closed before it gets its name: to close a file drops every lock that
        the process has on it, also those of SQLite.
        """
        made, name = tempfile.mkstemp(prefix=f".{self._path.name}-", dir=self._path.parent)
        os.close(made)
        try:
            with contextlib.suppress(FileExistsError):  # another one was faster
                self._path.hardlink_to(name)
        finally:
            Path(name).unlink()


class RedisClient(Protocol):
    """What is used of a client of redis-py."""

    def execute_command(self, *words: Any) -> Any: ...


class Redis:
    """In Redis, which forgets by itself.

    The server must keep what it was told: `appendonly yes` (with `appendfsync always`, or the last
    second can be spent again after a power cut) and `maxmemory-policy noeviction`.
    """

    def __init__(self, client: RedisClient, prefix: str = "holdfast:spent:") -> None:
        """A client without a timeout (`socket_timeout`) waits as long as the server does."""
        self._client, self._prefix = client, prefix

    def spend(self, name: str, until: float) -> bool:
        kept_ms = 1000 * _kept_s(name, until, time.time())
        try:
            answer = self._client.execute_command(
                "SET", self._prefix + name, "1", "NX", "PX", kept_ms
            )
        except Exception as error:  # of the server, the connection, or the pool
            raise StoreDown(_down("Redis", error)) from error
        if answer is not True and answer is not None:
            raise StoreDown(f"Redis of what was spent: it answers {type(answer).__name__}")
        return answer is True


def _down(store: str, error: Exception) -> str:
    """Return the line about an error; the driver's own words may hold a password."""
    return (
        f"{store} of what was spent: {type(error).__name__}: "
        "nothing is accepted until it answers again"
    )
