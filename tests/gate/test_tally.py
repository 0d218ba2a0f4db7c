"""What was counted of each period, by however many."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gate.kept import Kept, make, opened
from holdfast.gate.tally import DatabaseTally, MemoryTally, Tally


@pytest.fixture(params=["memory", "kept"])
def tally(request: pytest.FixtureRequest, store: Kept) -> Tally:
    return MemoryTally() if request.param == "memory" else store.opened.tally


def test_amounts_add_up_in_their_periods(tally: Tally) -> None:
    tally.add(1000, {"sign-in.free": 2, "sign-in.hashes": 0.5})
    tally.add(1001, {"sign-in.free": 1})
    tally.add(1000, {"sign-in.free": 3, "sign-in.hashes": 1e12})
    assert tally.read(1000, 1001) == {
        1000: {"sign-in.free": 5, "sign-in.hashes": 1e12 + 0.5},
        1001: {"sign-in.free": 1},
    }
    assert list(tally.read(1001, 2000)) == [1001]
    assert tally.read(1002, 2000) == {}


def test_nothing_adds_nothing(tally: Tally) -> None:
    tally.add(3000, {})
    assert tally.read(3000, 3000).get(3000, {}) == {}


@pytest.mark.parametrize("amount", [0.1, 100_000.0, 8e6 / 3, 1e-300, 123456789.12345679])
def test_the_first_who_settles_an_amount_decides_to_the_last_bit(
    tally: Tally, amount: float
) -> None:
    period = 4000 + int(amount % 997 * 10)
    assert tally.settle(period, "effort", amount) == amount
    assert tally.settle(period, "effort", 7.0) == amount
    assert tally.read(period, period) == {period: {"effort": amount}}


def test_nothing_is_lost_of_what_many_add_at_once(tally: Tally) -> None:
    ready = threading.Barrier(8)

    def add(number: int) -> None:
        ready.wait(60)
        for _ in range(20):
            tally.add(5000, {"a": 1, f"of-{number}": 1})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(8)))
    assert tally.read(5000, 5000)[5000]["a"] == 160


def test_those_who_settle_at_once_agree(tally: Tally) -> None:
    ready = threading.Barrier(8)

    def settle(number: int) -> float:
        ready.wait(60)
        return tally.settle(6000, "effort", float(number))

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(settle, range(8)))) == 1


def test_memory_keeps_the_newest_periods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryTally, "KEPT", 3)
    tally = MemoryTally()
    for period in range(10):
        tally.add(period, {"a": 1})
    assert list(tally.read(0, 100)) == [7, 8, 9]


def test_a_database_forgets_what_was_counted_before(tmp_path: Path) -> None:
    make("sqlite", str(tmp_path / "gate"))
    stores = opened("sqlite", str(tmp_path / "gate"))
    assert isinstance(stores.tally, DatabaseTally)
    for period in range(5):
        stores.tally.add(period, {"a": 1})
    stores.tally.forget(3)
    assert list(stores.tally.read(0, 100)) == [3, 4]
    stores.close()
