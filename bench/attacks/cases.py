"""The attacks that are simulated, and what comes out of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from bench.attacks.attackers import PATIENT_EVERY_S, Spending, attacker, flood
from bench.attacks.owners import Arrivals, owner
from bench.attacks.world import BEGAN, DAY_S, DESKTOP, PHONE, World
from holdfast.gate.gate import Visit
from holdfast.gate.rules import PACE_TOLERATED, SHA256

ACCOUNTS = 10_000
ARRIVALS = 2000
POWERS = (1, 100, 10_000)
ADDRESSES = (1, 100, 10_000)
SHARE = {1: 1, 100: 10, 10_000: 20}
"""By addresses: of so many accounts, addresses, hashes and tolerated failures one is simulated.
Budgets are each one's own, so as many such parts are the whole."""
NEAR_DAYS, NEAR_ARRIVALS = 10, 200
"""Of one shared network so many owners a day, or they would use up its mailed codes themselves."""
OWN = "198.51.100.7"
"""The address that an owner shares with the attacker, where they share one."""


class Target(StrEnum):
    ONE = "one account"
    MANY = "10,000 accounts"
    SIGN_UP = "sign-up"
    NEIGHBOURS = "10,000 accounts, from the owner's own network"
    CODES_TOO = "the same, and its mailed codes used up"


NEAR = (Target.NEIGHBOURS, Target.CODES_TOO)


@dataclass(frozen=True)
class Case:
    """One attack: at what, from how many addresses, with how many times a visitor's power."""

    target: Target
    addresses: int
    power: int
    patient: bool = False
    seed: int = 1


@dataclass(frozen=True)
class Outcome:
    """What a day of it came to."""

    case: Case
    by_part: tuple[int, ...]
    """Guesses of each part of the day."""
    hashes: float
    known: Arrivals
    elsewhere: Arrivals

    @property
    def guesses(self) -> int:
        return sum(self.by_part)

    @property
    def core_hours(self) -> float:
        """What it cost, on cores with instructions for the hash."""
        return self.hashes / SHA256.core_rate / 3600


def cases() -> list[Case]:
    """Return every attack that is reported."""
    targets = (Target.ONE, Target.MANY, Target.SIGN_UP)
    found = [Case(one, at, power) for one in targets for at in ADDRESSES for power in POWERS]
    patient = [Case(one, at, 1, patient=True) for one in targets[1:] for at in ADDRESSES[1:]]
    return [*found, *patient, *[Case(one, 1, POWERS[-1]) for one in NEAR]]


def simulated(case: Case) -> Outcome:
    """Simulate an attack, during which owners arrive at any time."""
    if case.target in NEAR:
        days = [_day(replace(case, seed=seed)) for seed in range(NEAR_DAYS)]
        known = Arrivals([took for day in days for took in day.known.took_s])
        elsewhere = Arrivals([took for day in days for took in day.elsewhere.took_s])
        return replace(days[0], known=known, elsewhere=elsewhere)
    return _day(case)


def _day(case: Case) -> Outcome:
    share = SHARE[case.addresses] if case.target is not Target.ONE else 1
    world = World(case.seed, tolerated=PACE_TOLERATED // share)
    accounts = [f"user{number}" for number in range(ACCOUNTS // share)]
    if case.target is Target.ONE:
        accounts = accounts[:1]
    addresses = [f"10.{at // 250}.{at % 250}.1" for at in range(case.addresses // share)]
    spending = Spending()
    guesser = attacker(
        world,
        "sign-up" if case.target is Target.SIGN_UP else "sign-in",
        [""] if case.target is Target.SIGN_UP else accounts,
        [OWN] if case.target in NEAR else addresses,
        case.power * PHONE / share,
        every_s=PATIENT_EVERY_S * share if case.patient else 0.0,
        spending=spending,
    )
    world.begin(guesser, BEGAN)
    if case.target is Target.CODES_TOO:
        for action in ("code", "code-entry"):
            world.begin(flood(world, action, OWN, case.power * PHONE), BEGAN)
    known, elsewhere = _arriving(world, case.target, accounts)
    world.run(BEGAN + DAY_S)
    guesses = tuple(many * share for many in spending.guesses)
    return Outcome(case, guesses, spending.hashes * share, known, elsewhere)


def _arriving(world: World, target: Target, accounts: list[str]) -> tuple[Arrivals, Arrivals]:
    """Have owners arrive: on known devices, and as many elsewhere, every other with a telephone."""
    known, elsewhere = Arrivals(), Arrivals()
    for number in range(NEAR_ARRIVALS if target in NEAR else ARRIVALS):
        account, at = accounts[number % len(accounts)], _moment(world)
        tokens = world.gate.devices.with_account("", account, at)
        address = OWN if target in NEAR else _home(number)
        rate = PHONE if number % 2 else DESKTOP
        if target is Target.SIGN_UP:
            world.begin(owner(world, Visit("sign-up", address), rate, elsewhere), at)
            continue
        visit = Visit("sign-in", address, account, tokens)
        world.begin(owner(world, visit, rate, known), at)
        unknown = Visit("sign-in", address, account)
        world.begin(owner(world, unknown, rate, elsewhere), _moment(world))
    return known, elsewhere


def _moment(world: World) -> float:
    return BEGAN + world.chance.uniform(0, DAY_S - 120)


def _home(number: int) -> str:
    return f"192.{number // 250}.{number % 250}.7"
