"""A day of virtual time: actors that say when they go on, in front of the real gate."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from holdfast.gate.budgets import Memory
from holdfast.gate.gate import Asked, Gate, Passed, Visit
from holdfast.gate.rules import PACE_TOLERATED, SHA256
from holdfast.gate.tally import MemoryTally
from holdfast.work import spent

DAY_S = 86_400.0
PARTS = 5
"""Of a day, for whoever wants to see how it goes on."""
BEGAN = 1_800_000_000.0
PHONE = 1_600_000.0
"""Hashes a second of a slow telephone, all its workers together: the visitor of the issue."""
DESKTOP = 20_000_000.0
"""And of a desktop computer: four workers at 5 million."""
COUNTERS = ".".join(["1"] * SHA256.parts)

Actor = Iterator[float]
"""Yields the time at which it goes on."""


@dataclass
class World:
    """A gate whose clock is the simulation's, and for which all work is done that is paid for."""

    seed: int
    tolerated: int = PACE_TOLERATED
    now: float = BEGAN
    _waiting: list[tuple[float, int, Actor]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - a simulation
        self._numbers = itertools.count()
        self.gate = Gate(
            b"k" * 32,
            "https://example.org",
            budgets=Memory(),
            spent=spent.Memory(most=10_000_000, clock=lambda: self.now),
            tally=MemoryTally(),
            tolerated=self.tolerated,
            clock=lambda: self.now,
            solved=lambda answer: True,
        )

    def begin(self, actor: Actor, at: float) -> None:
        heapq.heappush(self._waiting, (at, next(self._numbers), actor))

    def run(self, until: float) -> None:
        """Let everybody act in the order of time."""
        while self._waiting and self._waiting[0][0] < until:
            self.now, number, actor = heapq.heappop(self._waiting)
            at = next(actor, None)
            if at is not None:
                heapq.heappush(self._waiting, (max(at, self.now), number, actor))

    def solving_s(self, work: int, rate: float) -> float:
        """Return how long work takes: each part is done when luck has it, on average in time."""
        parts = SHA256.parts
        return self.chance.gammavariate(parts, work / parts) / rate

    def answered(self, visit: Visit, asked: Asked) -> Passed | Asked:
        """Enter with what was asked for, done."""
        return self.gate.enter(visit, f"{asked.puzzle}:{COUNTERS}")
