"""Puzzles for browsers: handed out without keeping anything, bound to one purpose, worth one use.

A puzzle is one line of text, `1:KIND:PARTS:COST:EXPIRES:ID:SCOPE:SIGNATURE`. Its seed is the
SHA-256 of that line. For each of PARTS parts, numbered from 0, a counter is wanted whose hash, read
as a number of 256 bits, is below 2^256 / COST: COST tries, on average. The hash is

- `sha256`: SHA-256 of seed, part and counter, 4 bytes each, big-endian: one block, so one step;
- `argon2id`: Argon2id of part and counter, salted with the seed's first half (19 MiB, 2 passes).

The answer is the line, a colon, and the counters joined by dots. Several parts make the time that a
visitor waits even: it would be as uneven as a die's first six otherwise.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import struct
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

LONGEST = 1024
LONGEST_ACTION, LONGEST_ACCOUNT = 64, 512
MOST_PARTS, MOST_COST = 64, 2**30
LAST_COUNTER = 2**32 - 1
FURTHEST_OFF_S = 86_400
"""No puzzle is good for longer."""
MEMORY_KIB, PASSES = 19 * 1024, 2
_SPACE = 2**256
_FIELD = "[1-9][0-9]{0,9}"
_LINE = (
    rf"(1:(sha256|argon2id):({_FIELD}):({_FIELD}):([1-9][0-9]{{0,11}})"
    r":([A-Za-z0-9_-]{22}):([A-Za-z0-9_-]{22}):([A-Za-z0-9_-]{43}))"
)
_PUZZLE = re.compile(_LINE)
_ANSWER = re.compile(rf"{_LINE}:({_FIELD}(?:\.{_FIELD}){{0,{MOST_PARTS - 1}}})")
_GUESSED = struct.Struct(">II")


class Kind(StrEnum):
    """What is hashed: what any machine does, or what costs memory, which graphics cards lack."""

    SHA256 = "sha256"
    ARGON2ID = "argon2id"


_KINDS = {kind.value: kind for kind in Kind}


class Reason(StrEnum):
    """Why an answer is refused."""

    MALFORMED = "malformed"
    FORGED = "forged"
    ELSEWHERE = "elsewhere"
    """It was made for another action, account or site."""
    EXPIRED = "expired"
    SPENT = "spent"
    UNSOLVED = "unsolved"
    """A counter does not reach what its part costs."""
    TOO_LITTLE = "too-little"
    """It is solved, and costs less than what is asked by now."""


class Refused(Exception):
    """An answer is not taken; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Puzzle(NamedTuple):
    """One puzzle, as its text says; `cost` is the expected number of hashes of each part."""

    kind: Kind
    parts: int
    cost: int
    expires: int
    name: str
    scope: str
    signature: str
    text: str

    @property
    def work(self) -> int:
        """How many hashes it takes on average, all parts together."""
        return self.parts * self.cost

    @property
    def seed(self) -> bytes:
        return hashlib.sha256(self.text.encode()).digest()


class Answer(NamedTuple):
    """A puzzle and a counter for each of its parts, not verified yet."""

    puzzle: Puzzle
    counters: tuple[int, ...]


def parse(text: str) -> Puzzle:
    """Read a puzzle; nothing about it is believed yet. Raises Refused where it is none."""
    found = _PUZZLE.fullmatch(text) if len(text) <= LONGEST else None
    if found is None:
        raise Refused(Reason.MALFORMED)
    return _read(*found.groups())


def parse_answer(text: str) -> Answer:
    """Read an answer: one spelling each, a counter for each part. Raises Refused."""
    found = _ANSWER.fullmatch(text) if len(text) <= LONGEST else None
    if found is None:
        raise Refused(Reason.MALFORMED)
    *line, spelled = found.groups()
    puzzle = _read(*line)
    counters = tuple(map(int, spelled.split(".")))
    if len(counters) != puzzle.parts or max(counters) > LAST_COUNTER:
        raise Refused(Reason.MALFORMED)
    return Answer(puzzle, counters)


def _read(
    text: str, kind: str, parts: str, cost: str, expires: str, name: str, scope: str, signature: str
) -> Puzzle:
    puzzle = Puzzle(_KINDS[kind], int(parts), int(cost), int(expires), name, scope, signature, text)
    if puzzle.parts > MOST_PARTS or puzzle.cost > MOST_COST:
        raise Refused(Reason.MALFORMED)
    return puzzle


def solved(answer: Answer) -> bool:
    """Whether every counter reaches what its part costs: one hash a part, fewer where one fails."""
    puzzle, seed = answer.puzzle, answer.puzzle.seed
    highest = (_SPACE // puzzle.cost - 1).to_bytes(32)  # bytes compare as the numbers they spell
    hashes = _sha256 if puzzle.kind is Kind.SHA256 else _argon2id
    return all(map(highest.__ge__, hashes(seed, answer.counters)))


def _sha256(seed: bytes, counters: Sequence[int]) -> Iterator[bytes]:
    seeded = hashlib.sha256(seed)
    for part, counter in enumerate(counters):
        hashed = seeded.copy()
        hashed.update(_GUESSED.pack(part, counter))
        yield hashed.digest()


def _argon2id(seed: bytes, counters: Sequence[int]) -> Iterator[bytes]:
    from argon2.low_level import Type, hash_secret_raw

    for part, counter in enumerate(counters):
        password = _GUESSED.pack(part, counter)
        yield hash_secret_raw(password, seed[:16], PASSES, MEMORY_KIB, 1, 32, Type.ID)


class Desk:
    """Hands out the puzzles of one site and judges what comes back; it remembers nothing.

    The key is 32 bytes or more. That an answer is used once is for a store of what was spent.
    """

    def __init__(self, key: bytes, site: str) -> None:
        if len(key) < 32:
            raise ValueError("the key of puzzles has 32 bytes or more")
        self._mac = hmac.new(key, digestmod="sha256")  # copied for each: its start is done once
        self._scoping = hmac.digest(key, b"scope", "sha256")
        self._told = _delimited(site)

    def issue(
        self, kind: Kind, action: str, account: str, *, parts: int, cost: int, expires: float
    ) -> str:
        """Return a new puzzle for one action on one account ("" where there is none)."""
        if not (0 < parts <= MOST_PARTS and 0 < cost <= MOST_COST):
            raise ValueError(f"a puzzle of {parts} parts at {cost} hashes cannot be made")
        name = _spelled(secrets.token_bytes(16))
        line = f"1:{kind}:{parts}:{cost}:{int(expires)}:{name}:{self._scope(action, account)}"
        return f"{line}:{self._signature(line)}"

    def opened(self, text: str, action: str, account: str, at: float) -> Answer:
        """Return an answer to a puzzle of ours for this purpose. No work is verified yet.

        Raises Refused: MALFORMED, FORGED, ELSEWHERE, EXPIRED.
        """
        answer = parse_answer(text)
        puzzle = answer.puzzle
        line = puzzle.text[: -len(puzzle.signature) - 1]
        if not hmac.compare_digest(self._signature(line), puzzle.signature):
            raise Refused(Reason.FORGED)
        if not hmac.compare_digest(self._scope(action, account), puzzle.scope):
            raise Refused(Reason.ELSEWHERE)
        if not at < puzzle.expires <= at + FURTHEST_OFF_S:
            raise Refused(Reason.EXPIRED)
        return answer

    def _scope(self, action: str, account: str) -> str:
        """Return 128 bits of what a puzzle is for; each field stands behind its length.

        Keyed: whoever holds a puzzle cannot find out by it how an account is called here.
        """
        told = self._told + _delimited(action, account)
        return _spelled(hashlib.blake2b(told, key=self._scoping, digest_size=16).digest())

    def _signature(self, line: str) -> str:
        mac = self._mac.copy()
        mac.update(line.encode())
        return _spelled(mac.digest())


def _delimited(*fields: str) -> bytes:
    told = b""
    for one in fields:
        data = one.encode("utf-8", "surrogatepass")
        told += len(data).to_bytes(4) + data
    return told


def _spelled(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
