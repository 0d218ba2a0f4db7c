"""What the gate keeps, on real servers, and processes that share it."""

from __future__ import annotations

import multiprocessing
import queue
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
import redis

from accounts.engines import ENGINES, Engine, engine
from holdfast.gate import sql
from holdfast.gate.budgets import Budgets, Draw, StoreDown
from holdfast.gate.budgets_database import DatabaseBudgets
from holdfast.gate.budgets_redis import RedisBudgets
from holdfast.gate.gate import Asked, Gate, Passed, Visit
from holdfast.gate.rules import SHA256
from holdfast.gate.tally import DatabaseTally, MemoryTally, Tally
from holdfast.work.spent import Database, Dialect, Redis, Spent
from work.stores import CONNECTIONS, PROCESSES, connected, dialect_of, redis_server

KEY, SITE, NOW = b"k" * 32, "https://example.org", 1_800_000_000.0
CHEAP = replace(SHA256, parts=2, first=8, cap=8)
EACH = (
    "sqlite",
    *(pytest.param(name, marks=pytest.mark.every) for name in (*ENGINES, "redis")),
)


class Statements:
    """Executes statements on some connections, anew where one has failed."""

    def __init__(self, connect: Callable[[], Any], mark: str = "%s") -> None:
        self._connect, self._mark = connect, mark
        self._free: queue.LifoQueue[Any] = queue.LifoQueue()
        for _ in range(CONNECTIONS):
            self._free.put(None)

    def rows(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        return self._run(statement, values)[0]

    def written(self, statement: str, values: Sequence[object]) -> int:
        return self._run(statement, values)[1]

    def _run(self, statement: str, values: Sequence[object]) -> tuple[list[tuple[Any, ...]], int]:
        connection = self._free.get()
        try:
            connection = connection or self._connect()
            cursor = connection.cursor()
            cursor.execute(statement.replace("%s", self._mark), tuple(values))
            return list(cursor.fetchall()) if cursor.description else [], int(cursor.rowcount)
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


@dataclass(frozen=True)
class Opened:
    """The stores of one process."""

    budgets: Budgets
    spent: Spent
    tally: Tally
    close: Callable[[], None]

    def gate(self, **options: Any) -> Gate:
        """Return a gate on these stores, whose puzzles are cheap."""
        return Gate(
            KEY,
            SITE,
            budgets=self.budgets,
            spent=self.spent,
            tally=self.tally,
            price=CHEAP,
            clock=lambda: NOW,
            **options,
        )


@dataclass(frozen=True)
class Kept:
    """Stores that processes share, and the server that they are on where there is one."""

    opened: Opened
    where: str
    server: Engine | None
    workers: ProcessPoolExecutor

    def in_each_process(self, work: Callable[..., Any], *given: object) -> list[Any]:
        """Return what each process returns, all beginning at the same moment."""
        running = [self.workers.submit(work, *given) for _ in range(PROCESSES)]
        return [one.result() for one in running]


@contextmanager
def kept(name: str) -> Iterator[Kept]:
    """Run the stores until the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-gate-"))
    try:
        if name == "redis":
            with redis_server(folder) as server:
                yield from _shared_by_processes(name, server.url, server)
        elif name == "sqlite":
            yield from _shared_by_processes(name, str(folder / "gate"), None)
        else:
            with engine(name) as server:
                yield from _shared_by_processes(name, server.url, server)
    finally:
        shutil.rmtree(folder)


def _shared_by_processes(name: str, where: str, server: Engine | None) -> Iterator[Kept]:
    context = multiprocessing.get_context("spawn")
    if name != "redis":
        make(name, where)
    stores = opened(name, where)
    given = (name, where, context.Barrier(PROCESSES))
    with ProcessPoolExecutor(PROCESSES, context, _begin, given) as workers:
        yield Kept(stores, where, server, workers)
    stores.close()


def make(name: str, where: str) -> None:
    """Make the tables of a database."""
    dialect, statements = _database(name, where)
    for statement in (*sql.create(dialect), *dialect.create):
        statements.rows(statement, ())
    statements.close()


def opened(name: str, where: str) -> Opened:
    """Return stores with connections of their own."""
    if name == "redis":
        client = redis.Redis.from_url(where, socket_timeout=10)
        return Opened(RedisBudgets(client), Redis(client), MemoryTally(), client.close)
    dialect, statements = _database(name, where)
    return Opened(
        DatabaseBudgets(statements.rows, dialect),
        Database(statements.written, dialect),
        DatabaseTally(statements.rows, dialect),
        statements.close,
    )


def _database(name: str, where: str) -> tuple[Dialect, Statements]:
    if name == "sqlite":
        return Dialect.SQLITE, Statements(lambda: _sqlite(where), "?")
    return dialect_of(where), Statements(lambda: connected(where))


def _sqlite(where: str) -> sqlite3.Connection:
    """Connect as the service does."""
    opened = sqlite3.connect(where, timeout=60, isolation_level=None, check_same_thread=False)
    opened.execute("PRAGMA journal_mode = WAL")
    opened.execute("PRAGMA synchronous = NORMAL")
    return opened


# In the processes


_shared: tuple[Opened, Barrier]


def _begin(name: str, where: str, barrier: Barrier) -> None:
    global _shared
    _shared = (opened(name, where), barrier)


def _in_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run work in so many threads, when all have begun in all processes."""
    everybody = _shared[1]
    ready = threading.Barrier(count)

    def begun(number: int) -> Any:
        if ready.wait(60) == 0:
            everybody.wait(60)
        ready.wait(60)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begun, range(count)))


def take_and_give(draws: Sequence[Draw], threads: int, times: int, keep: int) -> int:
    """Take and give back, over and over; keep what the first threads took last. Return refusals."""
    budgets = _shared[0].budgets

    def work(number: int) -> int:
        refused = 0
        for turn in range(times):
            some = draws[turn % 2 :] if number % 2 else draws[::-1]
            try:
                taken = budgets.take(some, NOW)
                if number >= keep or turn < times - 1:
                    budgets.give(taken)
            except StoreDown:
                refused += 1
        return refused

    return sum(_in_threads(threads, work))


def enter_with(visit: Visit, answer: str, threads: int) -> list[str]:
    """Enter with one answer in so many threads; what each was told."""
    gate = _shared[0].gate()

    def work(number: int) -> str:
        try:
            entered = gate.enter(visit, answer)
        except StoreDown as error:
            return str(error.__cause__ or error)
        if isinstance(entered, Passed):
            return "passed"
        assert isinstance(entered, Asked)
        return str(entered.refused or entered.way)

    return _in_threads(threads, work)
