"""Solves puzzles and mints stamps: in C on every core where it can, else in Python.

`methods` says which it is, so that nobody is left to guess why it takes long.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from holdfast.work import pure, race
from holdfast.work.puzzle import LAST_COUNTER, Kind, Puzzle, parse
from holdfast.work.race import Cancelled
from holdfast.work.searches import PYTHON, Algorithm, puzzle_part, stamp_letters, ways

__all__ = ["Cancelled", "Methods", "Unsolvable", "methods", "mint_counter", "solve"]

MOST_BITS = 160
_BLOCK, _WORD = 64, 4
_LAST_WORD = 48
"""Four letters that begin later leave no place for the length in their block."""
_FIXED = 6
"""The fewest letters in front of them, which keep the threads' searches apart."""
_HIGHEST_TARGET = 2**64 - 1


class Unsolvable(Exception):
    """Every counter was tried, and none solves."""


@dataclass(frozen=True)
class Methods:
    """How one algorithm can be searched here, fastest first, and which is taken."""

    algorithm: Algorithm
    here: tuple[str, ...]

    @property
    def chosen(self) -> str:
        return self.here[0]


def methods() -> tuple[Methods, ...]:
    """Return how each algorithm is searched on this machine."""
    return tuple(Methods(algorithm, ways(algorithm)) for algorithm in Algorithm)


def target(cost: int) -> int:
    """Return what the first 64 bits of a hash that solves a part of that cost stay below."""
    return min(2**256 // cost >> 192, _HIGHEST_TARGET)


def solve(
    text: str,
    *,
    threads: int | None = None,
    stop: threading.Event | None = None,
    progress: Callable[[int], None] | None = None,
    method: str | None = None,
) -> str:
    """Return the answer to a puzzle.

    As many threads as there are cores, unless it is said; for `python`, one: there they would wait
    for each other. `progress` gets the hashes tried so far. Raises Refused for what is no puzzle,
    Cancelled once `stop` is set, Unsolvable, and ValueError for a method that is not here.
    """
    puzzle = parse(text)
    algorithm = Algorithm.ARGON2ID if puzzle.kind is Kind.ARGON2ID else Algorithm.SHA256
    chosen = method or ways(algorithm)[0]
    job = _PuzzleJob(puzzle, algorithm, chosen)
    race.run(job, threads or _threads(algorithm, chosen), stop, progress)
    if not all(job.found):
        raise Unsolvable(f"no counter solves part {job.found.index(0)}; ask for another puzzle")
    return f"{text}:{'.'.join(map(str, job.found))}"


def mint_counter(
    prefix: str,
    bits: int,
    *,
    threads: int | None = None,
    stop: threading.Event | None = None,
    progress: Callable[[int], None] | None = None,
    method: str | None = None,
) -> str:
    """Return letters that, after the prefix, give its SHA-1 at least so many zero bits in front.

    They are 10 to 28, of base64's alphabet. Otherwise as `solve`; raises ValueError for a prefix
    beyond ASCII, and for bits that are not 0 to 160.
    """
    if not prefix.isascii():
        raise ValueError("a stamp is ASCII")
    if not 0 <= bits <= MOST_BITS:
        raise ValueError(f"bits: {bits}, but 0 to {MOST_BITS} are possible")
    chosen = method or ways(Algorithm.SHA1)[0]
    job = _StampJob(prefix, bits, chosen)
    race.run(job, threads or _threads(Algorithm.SHA1, chosen), stop, progress)
    if job.found is None:
        raise Unsolvable(f"no counter gives {bits} bits; change another field of the stamp")
    return job.found


def _threads(algorithm: Algorithm, method: str) -> int:
    """As many as help: hashlib keeps Python's lock for short texts, argon2-cffi lets it go."""
    return 1 if method == PYTHON and algorithm is not Algorithm.ARGON2ID else race.threads_here()


class _PuzzleJob:
    """A puzzle's parts, the counters found, and from where each is to be searched on."""

    largest = 2**26

    def __init__(self, puzzle: Puzzle, algorithm: Algorithm, method: str) -> None:
        self.smallest = 1 if algorithm is Algorithm.ARGON2ID else 2**11
        self.seed, self.target = puzzle.seed, target(puzzle.cost)
        self.algorithm, self.method = algorithm, method
        self.found = [0] * puzzle.parts
        self.next = [1] * puzzle.parts
        self.at_work = [0] * puzzle.parts

    def take(self, size: int) -> _Counters | None:
        """Take the part that the fewest search."""
        parts = [
            part
            for part, counter in enumerate(self.found)
            if not counter and self.next[part] <= LAST_COUNTER
        ]
        if not parts:
            return None
        part = min(parts, key=self.at_work.__getitem__)
        start = self.next[part]
        count = min(size, LAST_COUNTER + 1 - start)
        self.next[part] += count
        self.at_work[part] += 1
        return _Counters(self, part, start, count)

    def give(self, piece: _Counters) -> int:
        self.at_work[piece.part] -= 1
        if not piece.found:
            return piece.count
        self.found[piece.part] = piece.found
        return piece.found - piece.start + 1


@dataclass
class _Counters:
    """A stretch of counters for one part."""

    job: _PuzzleJob
    part: int
    start: int
    count: int
    found: int = 0

    def search(self) -> None:
        job, stretch = self.job, (self.part, self.start, self.count, self.job.target)
        self.found = puzzle_part(job.algorithm, job.method, job.seed, *stretch)


class _StampJob:
    """A stamp's counter: letters that number the searches, and four more that are searched.

    Those in front are as many as put the four into one word of the hash's last block, so that a
    search changes one word.
    """

    smallest, largest = 2**13, pure.WAYS

    def __init__(self, prefix: str, bits: int, method: str) -> None:
        self.prefix, self.bits, self.method = prefix, bits, method
        self.fixed = _FIXED
        while (len(prefix) + self.fixed) % _WORD or (
            len(prefix) + self.fixed
        ) % _BLOCK > _LAST_WORD:
            self.fixed += 1
        self.front, self.start = 0, 0
        self.found: str | None = None

    def take(self, size: int) -> _Letters | None:
        if self.found is not None:
            return None
        if self.start == pure.WAYS:
            self.front, self.start = self.front + 1, 0
        front = _spelled(self.front, self.fixed)
        count = min(size // pure.STEP * pure.STEP, pure.WAYS - self.start)
        self.start += count
        return _Letters(self, front, self.start - count, count)

    def give(self, piece: _Letters) -> int:
        if piece.found is None:
            return piece.count
        self.found = piece.front + piece.found
        return _number(piece.found) - piece.start + 1


@dataclass
class _Letters:
    """A stretch of the four letters, after one front."""

    job: _StampJob
    front: str
    start: int
    count: int
    found: str | None = None

    def search(self) -> None:
        job, text = self.job, (self.job.prefix + self.front).encode()
        self.found = stamp_letters(job.method, text, job.bits, self.start, self.count)


def _number(letters: str) -> int:
    """Return the number that letters spell."""
    number = 0
    for letter in letters:
        number = number * pure.STEP + pure.LETTERS.index(letter)
    return number


def _spelled(number: int, size: int) -> str:
    """Return a number in so many letters."""
    letters = ""
    for _ in range(size):
        number, low = divmod(number, pure.STEP)
        letters = pure.LETTERS[low] + letters
    return letters
