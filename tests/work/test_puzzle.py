"""Puzzles: what is issued and solved passes, for its purpose and its time, at its price."""

from __future__ import annotations

import itertools
import re

import pytest
from argon2.low_level import Type, hash_secret_raw
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.work.puzzle import (
    FURTHEST_OFF_S,
    LAST_COUNTER,
    MOST_COST,
    MOST_PARTS,
    Answer,
    Desk,
    Kind,
    Reason,
    Refused,
    parse,
    parse_answer,
    solved,
)
from work.solving import answer, counters, reaches

KEY, SITE, NOW = b"k" * 32, "https://example.org", 1_800_000_000.0
DESK = Desk(KEY, SITE)
PLACES = st.integers(0, 10_000)
PURPOSES = st.text(st.characters(), max_size=40)  # lone surrogates too: a form may bring any


def issued(
    action: str = "sign-in",
    account: str = "alice",
    *,
    kind: Kind = Kind.SHA256,
    parts: int = 2,
    cost: int = 16,
    expires: float = NOW + 300,
    desk: Desk = DESK,
) -> str:
    return desk.issue(kind, action, account, parts=parts, cost=cost, expires=expires)


def taken(text: str, action: str = "sign-in", account: str = "alice", at: float = NOW) -> Answer:
    """Judge an answer as a site does."""
    opened = DESK.opened(text, action, account, at)
    if not solved(opened):
        raise Refused(Reason.UNSOLVED)
    return opened


def refusal(text: str, action: str = "sign-in", account: str = "alice", at: float = NOW) -> Reason:
    with pytest.raises(Refused) as caught:
        taken(text, action, account, at)
    return caught.value.reason


# What passes


@given(
    PURPOSES,
    PURPOSES,
    st.integers(1, 8),
    st.integers(1, 200),
    st.integers(1, FURTHEST_OFF_S),
)
def test_what_is_issued_and_solved_passes(
    action: str, account: str, parts: int, cost: int, lives_s: int
) -> None:
    line = issued(action, account, parts=parts, cost=cost, expires=NOW + lives_s)
    passed = taken(answer(line), action, account)
    assert passed.puzzle.text == line
    assert passed.puzzle.work == parts * cost
    assert list(passed.counters) == counters(line)


@given(st.integers(1, 4), st.integers(1, 40), st.lists(st.integers(1, 200), min_size=4, max_size=4))
def test_only_counters_that_reach_their_part_are_solutions(
    parts: int, cost: int, tried: list[int]
) -> None:
    line = issued(parts=parts, cost=cost)
    found = tried[:parts]
    reached = all(reaches(line, part, counter) for part, counter in enumerate(found))
    assert solved(Answer(parse(line), tuple(found))) is reached


def test_a_part_costs_what_it_says_on_average() -> None:
    line = issued(parts=64, cost=500)
    assert 250 < sum(counters(line)) / 64 < 850  # a mean of 64 deviates by 62


def test_the_highest_price_and_the_most_parts_can_be_issued() -> None:
    line = issued(parts=MOST_PARTS, cost=MOST_COST)
    assert parse(line).work == MOST_PARTS * MOST_COST
    assert len(line) <= 200
    longest = f"{line}:{'.'.join([str(LAST_COUNTER)] * MOST_PARTS)}"
    assert parse_answer(longest).counters == (LAST_COUNTER,) * MOST_PARTS
    assert refusal(longest) is Reason.UNSOLVED


def test_a_part_that_costs_one_hash_is_reached_by_every_counter() -> None:
    assert taken(f"{issued(parts=1, cost=1)}:{LAST_COUNTER}")


@pytest.mark.parametrize(("parts", "cost"), [(0, 1), (65, 1), (1, 0), (1, 2**30 + 1), (-1, -1)])
def test_what_nobody_could_read_is_not_issued(parts: int, cost: int) -> None:
    with pytest.raises(ValueError, match="cannot be made"):
        issued(parts=parts, cost=cost)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Desk(b"k" * 31, SITE)


def test_each_puzzle_has_a_name_of_its_own() -> None:
    assert len({parse(issued()).name for _ in range(1000)}) == 1000


def test_a_puzzle_does_not_show_whose_it_is() -> None:
    assert "alice" not in issued()
    guessed = issued(desk=Desk(b"guess" * 8, SITE))
    assert parse(guessed).scope != parse(issued()).scope


def test_a_puzzle_is_plain_text_that_a_cookie_or_a_form_takes() -> None:
    assert re.fullmatch(r"[A-Za-z0-9:_-]+", issued())


def test_memory_hard_work_is_that_of_argon2id() -> None:
    line = issued(kind=Kind.ARGON2ID, parts=1, cost=3)
    seed, below = parse(line).seed, 2**256 // 3

    def number(counter: int) -> int:
        told = bytes(4) + counter.to_bytes(4, "big")
        found = hash_secret_raw(told, seed[:16], 2, 19 * 1024, 1, 32, Type.ID)
        return int.from_bytes(found, "big")

    numbers = {counter: number(counter) for counter in range(1, 30)}
    good = next(counter for counter in numbers if numbers[counter] < below)
    bad = next(counter for counter in numbers if numbers[counter] >= below)
    assert taken(f"{line}:{good}").puzzle.kind is Kind.ARGON2ID
    assert refusal(f"{line}:{bad}") is Reason.UNSOLVED


# When


@pytest.mark.parametrize(
    ("expires", "good"),
    [
        (NOW - 1, False),
        (NOW, False),
        (NOW + 1, True),
        (NOW + FURTHEST_OFF_S, True),
        (NOW + FURTHEST_OFF_S + 1, False),
        (NOW + 10 * FURTHEST_OFF_S, False),
        (1, False),
        (999_999_999_999, False),
    ],
)
def test_an_answer_is_good_until_it_expires_and_never_for_longer_than_a_day(
    expires: float, good: bool
) -> None:
    text = answer(issued(cost=2, expires=expires))
    if good:
        assert taken(text)
    else:
        assert refusal(text) is Reason.EXPIRED


# For what


@pytest.mark.parametrize(
    ("action", "account"),
    [
        ("sign-up", "alice"),
        ("sign-in", "bob"),
        ("sign-in", ""),
        ("sign-in", "Alice"),
        ("sign-in", "alice "),
        ("", "sign-inalice"),
        ("sign-inalice", ""),
        ("sign-ina", "lice"),
        ("sign-in\0alice", ""),
        ("sign-in:alice", ""),
    ],
)
def test_an_answer_is_good_for_its_action_and_its_account_alone(action: str, account: str) -> None:
    assert refusal(answer(issued()), action, account) is Reason.ELSEWHERE


@given(PURPOSES, PURPOSES, PURPOSES, PURPOSES)
def test_no_two_purposes_are_the_same(action: str, account: str, other: str, whose: str) -> None:
    text = answer(issued(action, account, parts=1, cost=1))
    if (other, whose) == (action, account):
        assert taken(text, other, whose)
    else:
        assert refusal(text, other, whose) is Reason.ELSEWHERE


@given(st.text(st.characters(), max_size=6), st.integers(0, 6))
def test_fields_cannot_be_shifted_into_one_another(text: str, cut: int) -> None:
    """Where fields are joined without lengths, "ab" and "c" are "a" and "bc" (CVE-2025-68113)."""
    scopes = {parse(issued(text[:at], text[at:])).scope for at in range(len(text) + 1)}
    assert len(scopes) == len(text) + 1
    site, action = text[:cut], text[cut:]
    moved = Desk(KEY, SITE + site).issue(
        Kind.SHA256, action, "alice", parts=1, cost=1, expires=NOW + 300
    )
    whole = Desk(KEY, SITE).issue(Kind.SHA256, text, "alice", parts=1, cost=1, expires=NOW + 300)
    assert (parse(moved).scope == parse(whole).scope) is (site == "")


def test_a_puzzle_of_another_site_is_refused_though_the_key_is_the_same() -> None:
    other = answer(issued(desk=Desk(KEY, "https://example.com")))
    assert refusal(other) is Reason.ELSEWHERE


def test_a_puzzle_of_another_key_is_forged() -> None:
    assert refusal(answer(issued(desk=Desk(b"l" * 32, SITE)))) is Reason.FORGED


# A changed byte


@settings(max_examples=300)
@given(st.data())
def test_any_changed_byte_fails(data: st.DataObject) -> None:
    """A counter that is changed may be a solution by luck: then the oracle says so too."""
    text = answer(issued(cost=64))
    line = text.rpartition(":")[0]
    at = data.draw(PLACES) % len(text)
    byte = data.draw(st.characters(codec="latin-1").filter(lambda one: one != text[at]))
    changed = text[:at] + byte + text[at + 1 :]
    reason = None
    try:
        taken(changed)
    except Refused as error:
        reason = error.reason
    if at < len(line):
        assert reason in (Reason.MALFORMED, Reason.FORGED)
    elif reason is None:
        found = changed[len(line) + 1 :].split(".")
        assert all(reaches(line, part, int(one)) for part, one in enumerate(found))
    else:
        assert reason in (Reason.MALFORMED, Reason.UNSOLVED)


@given(st.data())
def test_any_missing_or_added_byte_fails(data: st.DataObject) -> None:
    text = answer(issued(cost=64))
    line = text.rpartition(":")[0]
    at = data.draw(PLACES) % (len(line) + 1)
    added = data.draw(st.text(st.characters(codec="utf-8"), min_size=1, max_size=3))
    for changed in (text[:at] + text[at + 1 :], text[:at] + added + text[at:]):
        assert refusal(changed) in (Reason.MALFORMED, Reason.FORGED)


@given(st.text(st.characters(), max_size=300))
def test_any_text_at_all_is_refused(text: str) -> None:
    assert refusal(text) is Reason.MALFORMED


def test_answers_of_one_puzzle_are_many_and_its_name_is_one() -> None:
    """So it is the name that is spent."""
    line = issued(parts=1, cost=4)
    found = itertools.islice((n for n in itertools.count(1) if reaches(line, 0, n)), 3)
    assert {taken(f"{line}:{counter}").puzzle.name for counter in found} == {parse(line).name}
