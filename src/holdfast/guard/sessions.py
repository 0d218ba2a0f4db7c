"""Sessions of signed-in people: what the cookie names, how long it holds, where it is kept.

The cookie holds a random name and nothing else. The store knows only its SHA-256, so that whoever
reads the store cannot be anybody. A session ends after `idle` without a request, after `lifetime`
in any case, and at once where somebody signs out: then it is gone from the store.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from enum import Enum
from typing import Any, Protocol

from holdfast.work.spent import Dialect, StoreDown

TABLE = "holdfast_session"
NAME_BYTES = 32
TOUCHED_EVERY_S = 60.0
_NAME = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class Person:
    """Who is signed in, as the provider says; nothing of it comes from the request."""

    sub: str
    name: str = ""
    email: str = ""
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Session:
    """One sign-in on one browser; times are seconds since 1970."""

    person: Person
    made: float
    seen: float
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(NAME_BYTES), repr=False)
    """Known to the store and the pages of this session: what its CSRF tokens come from."""
    id_token: str = field(default="", repr=False)
    """What the provider is shown when this session signs out there too."""


class Store(Protocol):
    """Where sessions are kept. Each method may raise StoreDown: nobody is signed in then."""

    quick: bool
    """Whether it answers without waiting for another machine."""

    def make(self, key: str, session: bytes, person: str, until: float) -> None:
        """Keep a new session of a person until a time."""
        ...

    def read(self, key: str, now: float) -> bytes | None:
        """Return a session that is kept."""
        ...

    def touch(self, key: str, session: bytes, until: float) -> None:
        """Keep a session longer, if it is still there: one that has ended stays ended."""
        ...

    def end(self, key: str) -> None:
        """Forget a session."""
        ...

    def end_all(self, person: str) -> None:
        """Forget all sessions of a person."""
        ...


class Sessions:
    """The sessions of one application."""

    def __init__(
        self,
        store: Store,
        idle: timedelta = timedelta(minutes=30),
        lifetime: timedelta = timedelta(hours=12),
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not timedelta(0) < idle <= lifetime:
            raise ValueError("idle is more than nothing, and no longer than lifetime")
        self.store, self._clock = store, clock
        self._idle_s, self._lifetime_s = idle.total_seconds(), lifetime.total_seconds()

    def make(self, person: Person, id_token: str = "") -> tuple[str, Session]:
        """Return a new session and the name for the cookie. Raises StoreDown."""
        now = self._clock()
        name = secrets.token_urlsafe(NAME_BYTES)
        session = Session(person, now, now, id_token=id_token)
        self.store.make(key_of(name), _written(session), person.sub, self._until(session))
        return name, session

    def read(self, name: str) -> Session | None:
        """Return the session that a cookie names, while it holds. Raises StoreDown."""
        if _NAME.fullmatch(name) is None:
            return None
        now, key = self._clock(), key_of(name)
        kept = self.store.read(key, now)
        session = _read(kept) if kept is not None else None
        if session is None or not session.made - 60 <= now < self._until(session):
            return None
        if now - session.seen >= min(TOUCHED_EVERY_S, self._idle_s / 4):
            session = replace(session, seen=now)
            self.store.touch(key, _written(session), self._until(session))
        return session

    def end(self, name: str) -> None:
        """End the session that a cookie names. Raises StoreDown."""
        self.store.end(key_of(name))

    def end_all(self, sub: str) -> None:
        """End all sessions of a person: the account was closed, a device was lost."""
        self.store.end_all(sub)

    def _until(self, session: Session) -> float:
        return min(session.made + self._lifetime_s, session.seen + self._idle_s)


def key_of(name: str) -> str:
    """Return what a store calls a session."""
    return hashlib.sha256(name.encode()).hexdigest()


def _written(session: Session) -> bytes:
    known = asdict(session)
    known["person"]["roles"] = sorted(session.person.roles)
    return json.dumps(known, separators=(",", ":")).encode()


def _read(kept: bytes) -> Session | None:
    try:
        known: Mapping[str, Any] = json.loads(kept)
        person = dict(known["person"])
        person["roles"] = frozenset(person["roles"])
        return Session(**{**known, "person": Person(**person)})
    except (
        ValueError,
        KeyError,
        TypeError,
        RecursionError,
    ):  # of another version: that person signs in again
        return None


class Memory:
    """In the memory of one process: right for one worker; a restart signs everybody out."""

    quick = True

    def __init__(self, most: int = 100_000, clock: Callable[[], float] = time.time) -> None:
        self._most, self._clock = most, clock
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[bytes, str, float]] = {}

    def make(self, key: str, session: bytes, person: str, until: float) -> None:
        with self._lock:
            if len(self._kept) >= self._most:
                now = self._clock()
                self._kept = {key: row for key, row in self._kept.items() if row[2] > now}
            if len(self._kept) >= self._most:
                raise StoreDown(f"memory of sessions: {self._most} are kept: use a database")
            self._kept[key] = (session, person, until)

    def read(self, key: str, now: float) -> bytes | None:
        row = self._kept.get(key)
        return row[0] if row is not None and row[2] > now else None

    def touch(self, key: str, session: bytes, until: float) -> None:
        with self._lock:
            if key in self._kept:
                self._kept[key] = (session, self._kept[key][1], until)

    def end(self, key: str) -> None:
        with self._lock:
            self._kept.pop(key, None)

    def end_all(self, person: str) -> None:
        with self._lock:
            self._kept = {key: row for key, row in self._kept.items() if row[1] != person}


Rows = Callable[[str, Sequence[object]], list[tuple[Any, ...]]]
"""Executes one statement in a transaction of its own; returns the rows it yields, or none."""


def create(dialect: Dialect) -> tuple[str, ...]:
    """Return the statements that make the table where it is missing."""
    exact = " CHARACTER SET ascii COLLATE ascii_bin" if dialect is Dialect.MYSQL else ""
    binary = {Dialect.SQLITE: "blob", Dialect.MYSQL: "mediumblob", Dialect.POSTGRESQL: "bytea"}
    columns = (
        f"name varchar(64){exact} NOT NULL PRIMARY KEY, person varchar(255){exact} NOT NULL, "
        f"kept_until double precision NOT NULL, session {binary[dialect]} NOT NULL"
    )
    if dialect is Dialect.MYSQL:
        index = f"INDEX {TABLE}_person (person), INDEX {TABLE}_kept_until (kept_until)"
        return (f"CREATE TABLE IF NOT EXISTS {TABLE} ({columns}, {index})",)
    return (
        f"CREATE TABLE IF NOT EXISTS {TABLE} ({columns})",
        f"CREATE INDEX IF NOT EXISTS {TABLE}_person ON {TABLE} (person)",
        f"CREATE INDEX IF NOT EXISTS {TABLE}_kept_until ON {TABLE} (kept_until)",
    )


class _Sql(Enum):
    MAKE = f"INSERT INTO {TABLE} (name, person, kept_until, session) VALUES (%s, %s, %s, %s)"  # noqa: S608
    READ = f"SELECT session FROM {TABLE} WHERE name = %s AND kept_until > %s"  # noqa: S608
    TOUCH = f"UPDATE {TABLE} SET session = %s, kept_until = %s WHERE name = %s"  # noqa: S608
    END = f"DELETE FROM {TABLE} WHERE name = %s"  # noqa: S608
    END_ALL = f"DELETE FROM {TABLE} WHERE person = %s"  # noqa: S608
    PURGE = f"DELETE FROM {TABLE} WHERE kept_until <= %s"  # noqa: S608


class Database:
    """In a table of the application's database, shared by its workers; see `create`."""

    PURGE_EVERY_S = 300.0

    def __init__(
        self, rows: Rows, *, quick: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        """`rows` is called by whatever thread asks; places for values are written %s."""
        self._rows, self.quick, self._clock = rows, quick, clock
        self._purged_at = float("-inf")

    def make(self, key: str, session: bytes, person: str, until: float) -> None:
        now = self._clock()
        if now - self._purged_at >= self.PURGE_EVERY_S:
            self._purged_at = now
            self._asked(_Sql.PURGE, now)
        self._asked(_Sql.MAKE, key, person, until, session)

    def read(self, key: str, now: float) -> bytes | None:
        rows = self._asked(_Sql.READ, key, now)
        return bytes(rows[0][0]) if rows else None

    def touch(self, key: str, session: bytes, until: float) -> None:
        self._asked(_Sql.TOUCH, session, until, key)

    def end(self, key: str) -> None:
        self._asked(_Sql.END, key)

    def end_all(self, person: str) -> None:
        self._asked(_Sql.END_ALL, person)

    def _asked(self, statement: _Sql, *values: object) -> list[tuple[Any, ...]]:
        try:
            return self._rows(statement.value, values)
        except Exception as error:  # each driver has errors of its own
            raise StoreDown(f"database of sessions: {type(error).__name__}") from error


class RedisClient(Protocol):
    """What is used of a client of redis-py."""

    def execute_command(self, *words: Any) -> Any: ...


class Redis:
    """In Redis, shared by all workers; it forgets by itself."""

    quick = False

    def __init__(self, client: RedisClient, prefix: str, lifetime: timedelta) -> None:
        """The lifetime is that of sessions: so long it is known whose they are.

        Of each person a sorted set holds their sessions, by a time at which each is over for sure.
        """
        self._client, self._prefix = client, f"{prefix}:session:"
        self._lifetime_s = int(lifetime.total_seconds())

    def make(self, key: str, session: bytes, person: str, until: float) -> None:
        of = self._of(person)
        self._asked("ZREMRANGEBYSCORE", of, "-inf", until)
        self._asked("ZADD", of, until + self._lifetime_s, key)
        self._asked("EXPIRE", of, self._lifetime_s)
        self._asked("SET", self._prefix + key, session, "PXAT", int(until * 1000))

    def read(self, key: str, now: float) -> bytes | None:
        kept = self._asked("GET", self._prefix + key)
        return kept if kept is None or isinstance(kept, bytes) else str(kept).encode()

    def touch(self, key: str, session: bytes, until: float) -> None:
        self._asked("SET", self._prefix + key, session, "XX", "PXAT", int(until * 1000))

    def end(self, key: str) -> None:
        self._asked("DEL", self._prefix + key)

    def end_all(self, person: str) -> None:
        of = self._of(person)
        for key in self._asked("ZRANGE", of, 0, -1):
            text = key.decode() if isinstance(key, bytes) else str(key)
            self._asked("DEL", self._prefix + text)
            self._asked("ZREM", of, key)  # and no other: somebody may sign in meanwhile

    def _of(self, person: str) -> str:
        return self._prefix + "of:" + key_of(person)

    def _asked(self, *words: object) -> Any:
        try:
            return self._client.execute_command(*words)
        except Exception as error:  # redis is not imported here
            raise StoreDown(f"redis of sessions: {type(error).__name__}") from error
