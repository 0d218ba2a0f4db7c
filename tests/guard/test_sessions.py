"""Sessions: they end when they should, on the server, and no cookie makes one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from guard.stores import EACH, LIFETIME, running
from holdfast.guard.sessions import (
    TOUCHED_EVERY_S,
    Database,
    Memory,
    Person,
    Redis,
    Sessions,
    Store,
    key_of,
)
from holdfast.work.spent import StoreDown

IDLE = timedelta(minutes=30)
ANN = Person("ann", "Ann", "ann@example.org", frozenset({"A", "B"}))


class Clock:
    """The time; a store that forgets by itself goes by the real one, so it begins there."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module", params=EACH)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    with running(request.param) as kept:
        yield kept


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(store: Store, clock: Clock) -> Sessions:
    return Sessions(store, IDLE, LIFETIME, clock)


def test_a_session_is_found_by_its_name_with_all_that_is_known(sessions: Sessions) -> None:
    name, made = sessions.make(ANN, "an id token")
    found = sessions.read(name)
    assert found == made
    assert found is not None
    assert (found.person, found.id_token) == (ANN, "an id token")


def test_the_store_does_not_know_the_name(store: Store, sessions: Sessions, clock: Clock) -> None:
    name, _ = sessions.make(ANN)
    assert store.read(name, clock()) is None
    kept = store.read(key_of(name), clock())
    assert kept is not None
    assert name.encode() not in kept


@pytest.mark.parametrize("name", ["", "x", "A" * 43, "A" * 44, "' OR 1=1 --", "é" * 43, "\0" * 43])
def test_a_name_that_was_made_up_is_no_session(sessions: Sessions, name: str) -> None:
    assert sessions.read(name) is None


def test_each_sign_in_has_a_name_and_a_secret_of_its_own(sessions: Sessions) -> None:
    made = [sessions.make(ANN) for _ in range(20)]
    assert len({name for name, _ in made}) == 20
    assert len({session.secret for _, session in made}) == 20


def test_after_signing_out_the_name_is_worth_nothing(sessions: Sessions) -> None:
    name, _ = sessions.make(ANN)
    sessions.end(name)
    assert sessions.read(name) is None


def test_it_ends_when_nobody_came_for_long(sessions: Sessions, clock: Clock) -> None:
    name, _ = sessions.make(ANN)
    clock.now += IDLE.total_seconds()
    assert sessions.read(name) is None


def test_each_request_keeps_it(sessions: Sessions, clock: Clock) -> None:
    name, _ = sessions.make(ANN)
    for _ in range(10):
        clock.now += IDLE.total_seconds() - TOUCHED_EVERY_S
        assert sessions.read(name) is not None


def test_it_ends_after_its_lifetime_however_often_somebody_came(store: Store, clock: Clock) -> None:
    sessions = Sessions(store, IDLE, timedelta(hours=2), clock)
    name, _ = sessions.make(ANN)
    came = 0
    while sessions.read(name) is not None:
        came += 1
        clock.now += 600
    assert came == 12


def test_who_is_signed_out_everywhere_is(sessions: Sessions) -> None:
    names = [sessions.make(ANN)[0] for _ in range(3)]
    other, _ = sessions.make(Person("bob"))
    sessions.end_all("ann")
    assert [sessions.read(name) for name in names] == [None] * 3
    assert sessions.read(other) is not None
    sessions.end_all("bob")


def test_a_request_under_way_does_not_bring_back_what_has_ended(
    store: Store, sessions: Sessions, clock: Clock
) -> None:
    name, _ = sessions.make(ANN)
    kept = store.read(key_of(name), clock())
    assert kept is not None
    sessions.end(name)
    store.touch(key_of(name), kept, clock() + 1_000)
    assert sessions.read(name) is None


def test_what_another_version_has_written_signs_nobody_in(
    store: Store, sessions: Sessions, clock: Clock
) -> None:
    for at, text in enumerate((b"", b"[]", b"{}", b'{"person": 1}', b"\xff", b"[" * 10_000)):
        name = f"{at}" * 43
        store.make(key_of(name), text, "x", clock() + 100)
        assert sessions.read(name) is None
        store.end(key_of(name))


def test_one_that_was_made_tomorrow_is_not_believed(sessions: Sessions, clock: Clock) -> None:
    clock.now += 86_400
    name, _ = sessions.make(ANN)
    clock.now -= 86_400
    assert sessions.read(name) is None


@pytest.mark.parametrize(("idle", "lifetime"), [(0, 1), (-1, 1), (2, 1)])
def test_times_that_make_no_sense_are_refused(idle: int, lifetime: int) -> None:
    with pytest.raises(ValueError, match="idle"):
        Sessions(Memory(), timedelta(hours=idle), timedelta(hours=lifetime))


def test_memory_that_is_full_forgets_what_has_ended_first() -> None:
    clock = Clock()
    sessions = Sessions(Memory(most=2, clock=clock), IDLE, LIFETIME, clock)
    for _ in range(2):
        sessions.make(ANN)
    with pytest.raises(StoreDown, match="use a database"):
        sessions.make(ANN)
    clock.now += LIFETIME.total_seconds()
    sessions.make(ANN)


class Gone:
    """A server that does not answer."""

    def rows(self, *_: object) -> list[tuple[object, ...]]:
        raise OSError

    def execute_command(self, *_: object) -> object:
        raise OSError


@pytest.mark.parametrize("store", [Database(Gone().rows), Redis(Gone(), "x", LIFETIME)])
def test_a_store_that_is_away_says_so(store: Store) -> None:
    with pytest.raises(StoreDown, match="sessions: OSError"):
        Sessions(store).make(ANN)
