"""What most sites do instead: five failures lock an account for a quarter of an hour."""

from __future__ import annotations

import random

from bench.attacks.owners import ELSEWHERE_WITHIN_S, REQUEST_S, Arrivals
from bench.attacks.world import DAY_S

FAILURES, LOCKED_S = 5, 15 * 60.0
GUESS_S = 0.2
"""An attacker's request, as soon as the account is open again."""
OWNER_TRIES_EVERY_S = 5.0
ARRIVALS = 50_000


class Account:
    """One account, and who is in front of it."""

    def __init__(self) -> None:
        self.failures, self.locked_until = 0, 0.0

    def attempt(self, at: float, *, right: bool) -> bool:
        """Whether an attempt reaches the password check."""
        if at < self.locked_until:
            return False
        self.failures = 0 if right else self.failures + 1
        if self.failures == FAILURES:
            self.failures, self.locked_until = 0, at + LOCKED_S
        return True


def day(seed: int) -> tuple[int, Arrivals]:
    """Return the guesses of a day at one account, and how its owner fared, from any device."""
    chance = random.Random(seed)  # noqa: S311 - a simulation
    arrivals = sorted(chance.uniform(0, DAY_S) for _ in range(ARRIVALS))
    guesses = len(_guesses(Account(), DAY_S))
    return guesses, Arrivals([_took_s(at) for at in arrivals])


def _guesses(account: Account, until: float) -> list[float]:
    """Return when an attacker guesses, who tries again at the moment the lock ends."""
    at, made = 0.0, []
    while at < until:
        if account.attempt(at, right=False):
            made.append(at)
        at = max(at + GUESS_S, account.locked_until)
    return made


def _took_s(arrived: float) -> float | None:
    """Return when the owner is in, who tries every few seconds between the attacker's waves.

    A wave begins every `LOCKED_S` and the time of its guesses, all day.
    """
    wave_s = LOCKED_S + GUESS_S * (FAILURES - 1)
    tried = arrived + REQUEST_S
    while tried - arrived <= ELSEWHERE_WITHIN_S:
        if tried % wave_s < GUESS_S * (FAILURES - 1):
            return tried - arrived
        tried += OWNER_TRIES_EVERY_S
    return None
