"""What is asked is what the slowest visitor can bear, and no rule shuts an owner out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.gate.budgets import Budget
from holdfast.gate.rules import ARGON2ID, PRICES, RULES, SHA256, Price, generous, pace
from holdfast.work.puzzle import MOST_COST, MOST_PARTS

PHONE = {SHA256.kind: 1_600_000, ARGON2ID.kind: 8}
"""Hashes a second of a slow telephone."""


@pytest.mark.parametrize("price", PRICES.values(), ids=str)
def test_the_cap_is_five_seconds_of_a_slow_telephone(price: Price) -> None:
    assert price.cap / PHONE[price.kind] <= 5.0
    assert pace(price).cap == price.cap
    assert price.parts <= MOST_PARTS
    assert price.cap // price.parts <= MOST_COST


@given(st.floats(-10, 1e6), st.floats(0, 100), st.floats(1, 100))
def test_work_grows_with_the_excess_up_to_the_cap(
    over: float, more: float, doubling: float
) -> None:
    work = SHA256.work(over, doubling)
    assert 0 <= work <= SHA256.cap
    assert (work == 0) is (over <= 0)
    assert SHA256.work(over + more, doubling) >= work


def test_rules_for_mailed_codes_have_no_budget_of_accounts() -> None:
    """Strangers could use it up: a code is the owner's way past them."""
    assert {RULES[action].account for action in ("code", "code-entry", "reset")} == {None}


def test_whatever_has_a_budget_of_accounts_has_one_of_devices() -> None:
    assert all(rule.device for rule in RULES.values() if rule.account)


def test_names_of_actions_leave_room_for_what_is_counted_of_them() -> None:
    longest = max(len(f"{action}.refused.too-little") for action in RULES)
    assert longest <= 64


@pytest.mark.parametrize("wrong", [(-1, 1.0, 0), (0, 0.0, 0), (0, -1.0, 0), (0, 1.0, -1)])
def test_a_budget_that_makes_no_sense_is_refused(wrong: tuple[int, float, int]) -> None:
    with pytest.raises(ValueError, match="budget"):
        Budget(*wrong)


def test_generous_rules_come_back_as_many_times_faster() -> None:
    for action, rule in generous(RULES, 4).items():
        assert rule.narrow.free == 4 * RULES[action].narrow.free
        assert rule.narrow.every_s == RULES[action].narrow.every_s / 4
        assert (rule.account is None) is (RULES[action].account is None)
