"""Stores of what was spent on real servers, asked by several processes at the same moment."""

from __future__ import annotations

import multiprocessing
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pymysql
import pytest
import redis
from pymysql.constants import CLIENT

from accounts.engines import ENGINES, Engine, engine
from accounts.service import free_port
from holdfast.work.spent import Database, Dialect, Redis, Spent, SqliteFile, StoreDown

PROCESSES = 4
CONNECTIONS = 12
"""Of one process; a server of Debian's lets 100 in."""
EACH = (
    "sqlite",
    *(pytest.param(name, marks=pytest.mark.every) for name in (*ENGINES, "redis")),
)


@dataclass(frozen=True)
class Store:
    """A store, how it is taken away and given back, and the processes that share it."""

    opened: Spent
    take_away: Callable[[], object]
    give_back: Callable[[], object]
    workers: ProcessPoolExecutor

    def at_once(self, names: Sequence[str]) -> list[str]:
        """Spend each name at the same moment; what each was answered, as text."""
        share = len(names) // PROCESSES
        parts = [names[at * share : (at + 1) * share] for at in range(PROCESSES)]
        return [answer for part in self.workers.map(_spend_all, parts) for answer in part]


@contextmanager
def running_store(name: str) -> Iterator[Store]:
    """Run a store until the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-spent-"))
    try:
        if name == "sqlite":
            inner, away = folder / "there", folder / "away"
            inner.mkdir()
            where = str(inner / "spent")
            with _workers(name, where) as workers:
                back = partial(away.rename, inner)
                yield Store(opened(name, where), partial(inner.rename, away), back, workers)
        else:
            with (
                redis_server(folder) if name == "redis" else engine(name) as server,
                _workers(name, server.url) as workers,
                _of_server(name, server) as store,
            ):
                yield Store(store, server.kill, server.begin, workers)
    finally:
        shutil.rmtree(folder)


@contextmanager
def _of_server(name: str, server: Engine) -> Iterator[Spent]:
    if name == "redis":
        yield opened(name, server.url)
        return
    dialect = dialect_of(server.url)
    # Django connects so, and MySQL counts rows in another way then
    with closing(Connections(lambda: connected(server.url, CLIENT.FOUND_ROWS))) as run:
        for statement in dialect.create:
            run(statement, ())
        yield Database(run, dialect)


def opened(name: str, where: str) -> Spent:
    """Return a store with connections of its own."""
    if name == "sqlite":
        return SqliteFile(Path(where))
    if name == "redis":
        return Redis(redis.Redis.from_url(where, socket_timeout=10))
    return Database(Connections(lambda: connected(where)), dialect_of(where))


def dialect_of(url: str) -> Dialect:
    return Dialect(urlsplit(url).scheme)


def connected(url: str, flags: int = 0) -> Any:
    if dialect_of(url) is Dialect.POSTGRESQL:
        return psycopg.connect(url, autocommit=True)
    at = urlsplit(url)
    return pymysql.connect(
        host=at.hostname,
        port=at.port or 0,
        user=at.username,
        password=at.password or "",
        database=at.path.strip("/"),
        autocommit=True,
        client_flag=flags,
    )


class Connections:
    """Executes statements on some connections, anew where one has failed."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._free: queue.LifoQueue[Any] = queue.LifoQueue()
        for _ in range(CONNECTIONS):
            self._free.put(None)

    def __call__(self, statement: str, values: Sequence[object]) -> int:
        connection = self._free.get()
        try:
            connection = connection or self._connect()
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                return int(cursor.rowcount)
        except Exception:
            if connection:
                connection.close()
            connection = None
            raise
        finally:
            self._free.put(connection)

    def close(self) -> None:
        for _ in range(CONNECTIONS):
            if connection := self._free.get():
                connection.close()


@contextmanager
def redis_server(folder: Path) -> Iterator[Engine]:
    """Run a Redis that keeps what it is told."""
    port = free_port()
    kept = ["--dir", str(folder), "--appendonly", "yes", "--appendfsync", "always"]
    argv = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", *kept]

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(argv, stdout=subprocess.DEVNULL, start_new_session=True)

    def answers() -> bool:
        try:
            return bool(redis.Redis(port=port).ping())
        except redis.ConnectionError:
            return False

    server = Engine(f"redis://127.0.0.1:{port}/0", start, answers)
    try:
        server.begin()
        yield server
    finally:
        server.kill()


# In the processes


_shared: tuple[Spent, Barrier]


def _begin(name: str, where: str, barrier: Barrier) -> None:
    global _shared
    _shared = (opened(name, where), barrier)


def _workers(name: str, where: str) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    given = (name, where, context.Barrier(PROCESSES))
    return ProcessPoolExecutor(PROCESSES, context, _begin, given)


def _spend_all(names: Sequence[str]) -> list[str]:
    """Spend each name in a thread of its own, when the other processes do."""
    store, everybody = _shared

    def with_the_others() -> None:
        everybody.wait(60)

    ready = threading.Barrier(len(names), action=with_the_others)

    def spend(name: str) -> str:
        ready.wait(60)
        try:
            return str(store.spend(name, 4_000_000_000.0))
        except StoreDown as error:
            return str(error.__cause__)

    with ThreadPoolExecutor(len(names)) as pool:
        return list(pool.map(spend, names))
