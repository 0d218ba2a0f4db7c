"""Threads that search side by side, piece by piece, until all is found."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

PIECE_S = 0.02
"""How long a thread searches before it looks whether it should stop."""
LOOKED_AFTER_S = 0.1
_GROWTH = 2
_MOST_THREADS = 256


class Cancelled(Exception):
    """The search was broken off, as was asked."""


class Piece(Protocol):
    """One thread's next search."""

    def search(self) -> None:
        """Search, and keep what is found."""


P = TypeVar("P", bound=Piece)


class Job(Protocol[P]):
    """What is searched. Its threads call it one at a time."""

    smallest: int
    largest: int

    def take(self, size: int) -> P | None:
        """Return a search of about `size` hashes, or None once nothing is left to search."""

    def give(self, piece: P) -> int:
        """Take what a search has found, and return how many hashes that took."""


def threads_here() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    job: Job[P],
    threads: int,
    stop: threading.Event | None,
    progress: Callable[[int], None] | None,
) -> None:
    """Search until the job has no piece left.

    `progress` gets the hashes tried so far, in this thread, about ten times a second and at the
    end. Raises Cancelled once `stop` is set, and whatever a piece or `progress` raises; then, too,
    no thread is left.
    """
    if not 1 <= threads <= _MOST_THREADS:
        raise ValueError(f"threads: {threads}, but 1 to {_MOST_THREADS} are possible")
    race = _Race(job)
    runners = [threading.Thread(target=race.run, daemon=True) for _ in range(threads)]
    try:
        for runner in runners:
            runner.start()
        while any(runner.is_alive() for runner in runners):
            race.ended.wait(LOOKED_AFTER_S)
            if stop is not None and stop.is_set():
                raise Cancelled
            if progress is not None:
                progress(race.tried)
            if race.ended.is_set():
                break
    finally:
        race.over.set()
        for runner in runners:
            if runner.ident is not None:
                runner.join()
    if race.failure is not None:
        raise race.failure
    if progress is not None:
        progress(race.tried)


class _Race(Generic[P]):
    """What the threads of one run share."""

    def __init__(self, job: Job[P]) -> None:
        self.job = job
        self.over = threading.Event()
        self.ended = threading.Event()
        self.lock = threading.Lock()
        self.tried = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Take pieces that last about PIECE_S until there are none."""
        size = self.job.smallest
        try:
            while not self.over.is_set():
                with self.lock:
                    piece = self.job.take(size)
                if piece is None:
                    break
                began = time.perf_counter()
                piece.search()
                took = time.perf_counter() - began
                with self.lock:
                    self.tried += self.job.give(piece)
                size = self._sized(size, took)
        except BaseException as error:  # given to whoever waits for it
            self.failure = error
        finally:
            self.ended.set()

    def _sized(self, size: int, took: float) -> int:
        """Return what would take PIECE_S, growing by steps.

        A first piece says little, and a long one is for nothing where another thread ends the race.
        """
        better = int(size * min(PIECE_S / max(took, 1e-6), _GROWTH))
        return max(self.job.smallest, min(better, self.job.largest))
