"""Owners who want in, at any time of the day: on a device that is known, or elsewhere.

How long things take is a model: a request half a second; work what the device needs for it; a mail
10 to 20 seconds, and typing its code 10. Who has a passkey needs none of it, so nobody has one.
That they get in is not counted: a site with many visitors tolerates more failures, and asks less.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.attacks.world import Actor, World
from holdfast.gate.gate import Asked, Passed, Visit
from holdfast.gate.rules import Way
from holdfast.work.puzzle import parse

REQUEST_S, TYPING_S = 0.5, 10.0
MAIL_S = (10.0, 20.0)
KNOWN_WITHIN_S, ELSEWHERE_WITHIN_S = 5.0, 60.0


@dataclass
class Arrivals:
    """How long each took to get in; None for who did not at all."""

    took_s: list[float | None] = field(default_factory=list)

    def share(self, within_s: float) -> float:
        """Return of a hundred how many were in within a time."""
        good = sum(1 for one in self.took_s if one is not None and one <= within_s)
        return 100 * good / len(self.took_s)

    def slices(self, count: int) -> list[Arrivals]:
        """Return them in parts, in the order in which they came out."""
        size = len(self.took_s) // count
        return [Arrivals(self.took_s[at * size : (at + 1) * size]) for at in range(count)]


def owner(world: World, visit: Visit, rate: float, arrivals: Arrivals) -> Actor:
    """Sign in by whatever is offered: nothing, work, or a mailed code."""
    began = world.now
    yield world.now + REQUEST_S
    entered: Passed | Asked = world.gate.enter(visit)
    while isinstance(entered, Asked) and entered.way is Way.WORK:
        yield world.now + world.solving_s(parse(entered.puzzle).work, rate) + REQUEST_S
        entered = world.answered(visit, entered)
    if isinstance(entered, Asked) and visit.account:
        yield world.now + REQUEST_S
        code = Visit("code", visit.address)
        entered = world.gate.enter(code)
        while isinstance(entered, Asked) and entered.way is Way.WORK:
            yield world.now + world.solving_s(parse(entered.puzzle).work, rate) + REQUEST_S
            entered = world.answered(code, entered)
        if isinstance(entered, Passed):
            yield world.now + world.chance.uniform(*MAIL_S) + TYPING_S + REQUEST_S
            entered = world.gate.enter(Visit("code-entry", visit.address))
    if isinstance(entered, Passed):
        if visit.account:  # to sign up is no guess, and is not given back
            world.gate.back(entered)
        took_s = world.now - began
        arrivals.took_s.append(took_s)
    else:
        arrivals.took_s.append(None)
