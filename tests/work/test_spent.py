"""What was spent stays spent: on every store, for whoever asks at the same moment."""

from __future__ import annotations

import stat
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.engines import ENGINES
from accounts.service import wait_for
from holdfast.work.spent import LATEST, LONGER_S, Database, Dialect, Memory, SqliteFile, StoreDown
from work.stores import EACH, Store, running_store

LATER = 4_000_000_000.0


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module", params=EACH)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param in ENGINES:
        request.getfixturevalue("needs_root")
    with running_store(request.param) as running:
        yield running


# Every store


def test_a_name_is_spent_once(store: Store) -> None:
    assert [store.opened.spend("once", LATER) for _ in range(3)] == [True, False, False]


def test_large_and_small_letters_are_other_names(store: Store) -> None:
    assert all(store.opened.spend(name, LATER) for name in ("Letter", "letter", "LETTER"))


def test_one_name_is_accepted_once_of_200_at_the_same_moment(store: Store) -> None:
    answers = store.at_once(["same"] * 200)
    assert (answers.count("True"), answers.count("False")) == (1, 199)


def test_other_names_at_the_same_moment_are_all_accepted(store: Store) -> None:
    assert store.at_once([f"own-{number}" for number in range(40)]) == ["True"] * 40


def test_a_name_that_is_none_is_refused_before_the_store_is_asked(store: Store) -> None:
    for name in ("", "x" * 65, "two words", "new\nline", "ü", "nul\0"):
        with pytest.raises(ValueError, match="printable ASCII"):
            store.opened.spend(name, LATER)
    for until in (-1.0, float("nan"), float("inf"), LATEST + 1.0):
        with pytest.raises(ValueError, match="unix seconds"):
            store.opened.spend("name", until)


def test_a_store_that_is_away_accepts_nothing_and_forgets_nothing(store: Store) -> None:
    assert store.opened.spend("before", LATER)
    store.take_away()
    try:
        wait_for(partial(_is_down, store))
        for name in ("before", "during"):
            with pytest.raises(StoreDown, match="nothing is accepted until it answers again"):
                store.opened.spend(name, LATER)
    finally:
        store.give_back()
    assert not store.opened.spend("before", LATER)
    assert store.opened.spend("during", LATER)


def _is_down(store: Store) -> bool:
    """Whether it is; what is left of a killed PostgreSQL still answers for a moment."""
    try:
        store.opened.spend(f"asked-{time.monotonic_ns()}", LATER)
    except StoreDown:
        return True
    return False


# Memory


def test_memory_forgets_what_has_expired(clock: Clock) -> None:
    store = Memory(clock=clock)
    assert store.spend("name", clock.now + 10)
    clock.now += 10 + LONGER_S - 1
    assert not store.spend("name", clock.now + 10)
    clock.now += 2
    assert store.spend("name", clock.now + 10)


def test_full_memory_refuses_until_something_expires(clock: Clock) -> None:
    store = Memory(most=2, clock=clock)
    assert store.spend("short", clock.now + 1)
    assert store.spend("long", LATER)
    with pytest.raises(StoreDown, match="2 are kept"):
        store.spend("more", LATER)
    assert not store.spend("long", LATER)
    clock.now += 1 + LONGER_S
    assert store.spend("more", LATER)


def test_threads_share_a_memory() -> None:
    store, barrier = Memory(), threading.Barrier(32)

    def spend(_: int) -> bool:
        barrier.wait()
        return store.spend("name", LATER)

    with ThreadPoolExecutor(32) as pool:
        assert sum(pool.map(spend, range(32))) == 1


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 200), st.integers(0, 50))))
def test_memory_never_accepts_what_is_still_good(steps: list[tuple[str, int, int]]) -> None:
    clock, good_until = Clock(), dict[str, float]()
    store = Memory(clock=clock)
    for name, lasts, passing in steps:
        clock.now += passing
        accepted = store.spend(name, clock.now + lasts)
        assert not (accepted and clock.now <= good_until.get(name, 0))
        if accepted:
            good_until[name] = clock.now + lasts


# A file of SQLite


def test_a_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    SqliteFile(tmp_path / "spent").spend("name", LATER)
    assert stat.S_IMODE((tmp_path / "spent").stat().st_mode) == 0o600


def test_a_file_remembers_for_who_opens_it_later(tmp_path: Path) -> None:
    assert SqliteFile(tmp_path / "spent").spend("name", LATER)
    assert not SqliteFile(tmp_path / "spent").spend("name", LATER)


def test_no_name_of_a_file_is_a_special_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (":memory:", "file:spent?mode=memory", "a b%20c"):
        store = SqliteFile(Path(name))
        assert [store.spend("name", LATER) for _ in range(2)] == [True, False]
        assert (tmp_path / name).exists()


def test_a_file_forgets_what_has_expired(tmp_path: Path, clock: Clock) -> None:
    store = SqliteFile(tmp_path / "spent", clock)
    assert store.spend("name", clock.now + 10)
    clock.now += 10 + LONGER_S
    assert not store.spend("name", clock.now + 10)
    clock.now += Database.PURGE_EVERY_S + 1
    assert store.spend("name", clock.now + 10)


def test_a_file_that_is_no_database_accepts_nothing(tmp_path: Path) -> None:
    (tmp_path / "spent").write_text("no database " * 100)
    with pytest.raises(StoreDown, match="DatabaseError"):
        SqliteFile(tmp_path / "spent").spend("name", LATER)


# What a database says


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(("written", "accepted"), [(1, True), (0, False), (2, False)])
def test_the_number_of_rows_decides(dialect: Dialect, written: int, accepted: bool) -> None:
    def run(statement: str, values: Sequence[object]) -> int:
        return written

    assert Database(run, dialect).spend("name", LATER) is accepted


def test_an_odd_number_of_rows_is_no_answer() -> None:
    with pytest.raises(StoreDown, match="-1 rows"):
        Database(lambda statement, values: -1, Dialect.SQLITE).spend("name", LATER)


def test_what_a_driver_says_is_not_repeated() -> None:
    def run(statement: str, values: Sequence[object]) -> int:
        raise ConnectionError("postgresql://me:secret@host")

    with pytest.raises(StoreDown, match="ConnectionError") as refused:
        Database(run, Dialect.POSTGRESQL).spend("name", LATER)
    assert "secret" not in str(refused.value)
