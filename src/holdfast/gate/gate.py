"""The gate: who may try now, what it costs, and what is asked of everybody else.

An attempt draws on budgets first, so that a thousand at the same moment see one another. Where they
allow it, it passes. Otherwise it has to bring an answer to a puzzle of the gate's own, or what it
drew is given back and something is asked of it. A store that does not answer refuses: StoreDown.
"""

from __future__ import annotations

import base64
import hmac
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from holdfast.gate.budgets import Budget, Budgets, Draw, Taken
from holdfast.gate.devices import Devices
from holdfast.gate.load import PERIOD_S as PERIOD_S
from holdfast.gate.load import Load
from holdfast.gate.networks import networks
from holdfast.gate.rules import PACE_TOLERATED, RULES, SHA256, Price, Rule, Way, pace
from holdfast.gate.tally import Tally
from holdfast.work.puzzle import Answer, Desk, Reason, Refused, solved
from holdfast.work.spent import Spent

ANSWER_LIVES_S = 300
NETWORKS = 2
"""The first two draws of a visit are its networks'."""
GOOD_OF_AN_ACCOUNT = Budget(free=4, every_s=900.0, priced=0)
GOOD_OF_A_NETWORK = Budget(free=50, every_s=30.0, priced=0)
"""So many right attempts count for how much a site bears."""
TOLERANCE = 4
"""An answer may be worth so many times less than what is asked by now: it was asked before."""


@dataclass(frozen=True)
class Visit:
    """One attempt: at what, at whose account ("" for none), from where, on which device."""

    action: str
    address: str
    account: str = ""
    tokens: str = ""
    owner: str = ""
    """Whose devices count, where that is not how the account is called here."""
    through: str = ""
    """The application that says where it is from, or "" where that was seen. One that lies spends
    the budgets of its own visitors' networks: they are other ones than those of who was seen.
    """


@dataclass(frozen=True)
class Passed:
    """An attempt that may be made. Tell the gate how it ended."""

    visit: Visit
    drawn: tuple[Taken, ...]
    paid: int = 0
    known: bool = False


@dataclass(frozen=True)
class Asked:
    """An attempt that may not be made yet."""

    way: Way
    puzzle: str = ""
    """Where the way is WORK."""
    wait_s: int = 0
    """Where the way is WAIT; where it is WORK, when nothing is asked any more but for load."""
    refused: Reason | None = None
    """Why the answer that was brought is not taken, where there was one."""


@dataclass(frozen=True)
class _Demand:
    """What the levels of an attempt's budgets come to."""

    way: Way
    work: int = 0
    wait_s: int = 0


class Gate:
    """The gate of one site. One per process; the stores are what processes share."""

    def __init__(
        self,
        key: bytes,
        site: str,
        *,
        budgets: Budgets,
        spent: Spent,
        tally: Tally,
        rules: Mapping[str, Rule] = RULES,
        price: Price = SHA256,
        tolerated: int = PACE_TOLERATED,
        clock: Callable[[], float] = time.time,
        solved: Callable[[Answer], bool] = solved,
    ) -> None:
        """The key is 32 bytes or more, the same in each process of the site.

        A simulation brings its own clock, and takes work for done.
        """
        self.rules, self.price = rules, price
        self.devices = Devices(hmac.digest(key, b"devices", "sha256"), site)
        self._desk = Desk(hmac.digest(key, b"puzzles", "sha256"), site)
        self._names = hmac.digest(key, b"budgets", "sha256")
        self._budgets, self._spent = budgets, spent
        self._clock, self._solved = clock, solved
        self._load = Load(tally, pace(price, tolerated), clock)

    def ask(self, visit: Visit) -> Asked:
        """Return what an attempt would be asked now; nothing is drawn. Raises StoreDown."""
        now, rule = self._clock(), self.rules[visit.action]
        device = self._device(visit, rule, now)
        if device:
            level = device[0].after(self._budgets.levels(device, now)[0])
            if level <= device[0].budget.free:
                return Asked(Way.FREE)
        draws = self._draws(visit, rule)
        levels = self._budgets.levels(draws, now)
        would = [
            Taken(draw, draw.after(level), 0.0) for draw, level in zip(draws, levels, strict=True)
        ]
        return self._asked(visit, self._demand(visit, would), now)

    def enter(self, visit: Visit, answer: str = "") -> Passed | Asked:
        """Let an attempt pass, or say what is asked of it. Raises StoreDown."""
        now, rule = self._clock(), self.rules[visit.action]
        self._load.flush_now_and_then(now)
        device = self._device(visit, rule, now)
        if device:
            drawn = tuple(self._budgets.take(device, now))
            if drawn[0].level <= device[0].budget.free:
                return self._passed(Passed(visit, drawn, known=True), now)
            self._budgets.give(drawn)
        drawn = tuple(self._budgets.take(self._draws(visit, rule), now))
        refused = None
        try:
            demand = self._demand(visit, drawn)
            if demand.way is Way.FREE:
                return self._passed(Passed(visit, drawn), now)
            if demand.way is Way.WORK and answer:
                paid = self._paid(visit, answer, demand.work, now)
                return self._passed(Passed(visit, drawn, paid=paid), now)
        except Refused as error:
            refused = error.reason
            self._count(visit, f"refused.{refused}", 1, now)
        except BaseException:
            self._budgets.give(drawn)
            raise
        # To verify work costs: whoever brings what is none has had an attempt of its networks'.
        self._budgets.give(drawn[NETWORKS:] if refused is Reason.UNSOLVED else drawn)
        self._count(visit, str(demand.way), 1, now)
        return replace(self._asked(visit, demand, now), refused=refused)

    def allowed(self, kind: str, of: str, budget: Budget) -> bool:
        """Draw on a budget beside those of actions; return whether it held. Raises StoreDown."""
        draws = (Draw(self._name("", kind, of), budget),)
        taken = self._budgets.take(draws, self._clock())
        if taken[0].level <= budget.free:
            return True
        self._budgets.give(taken)
        return False

    def is_over(self, action: str, account: str) -> bool:
        """Whether the next attempt at an account is no free one. Raises StoreDown."""
        draws = self._of_an_account(action, account)
        levels = self._budgets.levels(draws, self._clock())
        return any(
            draw.after(level) > draw.budget.free for draw, level in zip(draws, levels, strict=True)
        )

    def forgive(self, action: str, account: str) -> None:
        """Give an account its whole budget back; those of networks stay. Raises StoreDown."""
        draws = self._of_an_account(action, account)
        levels = self._budgets.levels(draws, self._clock())
        self._budgets.give(
            [
                Taken(draw, 0.0, level * draw.budget.every_s)
                for draw, level in zip(draws, levels, strict=True)
                if level > 0
            ]
        )

    def _of_an_account(self, action: str, account: str) -> tuple[Draw, ...]:
        budget = self.rules[action].account
        return (Draw(self._name(action, "account", account), budget),) if budget else ()

    def known_from_now(self, tokens: str, account: str) -> str:
        """Return what a device keeps on which somebody has just signed in to this account."""
        return self.devices.with_account(tokens, account, self._clock())

    def back(self, passed: Passed) -> None:
        """An attempt could not be made after all: it never was. Raises StoreDown."""
        self._budgets.give(passed.drawn)

    def good(self, passed: Passed) -> None:
        """An attempt was no guess: what it drew is given back. Raises StoreDown.

        Good ones make a site bear more bad ones. So of one account, and of one network, only a few
        in a while count for that: nobody signs in a hundred times to have the guesses of others
        pass.
        """
        now, visit = self._clock(), passed.visit
        self._budgets.give(passed.drawn)
        narrow, _ = networks(visit.address)
        place = visit.through or narrow  # whoever says where it is from is all one place
        counts = self.allowed(f"good {visit.action} network", place, GOOD_OF_A_NETWORK)
        counts = counts and self.allowed(f"good {visit.action}", visit.account, GOOD_OF_AN_ACCOUNT)
        self._count(visit, "good" if counts else "good.again", 1, now)

    def failed(self, passed: Passed) -> None:
        """An attempt was a wrong guess: what it drew, and what it paid, is gone."""
        now = self._clock()
        self._count(passed.visit, "failed", 1, now)
        if not passed.known:
            self._count(passed.visit, "failed.unknown", 1, now)
        if passed.paid:
            self._count(passed.visit, "failed.hashes", passed.paid, now)

    def made(self, passed: Passed) -> None:
        """An attempt was no guess and made something: an account, a mail. It counts as load."""
        self._count(passed.visit, "made", 1, self._clock())

    def flush(self) -> None:
        """Add what this process has counted to what all have. Raises StoreDown."""
        self._load.flush()

    def effort(self, action: str) -> float:
        """Return the work that everybody unknown is asked by now, in hashes. Raises StoreDown."""
        return self._load.effort(action) if self.rules[action].crowd else 0.0

    def _draws(self, visit: Visit, rule: Rule) -> tuple[Draw, ...]:
        narrow, wide = networks(visit.address)
        if visit.through:
            narrow, wide = f"{visit.through} {narrow}", f"{visit.through} {wide}"
        draws = [
            Draw(self._name(visit.action, "narrow", narrow), rule.narrow),
            Draw(self._name(visit.action, "wide", wide), rule.wide),
        ]
        own = self._of_an_account(visit.action, visit.account) if visit.account else ()
        draws += own  # strangers draw on it too
        if rule.application is not None and visit.through:
            name = self._name(visit.action, "application", visit.through)
            draws.append(Draw(name, rule.application))
        return tuple(draws)

    def _device(self, visit: Visit, rule: Rule, now: float) -> tuple[Draw, ...]:
        owner = visit.owner or visit.account
        if rule.device is None or not owner:
            return ()
        name = self.devices.known(visit.tokens, owner, now)
        return (Draw(self._name(visit.action, "device", name), rule.device),) if name else ()

    def _name(self, action: str, kind: str, of: str) -> str:
        """Return the name of a budget: a store shows neither who visits nor whom."""
        fields = [one.encode(errors="surrogatepass") for one in (action, kind, of)]
        told = b"".join(len(one).to_bytes(4) + one for one in fields)
        return base64.urlsafe_b64encode(hmac.digest(self._names, told, "sha256")[:18]).decode()

    def _demand(self, visit: Visit, drawn: Sequence[Taken]) -> _Demand:
        """Return what the levels come to, each with the attempt in it."""
        rule = self.rules[visit.action]
        work, free_in_s, wait_s, elsewhere = 0, 0.0, 0.0, False
        for place, one in enumerate(drawn):
            budget = one.draw.budget
            over = one.level - budget.free
            if over <= 0:
                continue
            if one.draw.budget is rule.application:
                work = max(work, self.price.work(over, budget.priced / 8))
            elif over > budget.priced or not rule.paid:
                too_many = over - budget.priced if rule.paid else over
                if place >= NETWORKS:
                    elsewhere = True
                else:
                    wait_s = max(wait_s, too_many * budget.every_s)
            else:
                work = max(work, self.price.work(over, max(budget.priced / 8, 1.0)))
                free_in_s = max(free_in_s, over * budget.every_s)
        if wait_s:
            return _Demand(Way.WAIT, wait_s=_seconds(wait_s))
        if elsewhere:
            return _Demand(Way.ELSEWHERE)
        work = max(work, int(self.effort(visit.action)))
        return _Demand(Way.WORK, work, _seconds(free_in_s)) if work else _Demand(Way.FREE)

    def _asked(self, visit: Visit, demand: _Demand, now: float) -> Asked:
        puzzle = ""
        if demand.way is Way.WORK:
            price = self.price
            puzzle = self._desk.issue(
                price.kind,
                visit.action,
                visit.account,
                parts=price.parts,
                cost=max(demand.work // price.parts, 1),
                expires=now + ANSWER_LIVES_S,
            )
        return Asked(demand.way, puzzle, demand.wait_s)

    def _paid(self, visit: Visit, text: str, work: int, now: float) -> int:
        """Return what an answer is worth, in hashes; it is spent. Raises Refused, StoreDown.

        What costs the server least comes first; one that is solved badly is spent all the same.
        """
        answer: Answer = self._desk.opened(text, visit.action, visit.account, now)
        puzzle = answer.puzzle
        if puzzle.kind is not self.price.kind or puzzle.work * TOLERANCE < work:
            raise Refused(Reason.TOO_LITTLE)
        if not self._spent.spend(puzzle.name, puzzle.expires):
            raise Refused(Reason.SPENT)
        if not self._solved(answer):
            raise Refused(Reason.UNSOLVED)
        return puzzle.work

    def _passed(self, passed: Passed, now: float) -> Passed:
        way = "known" if passed.known else "paid" if passed.paid else "free"
        self._count(passed.visit, way, 1, now)
        if passed.paid:
            self._count(passed.visit, "hashes", passed.paid, now)
        return passed

    def _count(self, visit: Visit, what: str, amount: float, now: float) -> None:
        self._load.count({f"{visit.action}.{what}": amount}, now)


def _seconds(wait_s: float) -> int:
    """Return whole seconds, the same for a time that was reckoned in another order."""
    return math.ceil(wait_s - 1e-4)
