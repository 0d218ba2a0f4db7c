"""The simulated attacks: what one comes to, what a lockout does, and that the picture is one."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from bench.attacks import lockout
from bench.attacks.cases import NEAR, Case, Outcome, Target, simulated
from bench.attacks.picture import picture
from bench.gate import lines


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return simulated(Case(Target.ONE, addresses=100, power=100))


@pytest.fixture(scope="module")
def stuffing() -> Outcome:
    return simulated(Case(Target.MANY, addresses=1, power=10_000))


def test_an_account_is_guessed_at_as_often_as_its_budget_says(outcome: Outcome) -> None:
    first, each_day = 5 + 50, 24 * 6
    assert first + each_day - 2 <= outcome.guesses <= first + each_day
    assert outcome.hashes > 40 * 8_000_000


def test_its_owner_gets_in_everywhere(outcome: Outcome, stuffing: Outcome) -> None:
    assert outcome.known.share(5) == stuffing.known.share(5) == 100
    assert outcome.elsewhere.share(60) == stuffing.elsewhere.share(60) == 100
    assert len(outcome.known.took_s) == len(outcome.elsewhere.took_s) == 2000


def test_one_address_is_held_to_its_own_budget(stuffing: Outcome) -> None:
    assert 120 + 24 * 60 - 2 <= stuffing.guesses <= 120 + 24 * 60


def test_a_lockout_locks_its_owner_out_and_lets_more_guesses_in(outcome: Outcome) -> None:
    guesses, owners = lockout.day(1)
    assert guesses == 5 * 24 * 4 > outcome.guesses
    assert owners.share(60) < 2


def test_the_picture_and_the_table_show_every_attack(outcome: Outcome, stuffing: Outcome) -> None:
    near = [Outcome(Case(one, 1, 1), (1,) * 5, 1.0, outcome.known, outcome.known) for one in NEAR]
    told = [outcome, stuffing, *near]
    drawn = ElementTree.fromstring(picture(told, lockout.day(1)))  # noqa: S314 - of our own making
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(lines(told, lockout.day(1))) == 1 + 4 + 2
