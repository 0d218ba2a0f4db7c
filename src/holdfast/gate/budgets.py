"""Budgets: so many attempts at once for nothing, and one more every so often.

A budget is one number, the time at which it is whole again (the generic cell rate algorithm): an
attempt moves it on, time catches up with it. So a store needs no history, and one statement takes.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from holdfast.work.spent import StoreDown

__all__ = ["Budget", "Budgets", "Draw", "Memory", "StoreDown", "Taken"]


@dataclass(frozen=True)
class Budget:
    """What somebody has: attempts for nothing, and how many more there are at a price."""

    free: int
    every_s: float
    """After so long one attempt has come back."""
    priced: int
    """So many more can be had for work. After them nothing but time helps."""

    def __post_init__(self) -> None:
        if not (self.free >= 0 and self.priced >= 0 and self.every_s > 0):
            raise ValueError("a budget counts up from nothing, and comes back in time")

    @property
    def most(self) -> int:
        """The level that is never passed: whatever happens, time gives back from here."""
        return self.free + self.priced + 1


@dataclass(frozen=True)
class Draw:
    """One attempt on one budget; `name` is at most 64 printable ASCII characters."""

    name: str
    budget: Budget

    def level(self, whole: float, now: float) -> float:
        """Return how many attempts are out, from the time at which the budget is whole again."""
        return max(0.0, whole - now) / self.budget.every_s

    def after(self, level: float) -> float:
        """Return what one attempt more makes of a level."""
        return max(level, min(level + 1, self.budget.most))

    def latest(self, now: float) -> float:
        """Return the latest time at which the budget may be whole again."""
        return now + self.budget.most * self.budget.every_s


@dataclass(frozen=True)
class Taken:
    """What a draw came to: the level with this attempt in it, and how far it moved its budget.

    That is less than one attempt where the level can rise no further. So what is given back is what
    was taken, whatever others did meanwhile.
    """

    draw: Draw
    level: float
    moved_s: float


class Budgets(Protocol):
    """Where budgets are kept; whatever happens at the same moment happens in some order."""

    def take(self, draws: Sequence[Draw], now: float) -> list[Taken]:
        """Draw on each. Raises StoreDown."""
        ...

    def give(self, taken: Sequence[Taken]) -> None:
        """Give back what was taken. Raises StoreDown."""
        ...

    def levels(self, draws: Sequence[Draw], now: float) -> list[float]:
        """Return the level of each, and draw on none. Raises StoreDown."""
        ...


class Memory:
    """In the memory of one process; of what is whole again nothing is kept."""

    SWEEP_AT = 100_000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._whole: dict[str, float] = {}
        self._sweep_at = self.SWEEP_AT

    def take(self, draws: Sequence[Draw], now: float) -> list[Taken]:
        with self._lock:
            if len(self._whole) > self._sweep_at:
                self._whole = {name: at for name, at in self._whole.items() if at > now}
                self._sweep_at = max(self.SWEEP_AT, 2 * len(self._whole))
            if len(self._whole) > 10 * self.SWEEP_AT:
                raise StoreDown("memory of budgets: it is full: keep them in a database")
            return [self._taken(draw, now) for draw in draws]

    def _taken(self, draw: Draw, now: float) -> Taken:
        before = max(self._whole.get(draw.name, now), now)
        after = max(before, min(before + draw.budget.every_s, draw.latest(now)))
        self._whole[draw.name] = after
        return Taken(draw, draw.level(after, now), after - before)

    def give(self, taken: Sequence[Taken]) -> None:
        with self._lock:
            for one in taken:
                if one.draw.name in self._whole:
                    self._whole[one.draw.name] -= one.moved_s

    def levels(self, draws: Sequence[Draw], now: float) -> list[float]:
        with self._lock:
            return [draw.level(self._whole.get(draw.name, now), now) for draw in draws]
