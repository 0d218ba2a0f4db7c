"""Work on many hosts: bounded, in time, in order, and none stops another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import pytest

from holdfast.servers.each_host import Clocks, Pace, each_host
from holdfast.servers.fleet import Failure
from holdfast.servers.session_errors import TooSlow, Unreachable

T = TypeVar("T")

SHORT_S = 0.05
LONG_S = 60.0
HOSTS = ("a", "b", "c", "d")


def run(
    work: Callable[[str], Awaitable[T]],
    *,
    at_once: int = 10,
    host_s: float = LONG_S,
    clocks: Clocks | None = None,
    after: Callable[[str], Iterable[str]] = lambda _: (),
) -> dict[str, T | Failure]:
    async def story() -> dict[str, T | Failure]:
        return await each_host(HOSTS, work, Pace(at_once, host_s), clocks or Clocks(), after)

    return asyncio.run(story())


async def name(host: str) -> str:
    return host


async def for_ever(host: str) -> None:
    await asyncio.Event().wait()


def message(ended: object) -> str:
    assert isinstance(ended, Failure)
    return ended.message


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_no_more_hosts_than_allowed_are_worked_on_at_once(at_once: int) -> None:
    working: set[str] = set()
    most = 0

    async def work(host: str) -> None:
        nonlocal most
        working.add(host)
        most = max(most, len(working))
        for _ in range(10):
            await asyncio.sleep(0)
        working.remove(host)

    run(work, at_once=at_once)
    assert most == at_once


def test_results_come_in_the_order_of_the_hosts() -> None:
    gone = {host: asyncio.Event() for host in HOSTS}

    async def backwards(host: str) -> str:
        later = HOSTS[HOSTS.index(host) + 1 :]
        if later:
            await gone[later[0]].wait()
        gone[host].set()
        return host

    assert list(run(backwards).items()) == [(host, host) for host in HOSTS]


@pytest.mark.parametrize("error", [Unreachable("b: unreachable"), KeyError("a defect")])
def test_a_host_that_fails_stops_no_other(error: Exception) -> None:
    async def work(host: str) -> str:
        if host == "b":
            raise error
        return host

    assert run(work) == {"a": "a", "b": Failure("b", error), "c": "c", "d": "d"}


def test_a_host_that_takes_too_long_is_named_with_its_time_and_the_mend() -> None:
    ended = run(for_ever, host_s=SHORT_S)
    assert isinstance(ended["c"], Failure)
    assert isinstance(ended["c"].error, TooSlow)
    assert message(ended["c"]).startswith("c: not done within 0.05 s")
    assert "--host-timeout" in message(ended["c"])


def test_a_host_that_takes_too_long_costs_the_others_nothing() -> None:
    async def work(host: str) -> str:
        if host == "a":
            await for_ever(host)
        return host

    ended = run(work, at_once=1, host_s=SHORT_S)
    assert {host: one for host, one in ended.items() if host != "a"} == {h: h for h in "bcd"}


def test_what_took_too_long_has_cleaned_up_when_the_run_ends() -> None:
    closed = []

    async def work(host: str) -> None:
        try:
            await for_ever(host)
        finally:
            await asyncio.sleep(0)
            closed.append(host)

    run(work, host_s=SHORT_S)
    assert sorted(closed) == list(HOSTS)


def test_a_timeout_of_the_work_itself_is_not_the_hosts_time() -> None:
    async def work(host: str) -> None:
        raise TimeoutError("its own")

    assert message(run(work)["a"]) == "its own"


def test_waiting_for_a_turn_takes_nothing_of_a_hosts_time() -> None:
    async def work(host: str) -> str:
        await asyncio.sleep(SHORT_S)
        return host

    assert run(work, at_once=1, host_s=SHORT_S * 3) == {host: host for host in HOSTS}


def test_no_hosts_time_runs_while_a_person_is_asked() -> None:
    clocks = Clocks()
    asked = asyncio.Event()

    async def work(host: str) -> str:
        if host == "a":
            with clocks.paused():
                await asyncio.sleep(SHORT_S * 3)
            asked.set()
        await asked.wait()
        return host

    assert run(work, at_once=2, host_s=SHORT_S, clocks=clocks) == {host: host for host in HOSTS}


def test_a_host_that_starts_while_a_person_is_asked_has_its_whole_time_after_that() -> None:
    clocks = Clocks()
    left: list[float | None] = []

    async def work(host: str) -> None:
        left.append(clocks.left_s(host))

    with clocks.paused():
        run(work, host_s=LONG_S, clocks=clocks)
    assert left == [LONG_S] * 4


def test_one_hosts_time_can_stand_still_while_the_others_run() -> None:
    clocks = Clocks()

    async def work(host: str) -> str:
        if host == "a":
            with clocks.paused(host):
                await asyncio.sleep(SHORT_S * 3)
            return host
        await for_ever(host)
        raise AssertionError

    ended = run(work, host_s=SHORT_S, clocks=clocks)
    assert [host for host, one in ended.items() if one == host] == ["a"]


def test_a_host_whose_time_stood_still_can_take_too_long_after_that() -> None:
    clocks = Clocks()

    async def work(host: str) -> None:
        with clocks.paused(host), clocks.paused():
            pass
        await for_ever(host)

    assert {type(one) for one in run(work, host_s=SHORT_S, clocks=clocks).values()} == {Failure}


@pytest.mark.parametrize("fails", [False, True])
def test_a_host_waits_for_those_that_it_is_reached_through(fails: bool) -> None:
    order: list[str] = []

    async def work(host: str) -> None:
        order.append(host)
        if fails:
            raise Unreachable(host)

    run(work, at_once=1, after=lambda host: ("d", "not in this run") if host == "a" else ())
    assert order == ["b", "c", "d", "a"]


def test_a_run_that_is_stopped_stops_the_work_on_every_host_and_waits_for_it() -> None:
    working: set[str] = set()

    async def work(host: str) -> None:
        working.add(host)
        try:
            await for_ever(host)
        finally:
            await asyncio.sleep(0)
            working.remove(host)

    async def story() -> None:
        task = asyncio.create_task(each_host(HOSTS, work, Pace(10, LONG_S), Clocks()))
        while len(working) < len(HOSTS):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())
    assert working == set()
