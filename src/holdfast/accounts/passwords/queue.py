"""A place to hash in: at most as many passwords are hashed at once as there are cores.

Each hash takes a core and 19 MiB for some 20 ms. More at once would only take memory and make each
slower, so the rest wait in line. Workers are processes of their own: each has its lanes. With more
workers than cores, several share a lane through a lock on a file, which the kernel lets go of when
its holder dies.
"""

from __future__ import annotations

import fcntl
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST_WAIT_S = 10.0
LONGEST_LINE = 200  # who comes later is sent away at once
LOOKS_AGAIN_S = 0.002


class Overloaded(Exception):
    """Too many passwords wait to be hashed; try again later."""


class Lane:
    """A place for one hash; with a file, other processes use it too."""

    def __init__(self, path: Path | None = None) -> None:
        self._descriptor = -1
        if path is not None:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def enter(self, deadline: float) -> None:
        """Wait until no other process is in it. Raises Overloaded."""
        while self._descriptor >= 0:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Overloaded from None
                time.sleep(LOOKS_AGAIN_S)
            else:
                return

    def leave(self) -> None:
        if self._descriptor >= 0:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)


class Line:
    """The lanes of one process, and who waits for them."""

    def __init__(self, lanes: list[Lane]) -> None:
        self._free: queue.SimpleQueue[Lane] = queue.SimpleQueue()
        for lane in lanes:
            self._free.put(lane)
        self._changing = threading.Lock()
        self.waiting = 0

    @contextmanager
    def place(self) -> Iterator[float]:
        """Hold a lane; yield the seconds waited for it. Raises Overloaded."""
        began = time.monotonic()
        deadline = began + LONGEST_WAIT_S
        lane = self._take(deadline)
        try:
            lane.enter(deadline)
            try:
                yield time.monotonic() - began
            finally:
                lane.leave()
        finally:
            self._free.put(lane)

    def _take(self, deadline: float) -> Lane:
        with self._changing:
            if self.waiting >= LONGEST_LINE:
                raise Overloaded
            self.waiting += 1
        try:
            return self._free.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise Overloaded from None
        finally:
            with self._changing:
                self.waiting -= 1


_line = Line([Lane() for _ in range(os.cpu_count() or 1)])
_told: Callable[[float], object] = lambda seconds: None  # noqa: E731


def assign(worker: int, workers: int, cores: int, folder: Path) -> None:
    """Give worker number `worker` (from 0) of `workers` its lanes; once, as it begins."""
    global _line
    if workers > cores:
        _line = Line([Lane(folder / f"hash-lane-{worker % cores}")])
    else:
        _line = Line([Lane() for lane in range(cores) if lane % workers == worker % workers])


def on_wait(told: Callable[[float], object]) -> None:
    """Have each wait told, in seconds."""
    global _told
    _told = told


@contextmanager
def place() -> Iterator[None]:
    """Hold a place to hash in. Raises Overloaded."""
    with _line.place() as waited:
        _told(waited)
        yield
