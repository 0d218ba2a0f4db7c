"""The gate: nothing within budget, then work, then another way or a wait; and the owner gets in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.kept import CHEAP
from gate.standing import ELSEWHERE, HOME, OWNER, Standing, asked, passed
from holdfast.gate.budgets import Budget, StoreDown
from holdfast.gate.gate import Asked, Gate, Passed, Visit
from holdfast.gate.rules import RULES, SHA256, Rule, Way, generous
from holdfast.work.puzzle import parse
from work.solving import answer

SIGN_IN = RULES["sign-in"]
APPLICATION = SIGN_IN.application or Budget(0, 1.0, 0)
ACCOUNT, DEVICE = SIGN_IN.account or Budget(0, 1.0, 0), SIGN_IN.device or Budget(0, 1.0, 0)
HERE = Visit("sign-in", HOME, OWNER)


@pytest.fixture
def standing() -> Standing:
    return Standing()


def with_device(standing: Standing, account: str = OWNER) -> str:
    return standing.gate.known_from_now("", account)


# Accounts


def test_within_budget_nothing_is_asked(standing: Standing) -> None:
    told = [passed(standing.gate.enter(HERE)) for _ in range(ACCOUNT.free)]
    assert {(one.paid, one.known) for one in told} == {(0, False)}


def test_over_it_work_is_asked_and_grows_up_to_its_cap() -> None:
    standing = Standing(price=SHA256)
    standing.gate = Gate(
        b"k" * 32,
        "https://example.org",
        budgets=standing.budgets,
        spent=standing.spent,
        tally=standing.tally,
        clock=lambda: standing.now,
        solved=lambda answer: True,
    )
    for _ in range(ACCOUNT.free):
        standing.gate.enter(HERE)
    works = []
    for at in range(ACCOUNT.priced):
        visit = replace(HERE, address=f"10.0.{at}.1")
        puzzle = asked(standing.gate.enter(visit)).puzzle
        works.append(parse(puzzle).work)
        standing.gate.enter(visit, f"{puzzle}:{'.'.join('1' * SHA256.parts)}")
    assert works == sorted(works)
    assert works[0] == SHA256.first
    assert works[-1] == SHA256.cap
    assert asked(standing.gate.enter(HERE)).way is Way.ELSEWHERE


def test_beyond_its_priced_attempts_an_account_is_not_guessed_at_however_much_is_paid(
    standing: Standing,
) -> None:
    told = standing.attack(OWNER, 100)
    assert sum(isinstance(one, Passed) for one in told) == ACCOUNT.free + ACCOUNT.priced
    assert {asked(one).way for one in told[ACCOUNT.free + ACCOUNT.priced :]} == {Way.ELSEWHERE}
    assert asked(told[-1]).puzzle == ""
    assert asked(told[-1]).wait_s == 0


def test_one_guess_comes_back_at_a_time(standing: Standing) -> None:
    standing.attack(OWNER, 100)
    for _ in range(5):
        standing.now += ACCOUNT.every_s
        told = standing.attack(OWNER, 10)
        assert sum(isinstance(one, Passed) for one in told) == 1


def test_another_account_is_not_held_to_what_was_guessed_at_this(standing: Standing) -> None:
    standing.attack(OWNER, 100)
    assert passed(standing.gate.enter(replace(HERE, account="bob"))).paid == 0


def test_who_is_right_has_drawn_nothing(standing: Standing) -> None:
    for _ in range(200):
        standing.gate.good(passed(standing.gate.enter(HERE)))
    assert [isinstance(standing.gate.enter(HERE), Passed) for _ in range(6)] == [True] * 5 + [False]


def test_signing_in_again_and_again_has_a_site_bear_no_more_guesses(standing: Standing) -> None:
    for _ in range(200):
        standing.gate.good(passed(standing.gate.enter(HERE)))
    standing.gate.flush()
    counted = standing.tally.read(0, 10**9)[int(standing.now // 60)]
    assert (counted["sign-in.good"], counted["sign-in.good.again"]) == (4, 196)


def test_an_attempt_that_could_not_be_made_never_was(standing: Standing) -> None:
    for _ in range(200):
        standing.gate.back(passed(standing.gate.enter(HERE)))
    standing.gate.flush()
    assert "sign-in.good" not in standing.tally.read(0, 10**9)[int(standing.now // 60)]


def test_an_attacker_with_an_account_of_their_own_wins_no_guesses_by_signing_in(
    standing: Standing,
) -> None:
    """Counters that a success resets let them guess between two successes for ever."""
    guessed = 0
    for _ in range(100):
        guessed += isinstance(standing.gate.enter(HERE), Passed)
        own = standing.gate.enter(replace(HERE, account="mallory"))
        if isinstance(own, Passed):
            standing.gate.good(own)
    assert guessed == ACCOUNT.free


def test_refused_attempts_draw_nothing_in_the_end(standing: Standing) -> None:
    """Else strangers who never pay could keep an account beyond its price."""
    standing.attack(OWNER, ACCOUNT.free)
    for at in range(1000):
        asked(standing.gate.enter(Visit("sign-in", f"10.0.{at % 250}.1", OWNER)))
    assert passed(standing.enter(Visit("sign-in", ELSEWHERE, OWNER))).paid


# Networks


def test_beyond_its_priced_attempts_a_network_waits(standing: Standing) -> None:
    told = [standing.guess(Visit("sign-in", HOME, f"user{at}")) for at in range(150)]
    narrow = SIGN_IN.narrow
    assert sum(isinstance(one, Passed) for one in told) == narrow.free + narrow.priced
    last = asked(told[-1])
    assert last.way is Way.WAIT
    assert 0 < last.wait_s <= narrow.every_s + 1
    standing.now += last.wait_s
    assert passed(standing.enter(Visit("sign-in", HOME, "one more"))).paid


def test_neighbours_share_the_wide_network(standing: Standing) -> None:
    told = [standing.guess(Visit("sign-in", f"10.0.0.{at % 250}", f"u{at}")) for at in range(700)]
    wide = SIGN_IN.wide
    assert sum(isinstance(one, Passed) for one in told) == wide.free + wide.priced
    assert asked(told[-1]).way is Way.WAIT


def test_a_rule_without_a_price_never_asks_for_work(standing: Standing) -> None:
    told = [standing.guess(Visit("code-entry", HOME)) for _ in range(50)]
    assert [isinstance(one, Passed) for one in told] == [True] * 30 + [False] * 20
    assert {asked(one).way for one in told[30:]} == {Way.WAIT}
    standing.now += asked(told[-1]).wait_s
    assert isinstance(standing.guess(Visit("code-entry", HOME)), Passed)


@pytest.mark.parametrize("action", ["code", "code-entry"])
def test_mailed_codes_are_never_limited_by_account(standing: Standing, action: str) -> None:
    """The way for owners whose account is attacked: strangers must not be able to close it."""
    told = standing.attack(OWNER, 3000, action)
    assert all(isinstance(one, Passed) for one in told)
    assert passed(standing.gate.enter(Visit(action, ELSEWHERE, OWNER)))


def test_budgets_of_one_action_are_none_of_anothers(standing: Standing) -> None:
    standing.attack(OWNER, 100)
    assert passed(standing.gate.enter(Visit("factor", ELSEWHERE, OWNER))).paid == 0


def test_one_budget_that_is_used_for_all_kinds_is_still_a_networks_or_an_accounts() -> None:
    same = Budget(2, 60.0, 0)
    standing = Standing(rules={"guess": Rule(narrow=same, wide=same, account=same)})
    for at in range(2):
        passed(standing.guess(Visit("guess", HOME, f"user{at}")))
    assert asked(standing.guess(Visit("guess", HOME, "another"))).way is Way.WAIT
    standing.attack(OWNER, 2, "guess")
    assert asked(standing.guess(Visit("guess", ELSEWHERE, OWNER))).way is Way.ELSEWHERE


def test_generous_rules_hold_so_many_times_more() -> None:
    standing = Standing(rules=generous(RULES, 10))
    told = [standing.gate.enter(HERE) for _ in range(10 * ACCOUNT.free + 1)]
    assert [isinstance(one, Passed) for one in told] == [True] * 10 * ACCOUNT.free + [False]


# Devices


def test_a_known_device_gets_in_while_its_account_is_attacked(standing: Standing) -> None:
    tokens = with_device(standing)
    for _ in range(50):
        standing.attack(OWNER, 100)
        entered = passed(standing.gate.enter(replace(HERE, tokens=tokens)))
        assert entered.known
        standing.gate.good(entered)
        standing.now += 5


def test_a_known_device_gets_in_while_its_own_network_is_attacked(standing: Standing) -> None:
    tokens = with_device(standing)
    for at in range(300):
        standing.guess(Visit("sign-in", HOME, f"user{at}"))
    assert asked(standing.gate.enter(HERE)).way is Way.WAIT
    assert passed(standing.gate.enter(replace(HERE, tokens=tokens))).known


def test_a_known_device_that_guesses_ends_where_everybody_else_is(standing: Standing) -> None:
    visit = replace(HERE, tokens=with_device(standing))
    told = [standing.guess(visit) for _ in range(100)]
    known = [one for one in told if isinstance(one, Passed) and one.known]
    assert len(known) == DEVICE.free
    assert sum(isinstance(one, Passed) for one in told) <= DEVICE.free + ACCOUNT.most
    assert asked(told[-1]).way is Way.ELSEWHERE


@pytest.mark.parametrize("kind", ["another account's", "forged", "expired", "stolen and cut"])
def test_a_token_that_is_not_this_accounts_gives_nothing(standing: Standing, kind: str) -> None:
    tokens = {
        "another account's": lambda: with_device(standing, "mallory"),
        "forged": lambda: with_device(Standing(), OWNER)[:-1] + "~",
        "expired": lambda: with_device(standing),
        "stolen and cut": lambda: with_device(standing)[:-1],
    }[kind]()
    if kind == "expired":
        standing.now += 181 * 86_400
    standing.attack(OWNER, 100)
    assert asked(standing.gate.enter(replace(HERE, tokens=tokens))).way is Way.ELSEWHERE


# Work for everybody


def spray(standing: Standing, count: int) -> None:
    """Guess at so many accounts, each from a network of its own, one guess each."""
    for at in range(count):
        visit = Visit("sign-in", f"10.{at // 250 % 250}.{at % 250}.1", f"user{at}")
        standing.guess(visit)


def test_many_failures_all_over_the_site_have_everybody_unknown_work(standing: Standing) -> None:
    spray(standing, 200)
    assert passed(standing.gate.enter(HERE)).paid == 0
    standing.now += 70
    assert asked(standing.gate.enter(HERE)).way is Way.WORK
    assert passed(standing.gate.enter(replace(HERE, tokens=with_device(standing)))).known
    assert passed(standing.gate.enter(Visit("reset", HOME))).paid == 0  # it is no crowd's


def test_when_the_attack_is_over_nothing_is_asked_again(standing: Standing) -> None:
    for _ in range(10):
        spray(standing, 200)
        standing.now += 60
    assert standing.gate.effort("sign-in") == CHEAP.cap
    efforts = []
    for _ in range(16):
        standing.now += 60
        efforts.append(standing.gate.effort("sign-in"))
    assert efforts == sorted(efforts, reverse=True)
    assert efforts[-1] == 0
    assert passed(standing.gate.enter(HERE)).paid == 0


def test_failures_on_known_devices_are_nobodys_attack(standing: Standing) -> None:
    for at in range(300):
        visit = Visit("sign-in", HOME, f"user{at}", with_device(standing, f"user{at}"))
        standing.guess(visit)
    standing.now += 70
    assert standing.gate.effort("sign-in") == 0


# Asking


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_asking_draws_nothing_and_agrees_with_entering(data: st.DataObject) -> None:
    standing = Standing()
    tokens = with_device(standing)
    for _ in range(data.draw(st.integers(0, 60))):
        standing.guess(
            Visit(
                data.draw(st.sampled_from(["sign-in", "code"])),
                data.draw(st.sampled_from([HOME, ELSEWHERE, "10.0.0.1"])),
                OWNER,
                data.draw(st.sampled_from(["", "", tokens])),
            )
        )
        standing.now += data.draw(st.sampled_from([0, 0, 0, 0, 29.5, 333.3]))
    for visit in (HERE, replace(HERE, tokens=tokens), Visit("code", HOME, OWNER)):
        would = standing.gate.ask(visit)
        again = standing.gate.ask(visit)
        assert (would.way, would.wait_s) == (again.way, again.wait_s)
        entered = standing.gate.enter(visit)
        if isinstance(entered, Passed):
            assert would == Asked(Way.FREE)
            standing.gate.back(entered)
        else:
            assert (would.way, would.wait_s) == (entered.way, entered.wait_s)
            assert bool(would.puzzle) == bool(entered.puzzle)
            if would.puzzle:
                assert parse(would.puzzle).work == parse(entered.puzzle).work


def test_what_asking_gives_can_be_answered(standing: Standing) -> None:
    standing.attack(OWNER, ACCOUNT.free)
    assert passed(standing.gate.enter(HERE, answer(standing.gate.ask(HERE).puzzle))).paid


# Several processes


def test_processes_agree_on_what_is_asked_of_everybody(standing: Standing) -> None:
    others = [standing.another() for _ in range(3)]
    for minute in range(30):
        for gate in others:
            if minute < 15:
                for at in range(60):
                    visit = Visit("sign-in", f"10.{minute}.{at}.1", f"u{minute}-{at}")
                    entered = gate.enter(visit)
                    if isinstance(entered, Asked) and entered.puzzle:
                        entered = gate.enter(visit, answer(entered.puzzle))
                    gate.failed(passed(entered))
        standing.now += 30
        for gate in others:
            gate.flush()
        assert len({gate.effort("sign-in") for gate in [*others[::-1], standing.another()]}) == 1
        standing.now += 30
    assert standing.gate.effort("sign-in") == 0


def test_a_process_that_has_just_begun_does_not_settle_what_others_have_not_told_yet(
    standing: Standing,
) -> None:
    spray(standing, 200)
    standing.now += 60 - standing.now % 60 + 1
    young = standing.another()
    assert young.effort("sign-in") == standing.gate.effort("sign-in") == 0
    standing.gate.enter(HERE)  # tells what it counted
    standing.now += 5
    assert young.effort("sign-in") == standing.gate.effort("sign-in") > 0


# Stores


class Broken:
    """Stores that do not answer."""

    def __getattr__(self, name: str) -> object:
        raise StoreDown("down")


def test_a_tally_that_does_not_answer_refuses_and_nothing_is_drawn_or_lost(
    standing: Standing,
) -> None:
    spray(standing, 100)
    tally = standing.gate._load._tally
    standing.now += 90
    standing.gate._load._tally = Broken()  # type: ignore[assignment]
    for _ in range(100):
        with pytest.raises(StoreDown):
            standing.gate.enter(HERE)
        standing.now += 0.1
    standing.gate._load._tally = tally
    standing.now += 5
    assert asked(standing.gate.enter(HERE)).way is Way.WORK, "what was counted counts"
    assert passed(standing.enter(HERE)).paid
    levels = standing.budgets.levels(standing.gate._draws(HERE, SIGN_IN), standing.now)
    assert levels == pytest.approx([1.0] * 3)


def test_where_it_is_not_known_what_was_spent_nobody_is_let_in_for_work(standing: Standing) -> None:
    standing.attack(OWNER, ACCOUNT.free)
    text = answer(asked(standing.gate.enter(HERE)).puzzle)
    spent, standing.gate._spent = standing.gate._spent, Broken()  # type: ignore[assignment]
    for _ in range(200):
        with pytest.raises(StoreDown):
            standing.gate.enter(HERE, text)
    standing.gate._spent = spent
    assert passed(standing.gate.enter(HERE, text)).paid


def test_what_is_counted_says_what_was_paid(standing: Standing) -> None:
    standing.attack(OWNER, 60)
    standing.gate.flush()
    counted = standing.tally.read(0, 10**9)[int(standing.now // 60)]
    assert counted["sign-in.free"] == ACCOUNT.free
    assert counted["sign-in.paid"] == ACCOUNT.priced
    assert counted["sign-in.failed"] == counted["sign-in.failed.unknown"] == 55
    assert counted["sign-in.hashes"] == counted["sign-in.failed.hashes"] == 50 * CHEAP.cap
    assert counted["sign-in.elsewhere"] == 5


def test_budgets_are_kept_under_names_that_tell_nothing(standing: Standing) -> None:
    standing.attack(OWNER, 3)
    assert all(len(name) == 24 and name.isascii() for name in standing.budgets._whole)
    assert not any(OWNER in name or "10.0" in name for name in standing.budgets._whole)


# Applications that say where their visitors are


def test_an_application_that_lies_spends_the_budgets_of_its_own_visitors(
    standing: Standing,
) -> None:
    for at in range(SIGN_IN.narrow.free + SIGN_IN.narrow.priced):
        standing.guess(Visit("sign-in", HOME, f"user{at}", through="todo"))
    there = Visit("sign-in", HOME, "one more", through="todo")
    assert asked(standing.enter(there)).way is Way.WAIT
    for through in ("shop", ""):
        assert passed(standing.gate.enter(replace(there, through=through))).paid == 0


def test_an_account_has_one_budget_whichever_way_it_is_guessed_at(standing: Standing) -> None:
    for at in range(ACCOUNT.free):
        standing.guess(Visit("sign-in", f"10.1.{at}.1", OWNER, through="todo"))
    assert asked(standing.gate.enter(HERE)).way is Way.WORK


def test_an_application_that_names_any_network_works_and_never_waits() -> None:
    few = replace(SIGN_IN, application=Budget(10, 1.0, 20), crowd=False)
    standing = Standing(rules={**RULES, "sign-in": few})
    told = [
        standing.guess(Visit("sign-in", f"10.{at}.0.1", f"user{at}", through="todo"))
        for at in range(60)
    ]
    assert [passed(one).paid == 0 for one in told] == [True] * 10 + [False] * 50
    works = [passed(one).paid for one in told[10:]]
    assert works == sorted(works)
    elsewhere = Visit("sign-in", "10.99.0.1", "one more")
    assert passed(standing.gate.enter(elsewhere)).paid == 0


def test_what_was_right_is_given_back_to_an_application(standing: Standing) -> None:
    for at in range(APPLICATION.free + 1):
        visit = Visit("sign-in", f"10.{at // 250}.{at % 250}.1", f"user{at}", through="todo")
        standing.gate.good(passed(standing.gate.enter(visit)))


def test_good_ones_of_an_application_are_all_of_one_place(standing: Standing) -> None:
    for at in range(100):
        visit = Visit("sign-in", f"10.2.{at}.1", f"user{at}", through="todo")
        standing.gate.good(passed(standing.gate.enter(visit)))
    standing.gate.flush()
    counted = standing.tally.read(0, 2**40)
    good = sum(amounts.get("sign-in.good", 0) for amounts in counted.values())
    assert good <= 51
