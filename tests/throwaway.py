"""Which throw-away servers the tests use, and which steps of a fault loop."""

from __future__ import annotations

import os
import random

import pytest

from holdfast.lab import HostSpec

SEED = int(os.environ.get("HOLDFAST_SEED") or random.SystemRandom().randrange(10**6))
EVERY_STEP = bool(os.environ.get("HOLDFAST_EVERY_STEP"))
FIRST_SLOT = int(os.environ.get("HOLDFAST_TEST_SLOT", "20"))  # a worker has one slot, from here on
SERVERS = {
    "bookworm": HostSpec("app", "bookworm", ("app",)),
    "trixie": HostSpec("db", "trixie", ("database",)),
}
OFTEN = ("trixie", pytest.param("bookworm", marks=pytest.mark.every))
"""Parameters where one release tells nearly all: the other is for `make test-all`."""
OUTSIDER = HostSpec("outsider", "bookworm", ("outsider",))  # on both networks, not of the site
UNTOUCHED = "untouched"


def sampled(steps: range, count: int, salt: str) -> list[int]:
    """Return the steps of a fault loop to try: all of them, or `count` by the printed seed."""
    if EVERY_STEP or len(steps) <= count:
        return list(steps)
    return sorted(random.Random(f"{SEED}-{salt}").sample(list(steps), count))
