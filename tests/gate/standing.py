"""A gate in memory, whose clock is set by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gate.kept import CHEAP, KEY, NOW, SITE
from holdfast.gate.budgets import Memory
from holdfast.gate.gate import Asked, Gate, Passed, Visit
from holdfast.gate.rules import RULES, Price, Rule
from holdfast.gate.tally import MemoryTally
from holdfast.work import spent
from work.solving import answer

OWNER = "alice"
HOME, ELSEWHERE = "198.51.100.7", "203.0.113.9"


@dataclass
class Standing:
    """A gate and what belongs to it. Addresses of attackers are each a network of its own."""

    rules: Mapping[str, Rule] = field(default_factory=lambda: RULES)
    price: Price = CHEAP
    now: float = NOW
    tally: MemoryTally = field(default_factory=MemoryTally)
    budgets: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        self.spent = spent.Memory(clock=lambda: self.now)
        self.gate = self.another()

    def another(self) -> Gate:
        """Return a gate on the same stores: another process of the site."""
        return Gate(
            KEY,
            SITE,
            budgets=self.budgets,
            spent=self.spent,
            tally=self.tally,
            rules=self.rules,
            price=self.price,
            clock=lambda: self.now,
        )

    def enter(self, visit: Visit) -> Passed | Asked:
        """Enter, and work where work is asked."""
        entered = self.gate.enter(visit)
        if isinstance(entered, Asked) and entered.puzzle:
            return self.gate.enter(visit, answer(entered.puzzle))
        return entered

    def guess(self, visit: Visit) -> Passed | Asked:
        """Enter, with work if need be, and be wrong."""
        entered = self.enter(visit)
        if isinstance(entered, Passed):
            self.gate.failed(entered)
        return entered

    def attack(self, account: str, guesses: int, action: str = "sign-in") -> list[Passed | Asked]:
        """Guess as often, each time from another network."""
        return [
            self.guess(Visit(action, f"10.{at // 250}.{at % 250}.1", account))
            for at in range(guesses)
        ]


def passed(entered: Passed | Asked) -> Passed:
    assert isinstance(entered, Passed), entered
    return entered


def asked(entered: Passed | Asked) -> Asked:
    assert isinstance(entered, Asked), entered
    return entered
