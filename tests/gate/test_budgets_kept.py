"""Budgets come to the same wherever they are kept, and whoever else draws on them."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from gate.kept import EACH, NOW, Kept, enter_with, make, opened, take_and_give
from holdfast.gate.budgets import Budget, Budgets, Draw, Memory, StoreDown, Taken
from holdfast.gate.budgets_database import DatabaseBudgets
from holdfast.gate.gate import Asked, Passed, Visit
from work.solving import answer
from work.stores import PROCESSES

BUDGETS = (Budget(0, 10.0, 0), Budget(1, 60.0, 2), Budget(3, 17.3, 0), Budget(2, 3600.0, 50))
names = (f"example-{number}" for number in itertools.count())


class Beside(RuleBasedStateMachine):
    """Budgets of a store beside those of the memory: whatever is done to both, they are equal."""

    budgets: Budgets

    @initialize()
    def begin(self) -> None:
        self.memory, self.now = Memory(), NOW
        self.out: list[tuple[Taken, Taken]] = []
        example = next(names)
        self.draws = [Draw(f"{example}-{at}", budget) for at, budget in enumerate(BUDGETS)]

    @rule(which=st.lists(st.sampled_from(range(len(BUDGETS))), min_size=1, unique=True))
    def take(self, which: list[int]) -> None:
        draws = [self.draws[at] for at in which]
        told = self.budgets.take(draws, self.now), self.memory.take(draws, self.now)
        for ours, memorys in zip(*told, strict=True):
            assert ours.draw == memorys.draw
            assert ours.level == pytest.approx(memorys.level, abs=1e-5)
            assert ours.moved_s == pytest.approx(memorys.moved_s, abs=1e-5)
            assert 0 <= ours.level <= ours.draw.budget.most + 1e-6
            self.out.append((ours, memorys))
        self.compare()

    @rule(data=st.data())
    def give(self, data: st.DataObject) -> None:
        if self.out:
            count = data.draw(st.integers(1, min(3, len(self.out))))
            given: list[tuple[Taken, Taken]] = []
            seen: set[str] = set()
            for pair in list(self.out):
                if len(given) < count and pair[0].draw.name not in seen:
                    given.append(pair)
                    seen.add(pair[0].draw.name)
                    self.out.remove(pair)
            self.budgets.give([ours for ours, _ in given])
            self.memory.give([memorys for _, memorys in given])
            self.compare()

    @rule(seconds=st.sampled_from([0.001, 1.0, 9.99, 10.0, 61.0, 3600.0, 100_000.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.compare()

    def compare(self) -> None:
        ours = self.budgets.levels(self.draws, self.now)
        assert ours == pytest.approx(self.memory.levels(self.draws, self.now), abs=1e-5)


def test_it_comes_to_what_the_memory_says(store: Kept) -> None:
    class Machine(Beside):
        budgets = store.opened.budgets

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[*HealthCheck],
        ),
    )


@pytest.mark.parametrize("budget", [Budget(1, 60.0, 1), Budget(1000, 60.0, 1000)], ids=str)
def test_what_many_take_and_give_back_at_once_leaves_no_trace(store: Kept, budget: Budget) -> None:
    """Also where the level can rise no further, so that some take less than others."""
    draws = [Draw(f"{next(names)}-{at}", budget) for at in range(3)]
    refused = store.in_each_process(take_and_give, draws, 6, 6, 0)
    assert refused == [0] * PROCESSES
    assert store.opened.budgets.levels(draws, NOW) == pytest.approx([0.0] * 3, abs=1e-3)


def test_what_is_not_given_back_is_there_to_the_last_attempt(store: Kept) -> None:
    draws = [Draw(f"{next(names)}-{at}", Budget(1000, 60.0, 1000)) for at in range(3)]
    assert store.in_each_process(take_and_give, draws, 6, 6, 6) == [0] * PROCESSES
    first, *others = store.opened.budgets.levels(draws, NOW)
    assert others == pytest.approx([6 * PROCESSES] * 2, abs=1e-3)
    assert first == pytest.approx(3 * PROCESSES, abs=1e-3)  # the others draw on it every other time


def test_budgets_drawn_on_at_once_are_told_in_the_order_asked(store: Kept) -> None:
    example = next(names)
    draws = [Draw(f"{example}-{letter}", BUDGETS[1]) for letter in "bca"]
    store.opened.budgets.take(draws[:1], NOW)
    taken = store.opened.budgets.take(draws, NOW)
    assert [one.draw for one in taken] == draws
    assert [one.level for one in taken] == pytest.approx([2.0, 1.0, 1.0], abs=1e-5)


def test_nothing_is_drawn_where_nothing_is_asked(store: Kept) -> None:
    assert store.opened.budgets.levels([], NOW) == []
    assert store.opened.budgets.take([], NOW) == []
    store.opened.budgets.give([])


def test_names_in_other_letters_are_other_budgets(store: Kept) -> None:
    example = next(names)
    draws = [Draw(f"{example}-{letter}", BUDGETS[1]) for letter in "aA"]
    store.opened.budgets.take(draws[:1], NOW)
    assert store.opened.budgets.levels(draws, NOW) == pytest.approx([1.0, 0.0], abs=1e-5)


def test_one_answer_lets_one_in_of_200_at_the_same_moment(store: Kept) -> None:
    visit = Visit("sign-in", "198.51.100.7", next(names))
    gate = store.opened.gate()
    asked: Asked | Passed
    for _ in range(6):
        asked = gate.enter(visit)
    assert isinstance(asked, Asked)
    assert asked.puzzle
    told = store.in_each_process(enter_with, visit, answer(asked.puzzle), 200 // PROCESSES)
    every = [one for part in told for one in part]
    assert every.count("passed") == 1
    assert set(every) <= {"passed", "spent", "elsewhere", "wait"}
    gate.flush()
    after = gate.enter(visit)
    assert isinstance(after, Asked)
    assert gate.ask(visit).puzzle, "what the refused had drawn is not given back"


@pytest.mark.parametrize("store", EACH[1:], indirect=True)
def test_while_its_server_is_down_it_refuses_and_says_so_and_recovers(store: Kept) -> None:
    visit = Visit("sign-in", "198.51.100.7", next(names))
    gate = store.opened.gate()
    assert isinstance(gate.enter(visit), Passed)
    assert store.server is not None
    store.server.kill()
    for attempt in (gate.enter, gate.ask):
        with pytest.raises(StoreDown, match=r"budgets: .* until it answers again"):
            attempt(visit)
    store.server.begin()
    told = [isinstance(gate.enter(visit), Passed) for _ in range(6)]
    assert told[:3] == [True] * 3  # what was under way may have been counted
    assert told[4:] == [False] * 2


# In a database


def test_a_database_that_cannot_be_opened_is_down_until_it_can(tmp_path: Path) -> None:
    where = tmp_path / "away" / "gate"
    gate = opened("sqlite", str(where)).gate()
    visit = Visit("sign-in", "198.51.100.7", "alice")
    with pytest.raises(StoreDown, match="OperationalError: nobody is let in"):
        gate.enter(visit)
    where.parent.mkdir()
    make("sqlite", str(where))
    assert isinstance(gate.enter(visit), Passed)


def test_budgets_that_are_whole_again_are_forgotten(tmp_path: Path) -> None:
    make("sqlite", str(tmp_path / "gate"))
    stores = opened("sqlite", str(tmp_path / "gate"))
    budgets = stores.budgets
    assert isinstance(budgets, DatabaseBudgets)
    draws = [Draw("soon", BUDGETS[0]), Draw("late", BUDGETS[3])]
    budgets.take(draws, NOW)
    budgets.forget(NOW + 11)
    assert budgets.levels(draws, NOW) == pytest.approx([0.0, 1.0])
    stores.close()


# In memory


def test_memory_forgets_what_is_whole_again_and_refuses_when_it_is_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Memory, "SWEEP_AT", 10)
    budgets = Memory()
    for number in range(1000):
        budgets.take([Draw(f"{number}", BUDGETS[0])], NOW + 20 * number)
    assert len(budgets._whole) < 25

    def attack() -> None:
        for number in range(200):
            budgets.take([Draw(f"more-{number}", BUDGETS[0])], NOW + 20_000)

    with pytest.raises(StoreDown, match="full"):
        attack()


def test_memory_is_not_swept_for_each_attempt_while_many_are_out() -> None:
    """Or whoever has many addresses has every attempt of everybody cost a pass over all."""
    budgets, swept = Memory(), 0
    for number in range(budgets.SWEEP_AT + 1000):
        before = budgets._whole
        budgets.take([Draw(f"{number}", BUDGETS[0])], NOW)
        swept += budgets._whole is not before
    assert swept == 1
