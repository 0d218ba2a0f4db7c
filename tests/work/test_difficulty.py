"""The work asked of everybody: up under attack, down after it, within what a visitor can bear."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.work.difficulty import Pace, Seen, following

PACE = Pace(first=100_000, cap=8_000_000, tolerated=60)
PERIOD_S = 60
PHONE = 1_600_000
"""What a slow telephone hashes a second: the visitor whose power an attacker's is a multiple of."""
VISITORS = 40
"""So many sign in during a period."""
FLOOD = 100_000
"""No attacker gets more guesses than this into a period, however cheap they are."""

efforts = st.one_of(st.just(0.0), st.floats(PACE.first, PACE.cap))
counts = st.integers(0, 10**6)


def guesses(power: float, effort: float) -> int:
    """Return how many a power can pay for in a period."""
    return FLOOD if not effort else min(FLOOD, int(power * PHONE * PERIOD_S / effort))


def under(attack: Callable[[int], float], periods: int) -> Iterator[tuple[float, int]]:
    """Yield the effort of each period, and how many guesses it let through."""
    effort = 0.0
    for period in range(periods):
        power = attack(period)
        failed = guesses(power, effort) if power else 3  # somebody always mistypes
        yield effort, failed
        effort = following(effort, Seen(good=VISITORS, failed=failed), PACE)


# Against attackers


@pytest.mark.parametrize(
    ("power", "times_fewer"),
    [
        pytest.param(1, 500, id="a visitor's power"),
        pytest.param(100, 80, id="100 times a visitor's"),
        pytest.param(10_000, 1, id="10,000 times a visitor's"),
    ],
)
def test_an_attack_gets_dear_within_ten_minutes_and_cheaper_attackers_are_stopped(
    power: int, times_fewer: int
) -> None:
    told = list(under(lambda period: power, 60))
    assert max(effort for effort, _ in told) <= PACE.cap
    bearable = PACE.tolerated + VISITORS / 2
    for effort, failed in told[10:]:
        assert failed <= FLOOD / times_fewer
        assert effort == PACE.cap or failed <= 2.1 * bearable


def test_a_small_attacker_settles_where_it_is_nobodys_attack() -> None:
    told = list(under(lambda period: 1, 240))
    mean = sum(failed for _, failed in told[10:]) / 230
    assert mean <= 1.5 * (PACE.tolerated + VISITORS / 2)


def test_a_visitor_pays_five_seconds_of_a_slow_telephone_at_most() -> None:
    worst = max(effort for effort, _ in under(lambda period: 10_000, 240))
    assert worst / PHONE == 5.0


def test_after_an_attack_nothing_is_asked_within_a_quarter_of_an_hour() -> None:
    told = list(under(lambda period: 10_000 if period < 60 else 0, 80))
    assert told[59][0] == PACE.cap
    assert told[75][0] == 0.0


def test_nothing_is_asked_where_nobody_attacks() -> None:
    assert {effort for effort, _ in under(lambda period: 0, 100)} == {0.0}


@pytest.mark.parametrize("minutes", [1, 2, 3])
def test_an_attack_that_comes_and_goes_finds_no_minute_for_nothing(minutes: int) -> None:
    """As long on as off: what falls in the pause is less than what rose before it."""
    told = list(under(lambda at: 10_000 if at // minutes % 2 == 0 else 0, 120))
    attacked = [effort for at, (effort, _) in enumerate(told) if at // minutes % 2 == 0]
    assert min(attacked[10:]) >= PACE.cap / 4


# Always


@given(efforts, counts, counts)
def test_effort_is_nothing_or_within_its_bounds(effort: float, good: int, failed: int) -> None:
    after = following(effort, Seen(good, failed), PACE)
    assert after == 0.0 or PACE.first <= after <= PACE.cap


@given(efforts, counts, counts, counts)
def test_more_failures_never_lower_it(effort: float, good: int, failed: int, more: int) -> None:
    fewer = following(effort, Seen(good, failed), PACE)
    assert fewer <= following(effort, Seen(good, failed + more), PACE)


@given(efforts, counts, counts, counts)
def test_more_successes_never_raise_it(effort: float, good: int, failed: int, more: int) -> None:
    fewer = following(effort, Seen(good, failed), PACE)
    assert fewer >= following(effort, Seen(good + more, failed), PACE)


@given(efforts, counts)
def test_it_moves_one_step_at_a_time(effort: float, failed: int) -> None:
    after = following(effort, Seen(0, failed), PACE)
    below = (0.0, effort, effort * PACE.shrinks)
    assert after in below or after <= max(effort, PACE.first / 2) * PACE.leaps


@pytest.mark.parametrize(
    ("effort", "good", "failed", "after"),
    [
        (0.0, 0, 60, 0.0),
        (0.0, 0, 61, 100_000.0),
        (0.0, 100, 110, 0.0),
        (0.0, 100, 111, 100_000.0),
        (0.0, 0, 10**6, 400_000.0),
        (100_000.0, 0, 61, 200_000.0),
        (100_000.0, 0, 300, 500_000.0),
        (100_000.0, 0, 10**6, 800_000.0),
        (7_000_000.0, 0, 61, 8_000_000.0),
        (8_000_000.0, 0, 10**6, 8_000_000.0),
        (300_000.0, 0, 60, 300_000.0),
        (300_000.0, 0, 31, 300_000.0),
        (300_000.0, 0, 30, 200_000.0),
        (149_000.0, 0, 0, 0.0),
        (150_000.0, 0, 0, 100_000.0),
    ],
)
def test_steps(effort: float, good: int, failed: int, after: float) -> None:
    assert following(effort, Seen(good, failed), PACE) == pytest.approx(after)


@pytest.mark.parametrize(
    "wrong",
    [
        {"first": 0},
        {"first": 9, "cap": 8},
        {"tolerated": 0},
        {"grows": 1.0},
        {"grows": 9.0},
        {"shrinks": 1.0},
        {"shrinks": 0.0},
    ],
)
def test_a_pace_that_leads_nowhere_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="effort"):
        Pace(**({"first": 1, "cap": 8, "tolerated": 1} | wrong))  # type: ignore[arg-type]
