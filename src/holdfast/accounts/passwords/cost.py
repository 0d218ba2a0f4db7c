"""What hashing a password costs here, and what guessing one costs whoever stole the hashes.

Assumptions are stated with the result: what a rented graphics card does, and what it costs. Rates
of other hashes are published hashcat benchmarks of one RTX 4090 (hashcat 6.2.6).
"""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict, dataclass
from typing import Any

import argon2

from holdfast.accounts.configuration import Argon2

RUNS = 9
CARD_BYTES_PER_S = 1.0e12  # memory bandwidth of an RTX 4090, which bounds Argon2
CARD_USD_PER_HOUR = 0.50  # of such a card, rented
OTHER_RATES = {"MD5": 164e9, "SHA-256": 22e9, "bcrypt with cost 12": 1.4e3}  # guesses/s on the card
KIB = 1024


@dataclass(frozen=True)
class HashCost:
    """Milliseconds and memory of one hash here; guesses a second and their price elsewhere."""

    memory_kib: int
    passes: int
    lanes: int
    ms: float
    hashes_per_s: float
    suggested_passes: int
    attacker_guesses_per_s: float
    attacker_usd_per_million: float


def measure(cost: Argon2, cores: int, target_ms: float) -> HashCost:
    """Measure one hash, median of several, and derive the rest."""
    hasher = argon2.PasswordHasher(cost.passes, cost.memory_kib, cost.lanes)
    seconds = []
    for _ in range(RUNS):
        began = time.perf_counter()
        hasher.hash("correct horse battery staple")
        seconds.append(time.perf_counter() - began)
    ms = statistics.median(seconds) * 1000
    # each pass reads two blocks and writes one for every block of memory
    moved = 3 * cost.memory_kib * KIB * cost.passes
    rate = CARD_BYTES_PER_S / moved
    return HashCost(
        memory_kib=cost.memory_kib,
        passes=cost.passes,
        lanes=cost.lanes,
        ms=ms,
        hashes_per_s=cores * 1000 / ms,
        suggested_passes=max(1, round(cost.passes * target_ms / ms)),
        attacker_guesses_per_s=rate,
        attacker_usd_per_million=1e6 / rate / 3600 * CARD_USD_PER_HOUR,
    )


def as_data(cost: HashCost) -> dict[str, Any]:
    """Return it as plain data, rounded to what was measured."""
    return {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in asdict(cost).items()
    }


def as_text(cost: HashCost, target_ms: float) -> str:
    """Return it for a person."""
    others = ", ".join(f"{rate:,.0f} of {name}" for name, rate in OTHER_RATES.items())
    rate, price = cost.attacker_guesses_per_s, cost.attacker_usd_per_million
    lines = (
        ("here", f"{cost.ms:.1f} ms a hash, {cost.hashes_per_s:.0f} hashes a second on all cores"),
        (f"for {target_ms:.0f} ms", f"passes = {cost.suggested_passes}"),
        (
            "an attacker",
            f"at most {rate:,.0f} guesses a second and card, {price:.3f} USD a million",
        ),
        ("beside it", f"the same card makes {others} a second"),
        ("assumed", f"an RTX 4090, bound by its memory, rented for {CARD_USD_PER_HOUR:.2f} USD/h"),
    )
    memory = cost.memory_kib / KIB
    title = f"Argon2id with {memory:.0f} MiB, {cost.passes} passes, {cost.lanes} lane(s)"
    return "\n".join([title, *(f"  {name:12} {text}" for name, text in lines)])
