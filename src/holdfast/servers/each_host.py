"""The same work on many hosts: so many at once, each within its time, none stopping another.

A host's time runs while it is worked on. It stands still where the run waits for something that
is not the host's: a person who types, or a transaction whose confirmation has its own deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TypeVar

from holdfast.servers.fleet import Failure
from holdfast.servers.session_errors import TooSlow

AT_ONCE = 10

T = TypeVar("T")


class Clocks:
    """The time of each host that is being worked on, in seconds, and whether it runs."""

    def __init__(self) -> None:
        self._running: dict[str, _Clock] = {}
        self._all_paused = 0

    @asynccontextmanager
    async def running(self, host: str, seconds: float) -> AsyncIterator[None]:
        """Give a host this time. Raises TooSlow when it is over, and cancels what is under way."""
        clock = self._running[host] = _Clock(seconds, self._all_paused)
        try:
            async with clock.timeout:
                clock.start()
                yield
        except TimeoutError:
            if not clock.timeout.expired():
                raise
            raise TooSlow(
                f"{host}: not done within {seconds:g} s, so it was left alone; see what it is busy "
                "with, or give it more time with --host-timeout"
            ) from None
        finally:
            del self._running[host]

    @contextmanager
    def paused(self, host: str | None = None) -> Iterator[None]:
        """Let the time of one host stand still, or that of all, also of those still to come."""
        self._hold(host, 1)
        try:
            yield
        finally:
            self._hold(host, -1)

    def left_s(self, host: str) -> float | None:
        """The seconds that a host has left; None where nobody counts them."""
        clock = self._running.get(host)
        return clock.left_s if clock is not None else None

    def _hold(self, host: str | None, by: int) -> None:
        self._all_paused += by if host is None else 0
        for name, clock in self._running.items():
            if host in (None, name):
                clock.hold(by)


class _Clock:
    """Runs while nobody holds it."""

    def __init__(self, seconds: float, holds: int) -> None:
        self.timeout = asyncio.timeout(None)
        self._left_s = seconds
        self._holds = holds

    @property
    def left_s(self) -> float:
        at = self.timeout.when()
        return self._left_s if at is None else at - asyncio.get_running_loop().time()

    def start(self) -> None:
        if not self._holds:
            self.timeout.reschedule(asyncio.get_running_loop().time() + self._left_s)

    def hold(self, by: int) -> None:
        """Count who holds it. Once its time is over, nothing brings it back."""
        self._holds += by
        if self.timeout.expired():
            return
        if self._holds:
            self._left_s = self.left_s
            self.timeout.reschedule(None)
        else:
            self.start()


@dataclass(frozen=True)
class Pace:
    """How many hosts are worked on at once, and the seconds that each may take."""

    at_once: int
    host_s: float


def _nothing(_: str) -> Iterable[str]:
    return ()


async def each_host(
    hosts: Iterable[str],
    work: Callable[[str], Awaitable[T]],
    pace: Pace,
    clocks: Clocks,
    after: Callable[[str], Iterable[str]] = _nothing,
    ended: Callable[[str], None] = lambda _: None,
) -> dict[str, T | Failure]:
    """Work on every host; return what came of each, or its Failure, in the order given.

    A host waits until those of `after(host)` that are in this run too have ended, however they
    ended. `ended(host)` is told. Where the run itself is cancelled, so is every host's work, and
    waited for.
    """
    names = list(hosts)
    slots = asyncio.Semaphore(pace.at_once)
    over = {name: asyncio.Event() for name in names}

    async def one(name: str) -> T | Failure:
        for other in after(name):
            if other in over:
                await over[other].wait()
        try:
            async with slots, clocks.running(name, pace.host_s):
                return await work(name)
        except Exception as error:  # one host's failure, a defect included, stops no other
            return Failure(name, error)
        finally:
            over[name].set()
            ended(name)

    async with asyncio.TaskGroup() as group:
        tasks = {name: group.create_task(one(name)) for name in names}
    return {name: task.result() for name, task in tasks.items()}
