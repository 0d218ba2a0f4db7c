"""Forged requests at the guard: each strategy, with somebody signed in and with a stranger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import pytest

from guard.test_csrf import KEY, STRATEGIES
from holdfast.guard import Guard, Person, Sessions
from holdfast.guard.answers import Answer
from holdfast.guard.csrf import (
    STATELESS_LIVES_S,
    CookieAndField,
    Owner,
    ReadableCookie,
    SessionToken,
    Stateless,
    Strategy,
    Token,
    Verdict,
)
from holdfast.guard.request import Request
from holdfast.guard.sessions import Memory

HERE, NOW = "https://todo.example.com", 1_800_000_000.0
SESSION = "__Host-guard-session"
FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html"}
NOTHING: Mapping[str, str] = MappingProxyType({})
Pairs = tuple[tuple[str, str], ...]


class Off:
    """No protection at all: what the attacks are first seen to succeed on."""

    def token(self, request: Request, owner: Owner, now: float) -> Token:
        return Token("")

    def judge(self, request: Request, owner: Owner, now: float) -> Verdict:
        return Verdict.GOOD


class Browsing:
    """A browser with its cookies, and an application with a guard."""

    def __init__(self, strategy: Strategy, guard: Guard | None = None) -> None:
        self.strategy, self.now = strategy, NOW
        sessions = Sessions(Memory(), clock=lambda: NOW)
        self.guard = guard or Guard(
            HERE, b"k" * 32, sessions, csrf=strategy, clock=lambda: self.now
        )
        self.cookies: dict[str, str] = {}

    def signs_in(self) -> str:
        name, _ = self.guard.sessions.make(Person("ann"))
        self.cookies[SESSION] = name
        return name

    def opens(self) -> str:
        """Open a page with a form; return the token on it."""
        visitor = self.guard.arrive(Request("GET", "/", headers=self.headers({}))).visitor
        token = visitor.csrf_token
        self.cookies |= {one.name: one.value for one in visitor.cookies}
        return token

    def sends(
        self, token: str, said: Mapping[str, str] = NOTHING, also: Pairs = (), path: str = "/todos"
    ) -> Answer | None:
        """Send a form, or what a script sends, with a token; what the guard answers itself."""
        told = self.headers({**FORM, **said})
        fields: Pairs = also
        if token and isinstance(self.strategy, ReadableCookie):
            told["x-csrf-token"] = token
        elif token:
            fields = (("csrf-token", token), *also)
        return self.guard.arrive(Request("POST", path, headers=told, fields=fields)).answer

    def is_signed_in(self) -> bool:
        request = Request("GET", "/", headers=self.headers({}))
        return self.guard.arrive(request).visitor.person is not None

    def headers(self, more: dict[str, str]) -> dict[str, str]:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"host": "todo.example.com", "cookie": cookie, **more}


@pytest.fixture(params=STRATEGIES)
def browsing(request: pytest.FixtureRequest) -> Browsing:
    return Browsing(STRATEGIES[request.param]())


WHO: dict[str, Callable[[Browsing], object]] = {
    "ann": Browsing.signs_in,
    "a stranger": lambda _: None,
}


@pytest.fixture(params=WHO)
def somebody(request: pytest.FixtureRequest, browsing: Browsing) -> Browsing:
    WHO[request.param](browsing)
    return browsing


def status(answer: Answer | None) -> int:
    return 200 if answer is None else int(answer.status)


def test_what_was_meant_gets_through(somebody: Browsing) -> None:
    assert status(somebody.sends(somebody.opens())) == 200


def test_two_tabs_and_the_back_button_get_through(somebody: Browsing) -> None:
    first, second = somebody.opens(), somebody.opens()
    assert [status(somebody.sends(token)) for token in (second, first, first)] == [200] * 3


# Pages of another site. A browser that tells where a page comes from is refused for that alone;
# these do not tell.

ATTACKS: dict[str, dict[str, str]] = {
    "a hidden form": {},
    "JSON as text": {"content-type": "text/plain", "accept": "*/*"},
    "a form of parts": {"content-type": "multipart/form-data; boundary=b"},
    "nothing but a method": {"content-type": ""},
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_forged_request_changes_something_where_nothing_protects(name: str) -> None:
    weak = Browsing(Off())
    weak.signs_in()
    assert status(weak.sends("", ATTACKS[name])) == 200


@pytest.mark.parametrize("name", ATTACKS)
def test_a_forged_request_is_refused(somebody: Browsing, name: str) -> None:
    somebody.opens()
    assert status(somebody.sends("", ATTACKS[name])) == 403


def test_a_request_without_a_token_ends_the_session(browsing: Browsing) -> None:
    browsing.signs_in()
    answer = browsing.sends("")
    assert answer is not None
    assert [(cookie.name, cookie.value) for cookie in answer.cookies] == [(SESSION, "")]
    assert not browsing.is_signed_in()


@pytest.mark.parametrize(
    "said",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "https://evil.todo.example.com"},
        {"referer": "https://evil.example/todo.example.com"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_another_sites_page_cannot_even_sign_somebody_out(
    browsing: Browsing, said: dict[str, str]
) -> None:
    browsing.signs_in()
    assert [status(browsing.sends(token, said)) for token in (browsing.opens(), "")] == [403, 403]
    assert browsing.is_signed_in()


def test_an_attackers_own_token_is_stale(somebody: Browsing) -> None:
    attacker = Browsing(somebody.strategy, somebody.guard)
    somebody.opens()
    assert status(somebody.sends(attacker.opens())) == 409


def test_an_attackers_token_with_its_cookie_planted_is_stale(somebody: Browsing) -> None:
    attacker = Browsing(somebody.strategy, somebody.guard)
    token = attacker.opens()
    somebody.opens()
    planted = {k: v for k, v in attacker.cookies.items() if k == "__Host-guard-csrf"}
    somebody.cookies |= planted
    assert status(somebody.sends(token)) == 409


def test_the_page_of_before_the_sign_in_is_shown_again(browsing: Browsing) -> None:
    token = browsing.opens()
    browsing.signs_in()
    answer = browsing.sends(token, also=(("title", "milk"),))
    assert status(answer) == 409
    assert answer is not None
    assert b"milk" in answer.body
    assert browsing.is_signed_in()


def test_what_is_shown_again_can_be_sent(browsing: Browsing) -> None:
    browsing.signs_in()
    assert status(browsing.sends("of yesterday")) == 409
    assert status(browsing.sends(browsing.opens())) == 200


def test_the_page_of_before_signing_out_is_worth_nothing(browsing: Browsing) -> None:
    name = browsing.signs_in()
    token = browsing.opens()
    browsing.guard.sessions.end(name)
    assert status(browsing.sends(token)) == 409


def test_a_page_that_was_open_for_hours_is_shown_again() -> None:
    browsing = Browsing(Stateless(KEY))
    browsing.signs_in()
    token = browsing.opens()
    browsing.now += STATELESS_LIVES_S
    assert status(browsing.sends(token)) == 409


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_changes_nothing_needs_no_token(somebody: Browsing, method: str) -> None:
    headers = {"host": "todo.example.com", "origin": "https://evil.example"}
    assert somebody.guard.arrive(Request(method, "/todos", headers=headers)).answer is None


def test_a_token_in_the_address_is_none() -> None:
    for strategy in (SessionToken(), CookieAndField(KEY, secure=True), Stateless(KEY)):
        browsing = Browsing(strategy)
        browsing.signs_in()
        headers = browsing.headers(FORM)
        request = Request("POST", "/todos", f"csrf-token={browsing.opens()}", headers)
        assert status(browsing.guard.arrive(request).answer) == 403


OWN = ("/guard/sign-out", "/guard/gate/post")


@pytest.mark.parametrize("path", OWN)
def test_what_the_guard_does_itself_has_to_be_meant(browsing: Browsing, path: str) -> None:
    browsing.signs_in()
    token = browsing.opens()
    assert status(browsing.sends(token, {"origin": "https://evil.example"}, path=path)) == 403
    assert status(browsing.sends("of yesterday", path=path)) == 409
    assert browsing.is_signed_in()


def test_who_means_it_signs_out(browsing: Browsing) -> None:
    browsing.signs_in()
    assert status(browsing.sends(browsing.opens(), path="/guard/sign-out")) == 303
    assert not browsing.is_signed_in()
