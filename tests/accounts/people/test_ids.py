"""Ids of people."""

from __future__ import annotations

import time

from holdfast.accounts.people.ids import new_id


def test_it_is_a_uuid_of_version_7() -> None:
    made = new_id()
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert abs((made.int >> 80) / 1000 - time.time()) < 5


def test_who_comes_later_has_a_larger_one() -> None:
    before = new_id()
    time.sleep(0.003)
    assert before < new_id()


def test_nobody_has_it_twice_nor_can_guess_it() -> None:
    made = [new_id() for _ in range(20_000)]
    assert len(set(made)) == len(made)
    seen = 0
    for one in made:
        seen |= one.int
    assert seen & ((1 << 62) - 1) == (1 << 62) - 1  # each bit is by chance
