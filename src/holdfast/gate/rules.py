"""What each guessable or costly action allows, and what it asks beyond that. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from holdfast.gate.budgets import Budget
from holdfast.work.difficulty import Pace
from holdfast.work.puzzle import Kind

MINUTE, HOUR = 60.0, 3600.0
OF_AN_APPLICATION = Budget(1000, 1.0, 10_000)


class Way(StrEnum):
    """What is asked of a visitor, from nothing to time."""

    FREE = "free"
    WORK = "work"
    ELSEWHERE = "elsewhere"
    """Not by guessing: by a passkey, by a mailed code, or from a device that is known."""
    WAIT = "wait"


@dataclass(frozen=True)
class Price:
    """What work is asked for: from `first` on, twice as much every few attempts, up to `cap`.

    In expected hashes of the kind; the cap is what a slow telephone does in 5 seconds.
    """

    kind: Kind
    parts: int
    first: int
    cap: int
    core_rate: int
    """So many hashes a second does one core that has instructions for them (docs/benchmarks.md)."""

    def work(self, over: float, doubling: float) -> int:
        """Return the work for an attempt that is so many above what is free; 0 for none above."""
        if over <= 0:
            return 0
        exponent = min((over - 1) / doubling, 64.0)
        return min(int(self.first * 2**exponent), self.cap)


SHA256 = Price(Kind.SHA256, parts=8, first=400_000, cap=8_000_000, core_rate=50_000_000)
"""A slow telephone does 1.6 million hashes a second, all its workers together (docs/gate.md)."""
ARGON2ID = Price(Kind.ARGON2ID, parts=1, first=4, cap=40, core_rate=57)
"""And 8 of Argon2id with 19 MiB."""
PRICES = {price.kind: price for price in (SHA256, ARGON2ID)}


@dataclass(frozen=True)
class Rule:
    """The budgets of one action. Whoever has none of a kind is not held to it.

    Beyond the priced attempts of an account the way is ELSEWHERE, and never a wait: strangers
    could have its owner wait. Beyond those of a network it is WAIT.
    """

    narrow: Budget
    wide: Budget
    account: Budget | None = None
    device: Budget | None = None
    """What a device has that its owner has signed in with before, whatever others do."""
    paid: bool = True
    """Whether work is a way at all; otherwise what is not free waits."""
    application: Budget | None = None
    """Of all attempts that one application makes for its visitors, who are where it says.

    Beyond it they work, for ever more, and never wait: strangers could have all of them wait.
    """
    crowd: bool = False
    """Whether load on the whole site raises what is asked of everybody unknown."""


RULES: Mapping[str, Rule] = {
    "sign-in": Rule(
        narrow=Budget(20, MINUTE, 100),
        wide=Budget(100, 20.0, 500),
        account=Budget(5, 10 * MINUTE, 50),
        device=Budget(10, MINUTE, 0),
        application=OF_AN_APPLICATION,
        crowd=True,
    ),
    "sign-up": Rule(
        narrow=Budget(5, 5 * MINUTE, 50),
        wide=Budget(25, MINUTE, 250),
        application=Budget(250, 4.0, 2500),
        crowd=True,
    ),
    "reset": Rule(
        narrow=Budget(10, 3 * MINUTE, 50),
        wide=Budget(60, 20.0, 300),
        application=OF_AN_APPLICATION,
    ),
    "code": Rule(
        narrow=Budget(10, 3 * MINUTE, 50),
        wide=Budget(60, 20.0, 300),
        application=OF_AN_APPLICATION,
    ),
    "code-entry": Rule(Budget(30, MINUTE, 0), Budget(150, 15.0, 0), paid=False),
    "factor": Rule(
        narrow=Budget(20, MINUTE, 50),
        wide=Budget(100, 20.0, 250),
        account=Budget(10, 10 * MINUTE, 10),
        device=Budget(10, MINUTE, 0),
        application=OF_AN_APPLICATION,
    ),
    "step-up": Rule(
        narrow=Budget(20, MINUTE, 50),
        wide=Budget(100, 20.0, 250),
        account=Budget(10, 10 * MINUTE, 10),
        device=Budget(10, MINUTE, 0),
        application=OF_AN_APPLICATION,
    ),
    "post": Rule(Budget(10, MINUTE, 50), Budget(50, 15.0, 250), crowd=True),
}
"""`post` is for forms of other applications: comments, messages to a team."""

PACE_TOLERATED = 60
"""So many failed sign-ins a minute, all over the site, are nobody's attack."""


def pace(price: Price, tolerated: int = PACE_TOLERATED) -> Pace:
    """Return how the work asked of everybody moves, in hashes of a kind."""
    return Pace(first=max(price.first // 4, 1), cap=price.cap, tolerated=tolerated)


def generous(rules: Mapping[str, Rule], times: int) -> Mapping[str, Rule]:
    """Return rules whose budgets hold so many times more: where many share few addresses."""

    def larger(budget: Budget) -> Budget:
        return Budget(budget.free * times, budget.every_s / times, budget.priced * times)

    return {
        action: replace(
            rule,
            narrow=larger(rule.narrow),
            wide=larger(rule.wide),
            account=larger(rule.account) if rule.account else None,
            device=larger(rule.device) if rule.device else None,
            application=larger(rule.application) if rule.application else None,
        )
        for action, rule in rules.items()
    }
