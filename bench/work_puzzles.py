"""What puzzles cost the site that hands them out: issued, verified, and spent once."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis as redis_py

from accounts.service import free_port
from bench.figures import Better, Figure
from bench.running import BenchError, Measure, Report, in_turn
from holdfast.work.puzzle import Desk, Kind, Refused, solved
from holdfast.work.spent import Memory, Redis, Spent

PARTS, COST = 8, 1
"""To solve is the visitor's: here each counter is a solution. What is verified stays the same."""
TIMES, BATCH = 5_000, 50
ISSUE_US, VERIFY_US = 25.0, 15.0
ROUND_TRIPS, WITH_REDIS = 20_000.0, 5_000.0
COUNTERS = ".".join(["4000000000"] * PARTS)
STARTS_WITHIN_S = 10.0
DESK = Desk(b"k" * 32, "https://example.org")
ACTION, ACCOUNT = "sign-in", "5f0c7a52-3b1e-4c0e-9a51-2d7a3f9b6c11"


def measure(report: Report) -> list[Figure]:
    """Measure one process on one core. Raises BenchError."""
    report("issuing, verifying and spending puzzles")
    with _redis() as client:
        issue, verify, memory, redis = in_turn(
            Measure(lambda: 1e6 * _each(_issue)),
            Measure(_verified_us),
            Measure(lambda: 1 / _each(_round_trip(Memory(most=TIMES)))),
            Measure(lambda: 1 / _each(_round_trip(Redis(client)), time.perf_counter)),
        )
    per_second = "round trips/s"
    higher = Better.HIGHER
    return [
        Figure("a puzzle of 8 parts issued", "µs", issue, limit=ISSUE_US),
        Figure("its answer verified", "µs", verify, limit=VERIFY_US),
        Figure(
            "issued, verified, spent in memory",
            per_second,
            memory,
            limit=ROUND_TRIPS,
            better=higher,
        ),
        Figure(
            "issued, verified, spent in Redis", per_second, redis, limit=WITH_REDIS, better=higher
        ),
    ]


def _issue() -> str:
    expires = time.time() + 300
    return DESK.issue(Kind.SHA256, ACTION, ACCOUNT, parts=PARTS, cost=COST, expires=expires)


def _verified_us() -> float:
    """Verify some at a time that have just come: caches that are cold are not the puzzles' cost."""
    took_s = 0.0
    for _ in range(TIMES // BATCH):
        answers = [f"{_issue()}:{COUNTERS}" for _ in range(BATCH)]
        began = time.process_time()
        for answer in answers:
            assert solved(DESK.opened(answer, ACTION, ACCOUNT, time.time()))
        took_s += time.process_time() - began
    return 1e6 * took_s / TIMES


def _round_trip(spent: Spent) -> Callable[[], None]:
    def round_trip() -> None:
        answer = DESK.opened(f"{_issue()}:{COUNTERS}", ACTION, ACCOUNT, time.time())
        if not (spent.spend(answer.puzzle.name, answer.puzzle.expires) and solved(answer)):
            raise BenchError("a puzzle of its own was refused")

    return round_trip


def _each(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Return how many seconds of a core one turn takes, on average of many.

    With Redis it is the time on the wall, since another process works for it.
    """
    began = clock()
    try:
        for _ in range(TIMES):
            work()
    except Refused as error:
        raise BenchError(f"a puzzle of its own was refused: {error}") from error
    return (clock() - began) / TIMES


@contextmanager
def _redis() -> Iterator[redis_py.Redis]:
    """Run a Redis that keeps what it is told, as Debian's does once `appendonly` is on."""
    folder, port = Path(tempfile.mkdtemp(prefix="holdfast-bench-")), free_port()
    argv = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    kept = ["--dir", str(folder), "--appendonly", "yes", "--appendfsync", "everysec"]
    server = subprocess.Popen([*argv, *kept], stdout=subprocess.DEVNULL)
    # one thread, one connection: what a pool of them costs is not the puzzles'
    client = redis_py.Redis(port=port, single_connection_client=True)
    try:
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not _answers(client):
            if time.monotonic() > deadline:
                raise BenchError("redis-server does not answer")
            time.sleep(0.02)
        yield client
    finally:
        client.close()
        server.kill()
        server.wait()
        shutil.rmtree(folder)


def _answers(client: redis_py.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis_py.ConnectionError:
        return False
