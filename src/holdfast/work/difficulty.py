"""How much work is asked while a whole site is under load: a pure function, one step a period.

After the control loop of Tor's proposal 327: from nothing up while it is overloaded, down by a
third while it is idle, and never above a cap that the slowest visitor can bear. The worse the
overload, the further up: who attacks every other minute would else find it back at nothing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """How the work asked of everybody moves; efforts are expected hashes."""

    first: int
    """What is asked first, once something is."""
    cap: int
    tolerated: int
    """So many failures a period are nobody's attack."""
    grows: float = 2.0
    leaps: float = 8.0
    """By so much it grows at most, where there are so many times more failures than bearable."""
    shrinks: float = 2 / 3

    def __post_init__(self) -> None:
        if not (0 < self.first <= self.cap and self.tolerated > 0):
            raise ValueError("effort goes from above nothing up to its cap")
        if not (1 < self.grows <= self.leaps and 0 < self.shrinks < 1):
            raise ValueError("effort grows by more than one and shrinks by less")


@dataclass(frozen=True)
class Seen:
    """What one period brought: how many got in, and how many did not."""

    good: int
    failed: int


def following(effort: float, seen: Seen, pace: Pace) -> float:
    """Return the effort of the next period: 0, or from `pace.first` to `pace.cap`.

    Overloaded is who sees more failures than are tolerated, and half as many as there are
    successes: a large site has more of both.
    """
    bearable = pace.tolerated + seen.good / 2
    if seen.failed > bearable:
        growth = min(max(seen.failed / bearable, pace.grows), pace.leaps)
        return min(max(effort, pace.first / pace.grows) * growth, float(pace.cap))
    if seen.failed > bearable / 2:
        return effort
    lower = effort * pace.shrinks
    return lower if lower >= pace.first else 0.0
