"""How fast this machine searches, by each method it has: the data of `holdfast stamp speed`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from holdfast.work import pure
from holdfast.work.searches import Algorithm, puzzle_part, stamp_letters, ways
from holdfast.work.solver import MOST_BITS

_SEED = bytes(32)
_NEVER = 0
"""No hash stays below it."""
_STAMP = b"1:20:261127:nobody@example.org::AAAAAAAAAAAAAAAA" * 4
_LARGEST = 2**24
_TIMED_S = 0.02
"""A measurement that lasts so long is good enough to plan the next."""


@dataclass(frozen=True)
class Row:
    """One method of one algorithm: hashes per second of one thread, and whether it is taken."""

    algorithm: str
    method: str
    hashes_per_s: float
    chosen: bool


def measured(seconds: float) -> list[Row]:
    """Measure every method of this machine for about so many seconds each, in one thread."""
    return [
        Row(algorithm.value, method, rate(algorithm, method, seconds), method == there[0])
        for algorithm in Algorithm
        for there in (ways(algorithm),)
        for method in there
        if _possible(algorithm, method)
    ]


def rate(algorithm: Algorithm, method: str, seconds: float) -> float:
    """Return the hashes of one thread per second of a core, searched in pieces for about so long.

    What counts is the time that the thread had a core: other programs take none of it.
    """
    search = _search(algorithm, method)
    count = pure.STEP if algorithm is not Algorithm.ARGON2ID else 1
    tried, began = 0, time.thread_time()
    until = began + seconds
    while True:
        piece = time.thread_time()
        search(count)
        now = time.thread_time()
        tried += count
        if now >= until:
            return tried / (now - began)
        if now - piece < _TIMED_S and count < _LARGEST and algorithm is not Algorithm.ARGON2ID:
            tried, began, count = 0, now, 2 * count


def _search(algorithm: Algorithm, method: str) -> Callable[[int], object]:
    """Return a search that finds nothing in so many hashes."""
    if algorithm is Algorithm.SHA1:
        return lambda count: stamp_letters(method, _STAMP, MOST_BITS, 0, count)
    return lambda count: puzzle_part(algorithm, method, _SEED, 0, 1, count, _NEVER)


def _possible(algorithm: Algorithm, method: str) -> bool:
    """Whether what a method needs is installed: argon2-cffi comes with the accounts only."""
    try:
        _search(algorithm, method)(0)
    except ImportError:
        return False
    return True
