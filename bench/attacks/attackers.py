"""Attackers who know the rules: each attempt is the cheapest there is, and made when it is allowed.

They have addresses in networks that have nothing in common, which is the worst for a site, and
know the level of every budget, since nobody else draws on them for long.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from bench.attacks.world import BEGAN, DAY_S, PARTS, Actor, World
from holdfast.gate.budgets import Budget
from holdfast.gate.gate import Asked, Passed, Visit
from holdfast.gate.rules import RULES, Way
from holdfast.work.puzzle import parse

PATIENT_EVERY_S = 60 / 55
"""Somewhat fewer than 60 a minute: so many are nobody's attack, and cost nothing."""


@dataclass
class Spending:
    """What an attacker got, and what it paid."""

    guesses: list[int] = field(default_factory=lambda: [0] * PARTS)
    """By parts of the day."""
    hashes: float = 0.0

    def guessed(self, at: float) -> None:
        self.guesses[int((at - BEGAN) / DAY_S * PARTS)] += 1


class Pool:
    """Accounts or addresses, the one next whose budget is least used."""

    def __init__(self, names: list[str], budget: Budget | None) -> None:
        self._budget = budget
        self._whole = [(0.0, name) for name in names]

    def next(self) -> tuple[float, str]:
        """Return from when the next one can be drawn on, and its name."""
        whole, name = self._whole[0]
        if self._budget is None:
            return 0.0, name
        allowed = self._budget.free + self._budget.priced
        return whole - (allowed - 1) * self._budget.every_s, name

    def drawn(self, now: float) -> None:
        whole, name = self._whole[0]
        every_s = self._budget.every_s if self._budget else 0.0
        heapq.heapreplace(self._whole, (max(whole, now) + every_s, name))


def attacker(
    world: World,
    action: str,
    accounts: list[str],
    addresses: list[str],
    power: float,
    *,
    every_s: float,
    spending: Spending,
) -> Actor:
    """Guess all day, at most once every so often, with so many hashes a second."""
    rule = RULES[action]
    whose, where = Pool(accounts, rule.account), Pool(addresses, rule.narrow)
    while True:
        (from_account, account), (from_address, address) = whose.next(), where.next()
        allowed_at = max(from_account, from_address)
        if allowed_at > world.now:
            yield allowed_at
        began, visit = world.now, Visit(action, address, account)
        entered: Passed | Asked = world.gate.enter(visit)
        if isinstance(entered, Asked) and entered.way is Way.WORK:
            solving_s = world.solving_s(parse(entered.puzzle).work, power)
            spending.hashes += solving_s * power
            yield world.now + solving_s
            entered = world.answered(visit, entered)
        if isinstance(entered, Passed):
            if accounts == [""]:
                world.gate.made(entered)
            else:
                world.gate.failed(entered)
            spending.guessed(world.now)
            whose.drawn(world.now)
            where.drawn(world.now)
            yield began + every_s
        else:  # an owner's attempt is under way, or others were faster
            yield world.now + 1.0


def flood(world: World, action: str, address: str, power: float) -> Actor:
    """Take each attempt of one network, a moment after it has come back, and work for it."""
    while True:
        visit = Visit(action, address)
        entered = world.gate.enter(visit)
        if isinstance(entered, Asked) and entered.way is Way.WORK:
            yield world.now + world.solving_s(parse(entered.puzzle).work, power)
            entered = world.answered(visit, entered)
        wait_s = max(entered.wait_s - 1.0, 0.1) if isinstance(entered, Asked) else 0.0
        yield world.now + wait_s
