"""Answers at the gate: each once, for its purpose, at the price of now, and at nobody's cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gate.kept import CHEAP, KEY, SITE
from gate.standing import HOME, OWNER, Standing, asked, passed
from holdfast.gate.gate import ANSWER_LIVES_S, TOLERANCE, Gate, Passed, Visit
from holdfast.gate.rules import ARGON2ID, RULES, Way
from holdfast.work.puzzle import Answer, Reason, parse
from work.solving import answer, reaches

HERE = Visit("sign-in", HOME, OWNER)


@pytest.fixture
def standing() -> Standing:
    """A gate that asks for work at the owner's account."""
    standing = Standing(price=replace(CHEAP, first=32, cap=32 * 64))
    standing.attack(OWNER, 5)
    return standing


def puzzle(standing: Standing, visit: Visit = HERE) -> str:
    found = standing.gate.ask(visit).puzzle
    assert found
    return found


def refused(standing: Standing, text: str, visit: Visit = HERE) -> Reason | None:
    told = asked(standing.gate.enter(visit, text))
    assert told.way is Way.WORK
    assert told.puzzle, "and another puzzle is handed out"
    return told.refused


def wrong_counters(line: str) -> str:
    first = next(n for n in range(1, 10**6) if not reaches(line, 0, n))
    return f"{line}:{'.'.join([str(first)] * parse(line).parts)}"


def test_an_answer_is_taken_once(standing: Standing) -> None:
    text = answer(puzzle(standing))
    assert passed(standing.gate.enter(HERE, text)).paid == parse(text.rpartition(":")[0]).work
    assert refused(standing, text) is Reason.SPENT
    assert refused(standing, text) is Reason.SPENT


def test_another_solution_of_a_spent_puzzle_is_spent(standing: Standing) -> None:
    line = puzzle(standing)
    text = answer(line)
    last = int(text.rpartition(".")[2])
    parts = parse(line).parts
    other = next(n for n in range(last + 1, 10**6) if reaches(line, parts - 1, n))
    assert passed(standing.gate.enter(HERE, text))
    assert refused(standing, f"{text.rpartition('.')[0]}.{other}") is Reason.SPENT


def test_an_answer_that_is_wrong_spends_its_puzzle(standing: Standing) -> None:
    line = puzzle(standing)
    assert refused(standing, wrong_counters(line)) is Reason.UNSOLVED
    assert refused(standing, answer(line)) is Reason.SPENT


def test_an_answer_expires(standing: Standing) -> None:
    text = answer(puzzle(standing))
    standing.now += ANSWER_LIVES_S
    standing.attack("crowd", 5)
    assert refused(standing, text) is Reason.EXPIRED


@pytest.mark.parametrize(
    "visit",
    [replace(HERE, account="bob"), replace(HERE, action="factor"), replace(HERE, account="Alice")],
    ids=str,
)
def test_an_answer_for_something_else_is_refused(standing: Standing, visit: Visit) -> None:
    for at in range(15):
        standing.guess(replace(visit, address=f"10.9.{at}.1"))
    assert refused(standing, answer(puzzle(standing)), visit) is Reason.ELSEWHERE


def test_an_answer_is_good_from_another_address(standing: Standing) -> None:
    """Telephones change theirs between two requests."""
    text = answer(puzzle(standing))
    assert passed(standing.gate.enter(replace(HERE, address="192.0.2.77"), text))


@pytest.mark.parametrize("text", ["x", "\0", "\ud800", "é", "1:" * 500, "9" * 100_000])
def test_what_is_no_answer_is_malformed(standing: Standing, text: str) -> None:
    assert refused(standing, text) is Reason.MALFORMED


def test_an_answer_of_another_site_is_forged(standing: Standing) -> None:
    other = Gate(
        b"other" * 8, SITE, budgets=standing.budgets, spent=standing.spent, tally=standing.tally
    )
    forged = other._desk.issue(
        CHEAP.kind, "sign-in", OWNER, parts=2, cost=64, expires=standing.now + 60
    )
    assert refused(standing, answer(forged)) is Reason.FORGED


def test_an_answer_that_is_far_too_cheap_by_now_is_refused(standing: Standing) -> None:
    cheap = answer(puzzle(standing))
    for at in range(30):
        standing.guess(Visit("sign-in", f"10.8.{at}.1", OWNER))
    asked_now = parse(puzzle(standing)).work
    assert parse(cheap.rpartition(":")[0]).work * TOLERANCE < asked_now
    assert refused(standing, cheap) is Reason.TOO_LITTLE


def test_an_answer_that_is_a_little_too_cheap_by_now_is_taken(standing: Standing) -> None:
    """Who began to work before others guessed need not begin anew."""
    text = answer(puzzle(standing))
    for at in range(4):
        standing.guess(Visit("sign-in", f"10.8.{at}.1", OWNER))
    assert parse(text.rpartition(":")[0]).work < parse(puzzle(standing)).work
    assert passed(standing.gate.enter(HERE, text))


def test_cheap_puzzles_that_are_hoarded_buy_few_guesses(standing: Standing) -> None:
    """What is asked for when it is cheap must not pay for what is dear."""
    visits = [Visit("sign-in", f"10.7.{at}.1", OWNER) for at in range(100)]
    hoard = [answer(puzzle(standing, visit)) for visit in visits]
    told = [standing.gate.enter(visit, text) for visit, text in zip(visits, hoard, strict=True)]
    assert sum(isinstance(one, Passed) for one in told) <= 14  # twice four times dearer, and 1


def test_work_of_another_kind_than_is_asked_is_too_little(standing: Standing) -> None:
    line = standing.gate._desk.issue(
        ARGON2ID.kind, "sign-in", OWNER, parts=1, cost=2**20, expires=standing.now + 60
    )
    assert refused(standing, f"{line}:1") is Reason.TOO_LITTLE


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda text: text[:-1] + "x", id="malformed"),
        pytest.param(lambda text: text.replace("1:sha256:2", "1:sha256:1").rpartition(".")[0]),
    ],
)
def test_a_refused_answer_draws_nothing(standing: Standing, spoil: Callable[[str], str]) -> None:
    for _ in range(300):
        refused(standing, spoil(answer(puzzle(standing))))
    assert passed(standing.gate.enter(HERE, answer(puzzle(standing))))


# Memory-hard work


def test_a_network_verifies_as_much_wrong_work_as_it_has_attempts() -> None:
    """Verifying costs the server a memory-hard hash, and to be wrong costs nothing."""
    standing, verified = Standing(price=ARGON2ID), 0

    def solved(answer: Answer) -> bool:
        nonlocal verified
        verified += 1
        return False

    gate = Gate(
        KEY,
        SITE,
        budgets=standing.budgets,
        spent=standing.spent,
        tally=standing.tally,
        price=ARGON2ID,
        clock=lambda: standing.now,
        solved=solved,
    )
    for _ in range(5):
        gate.failed(passed(gate.enter(Visit("sign-in", "10.0.0.1", OWNER))))
    for _ in range(1000):
        line = gate.ask(HERE).puzzle
        gate.enter(HERE, f"{line}:1" if line else "")
    narrow = RULES["sign-in"].narrow
    assert verified == narrow.free + narrow.priced
    elsewhere = asked(gate.enter(Visit("sign-in", "192.0.2.1", OWNER)))
    assert elsewhere.way is Way.WORK, "the account has not been drawn on"
