"""Who is signed in, over each store: planted cookies, stolen ones, a store that is away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from accounts.service import free_port
from gate.kept import Statements
from guard.browsing import Browser, comes_back, id_token
from guard.provider import Pretended, provider
from guard.stores import EACH, LIFETIME, running, sqlite_at
from holdfast.guard import Guard, Person, Sessions
from holdfast.guard.answers import Answer
from holdfast.guard.request import Request
from holdfast.guard.sessions import Database, Memory, Redis, Store, key_of
from work.stores import redis_server

HERE, COOKIE = "https://todo.example.com", "__Host-guard-session"
ANN = Person("ann")
IDLE = timedelta(minutes=30)


@pytest.fixture(scope="module", params=EACH)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    with running(request.param) as kept:
        yield kept


@pytest.fixture(scope="module")
def pretended() -> Iterator[Pretended]:
    with provider() as found:
        yield found


@pytest.fixture
def browser(pretended: Pretended, store: Store) -> Browser:
    return Browser(pretended, store)


def seen(guard: Guard, cookie: str) -> tuple[Person | None, Answer | None]:
    """Who somebody is with these cookies, and what the guard itself answers."""
    headers = {"host": guard.origin.partition("//")[2], "cookie": cookie}
    arrival = guard.arrive(Request("GET", "/", headers=headers))
    return arrival.visitor.person, arrival.answer


def test_a_name_that_an_attacker_has_planted_is_not_taken_over(browser: Browser) -> None:
    planted = "A" * 43
    browser.cookies["guard-session"] = planted
    given = browser.signs_in()
    assert given != planted
    assert seen(browser.guard, f"guard-session={planted}") == (None, None)


def test_an_attackers_own_session_ends_when_somebody_signs_in_over_it(browser: Browser) -> None:
    asked = browser.begins()
    planted, _ = browser.guard.sessions.make(Person("mallory"))
    browser.cookies["guard-session"] = planted
    comes_back(browser, asked, id_token(browser, asked))
    assert browser.person().sub == "ann"
    assert browser.guard.sessions.read(planted) is None


def test_a_stolen_name_is_worth_nothing_after_signing_out(browser: Browser) -> None:
    stolen = f"guard-session={browser.signs_in()}"
    assert seen(browser.guard, stolen)[0] is not None
    headers = {"host": "localhost:3000", "cookie": stolen}
    token = browser.guard.arrive(Request("GET", "/", headers=headers)).visitor.csrf_token
    browser.gets("/guard/sign-out", "POST", **{"x-csrf-token": token})
    assert "guard-session" not in browser.cookies
    assert seen(browser.guard, stolen) == (None, None)


def test_of_two_cookies_of_one_name_none_is_believed(store: Store) -> None:
    guard = Guard(HERE, b"k" * 32, Sessions(store))
    ours, theirs = guard.sessions.make(ANN)[0], guard.sessions.make(Person("mallory"))[0]
    assert seen(guard, f"{COOKIE}={ours}")[0] == ANN
    for pair in ((ours, theirs), (theirs, ours), (ours, "x"), ("", ours)):
        cookies = "; ".join(f"{COOKIE}={value}" for value in pair)
        assert seen(guard, cookies) == (None, None)


def test_a_name_under_another_cookie_signs_nobody_in(store: Store) -> None:
    guard = Guard(HERE, b"k" * 32, Sessions(store))
    name, _ = guard.sessions.make(ANN)
    for cookie in ("guard-session", "__Secure-guard-session", f"{COOKIE} ", COOKIE.lower()):
        if cookie.strip() != COOKIE:
            assert seen(guard, f"{cookie}={name}") == (None, None)


def test_while_many_requests_are_under_way_what_has_ended_stays_ended(store: Store) -> None:
    now = time.time()
    sessions = Sessions(store, IDLE, LIFETIME, lambda: now)
    later = Sessions(store, IDLE, LIFETIME, lambda: now + 120)  # each read of it keeps it longer
    with ThreadPoolExecutor(6) as threads:
        for _ in range(10):
            name, _ = sessions.make(ANN)
            reads = [threads.submit(later.read, name) for _ in range(4)]
            ends = threads.submit(later.end, name)
            reads += [threads.submit(later.read, name) for _ in range(4)]
            ends.result()
            for read in reads:
                read.result()
            assert later.read(name) is None


class Upserting(Memory):
    """A store as they are written in a hurry: to keep longer is to keep."""

    def touch(self, key: str, session: bytes, until: float) -> None:
        self.make(key, session, "ann", until)


def test_where_keeping_longer_is_keeping_a_request_under_way_brings_a_session_back() -> None:
    store = Upserting()
    sessions = Sessions(store, IDLE, LIFETIME)
    name, _ = sessions.make(ANN)
    kept = store.read(key_of(name), time.time())
    assert kept is not None
    sessions.end(name)
    store.touch(key_of(name), kept, time.time() + 1_000)
    assert sessions.read(name) is not None


def test_the_cookie_is_for_this_host_only_and_for_no_script() -> None:
    guard = Guard(HERE, b"k" * 32, Sessions(Memory()))
    arrival = guard.arrive(Request("GET", "/", headers={"host": "todo.example.com"}))
    cookie = guard.signed_in(arrival.visitor, "name")
    assert cookie.header(secure=guard.secure).split("; ") == [
        "__Host-guard-session=name",
        "Path=/",
        "SameSite=Lax",
        "HttpOnly",
        "Secure",
    ]


def _no_database() -> Store:
    statements = Statements(lambda: sqlite_at("/nowhere/at/all"), "?")
    return Database(statements.rows)


def _no_redis() -> Store:
    return Redis(redis.Redis(port=free_port(), retry=Retry(NoBackoff(), 0)), "x", LIFETIME)


@pytest.mark.parametrize("away", [_no_database, _no_redis])
def test_when_the_store_is_away_nobody_is_signed_in_and_everybody_else_is_served(away: Any) -> None:
    guard = Guard(HERE, b"k" * 32, Sessions(away()))
    person, answer = seen(guard, f"{COOKIE}={'A' * 43}")
    assert person is None
    assert answer is not None
    assert answer.status == 503
    assert seen(guard, "") == (None, None)


@pytest.mark.parametrize("away", [_no_database, _no_redis])
def test_when_the_store_is_away_nobody_is_told_that_they_signed_out(away: Any) -> None:
    guard = Guard(HERE, b"k" * 32, Sessions(away()))
    headers = {"host": "todo.example.com", "cookie": f"{COOKIE}={'A' * 43}"}
    answer = guard.arrive(Request("POST", "/guard/sign-out", headers=headers)).answer
    assert answer is not None
    assert (answer.status, answer.cookies) == (503, ())


# Redis keeps of each person which sessions are theirs


class Meanwhile:
    """A client of Redis during whose listing of sessions something happens."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.happens: Callable[[], object] = lambda: None

    def execute_command(self, *words: Any) -> Any:
        answer = self.client.execute_command(*words)
        if words[0] in ("ZRANGE", "SMEMBERS"):
            happens, self.happens = self.happens, lambda: None
            happens()
        return answer


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder: Path = tmp_path_factory.mktemp("redis")
    with redis_server(folder) as server:
        found = redis.Redis.from_url(server.url, socket_timeout=10)
        yield found
        found.close()


@pytest.mark.every
def test_who_signs_in_while_all_is_ended_is_found_by_the_next_ending(client: Any) -> None:
    watched = Meanwhile(client)
    sessions = Sessions(Redis(watched, "meanwhile", LIFETIME), IDLE, LIFETIME)
    sessions.make(ANN)
    names: list[str] = []
    watched.happens = lambda: names.append(sessions.make(ANN)[0])
    sessions.end_all("ann")
    assert sessions.read(names[0]) is not None
    sessions.end_all("ann")
    assert sessions.read(names[0]) is None


@pytest.mark.every
def test_of_somebody_who_signs_in_every_day_no_more_is_kept(client: Any) -> None:
    now = time.time()
    for day in range(30):
        at = now + day * 86_400
        Sessions(Redis(client, "days", LIFETIME), IDLE, LIFETIME, lambda at=at: at).make(ANN)  # type: ignore[misc]
    (whose,) = client.keys("days:session:of:*")
    assert client.zcard(whose) == 1
