"""Forged requests: each strategy, and where a request says that it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

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
    is_from_here,
)
from holdfast.guard.request import Request

KEY, NOW, HERE = b"k" * 32, 1_800_000_000.0, "https://todo.example.com"
ANN, BOB = Owner("a" * 64, "secret of ann"), Owner("b" * 64, "secret of bob")
STRATEGIES: dict[str, Callable[[], Strategy]] = {
    "session token": SessionToken,
    "readable cookie": lambda: ReadableCookie(KEY, secure=True),
    "cookie and field": lambda: CookieAndField(KEY, secure=True),
    "stateless": lambda: Stateless(KEY),
}
GET = Request("GET", "/")


@pytest.fixture(params=STRATEGIES)
def strategy(request: pytest.FixtureRequest) -> Strategy:
    return STRATEGIES[request.param]()


def sent(strategy: Strategy, token: Token, cookies: tuple[str, ...] | None = None) -> Request:
    """A request with what a page holds, as the strategy has it sent, and with the cookies set."""
    held = [f"{one.name}={one.value}" for one in token.cookies] if cookies is None else cookies
    headers = {"cookie": "; ".join(held)}
    if isinstance(strategy, ReadableCookie):
        return Request("POST", "/", headers={**headers, "x-csrf-token": token.value})
    return Request("POST", "/", headers=headers, fields=(("csrf-token", token.value),))


def test_what_a_page_holds_is_good(strategy: Strategy) -> None:
    token = strategy.token(GET, ANN, NOW)
    assert strategy.judge(sent(strategy, token), ANN, NOW) is Verdict.GOOD


def test_every_tab_and_the_back_button_are_good(strategy: Strategy) -> None:
    first = strategy.token(GET, ANN, NOW)
    held = replace(GET, headers=sent(strategy, first).headers)
    second = strategy.token(held, ANN, NOW)
    cookies = tuple(f"{one.name}={one.value}" for one in (*first.cookies, *second.cookies))
    for token in (first, second, first):
        assert strategy.judge(sent(strategy, token, cookies), ANN, NOW) is Verdict.GOOD


def test_a_header_is_as_good_as_a_field(strategy: Strategy) -> None:
    token = strategy.token(GET, ANN, NOW)
    cookie = "; ".join(f"{one.name}={one.value}" for one in token.cookies)
    request = Request("POST", "/", headers={"cookie": cookie, "x-csrf-token": token.value})
    assert strategy.judge(request, ANN, NOW) is Verdict.GOOD


def test_nothing_is_missing(strategy: Strategy) -> None:
    token = strategy.token(GET, ANN, NOW)
    cookies = "; ".join(f"{one.name}={one.value}" for one in token.cookies)
    for request in (Request("POST", "/"), Request("POST", "/", headers={"cookie": cookies})):
        assert strategy.judge(request, ANN, NOW) is Verdict.MISSING


def test_what_another_visitor_holds_is_stale(strategy: Strategy) -> None:
    token = strategy.token(GET, BOB, NOW)
    assert strategy.judge(sent(strategy, token), ANN, NOW) is Verdict.STALE


def test_what_the_last_session_of_the_same_person_held_is_stale(strategy: Strategy) -> None:
    token = strategy.token(GET, replace(ANN, secret="of yesterday"), NOW)
    assert strategy.judge(sent(strategy, token), ANN, NOW) is Verdict.STALE


@pytest.mark.parametrize("value", ["x", "0.x", "9999999999.", "A" * 86, "é", "\0", "a" * 10_000])
def test_what_was_made_up_is_stale(strategy: Strategy, value: str) -> None:
    cookies = (f"__Host-guard-csrf={value}",)
    assert strategy.judge(sent(strategy, Token(value), cookies), ANN, NOW) is Verdict.STALE


def test_a_changed_letter_is_stale(strategy: Strategy) -> None:
    token = strategy.token(GET, ANN, NOW)
    held = tuple(f"{one.name}={one.value}" for one in token.cookies)
    for at in range(len(token.value) - 1):
        other = "A" if token.value[at] != "A" else "B"
        value = token.value[:at] + other + token.value[at + 1 :]
        assert strategy.judge(sent(strategy, Token(value), held), ANN, NOW) is Verdict.STALE


def test_a_cookie_that_a_sub_domain_planted_helps_nobody(strategy: Strategy) -> None:
    theirs = strategy.token(GET, BOB, NOW)
    planted = tuple(f"{one.name}={one.value}" for one in theirs.cookies)
    assert strategy.judge(sent(strategy, theirs, planted), ANN, NOW) is Verdict.STALE
    own = strategy.token(GET, ANN, NOW)
    both = (*planted, *(f"{one.name}={one.value}" for one in own.cookies))
    judged = strategy.judge(sent(strategy, theirs, both), ANN, NOW)
    assert judged is Verdict.STALE


def test_a_token_of_one_key_is_none_of_another(strategy: Strategy) -> None:
    others: dict[type, Strategy] = {
        SessionToken: SessionToken(),
        ReadableCookie: ReadableCookie(b"o" * 32, secure=True),
        CookieAndField: CookieAndField(b"o" * 32, secure=True),
        Stateless: Stateless(b"o" * 32),
    }
    owner = replace(ANN, secret="other") if isinstance(strategy, SessionToken) else ANN
    token = others[type(strategy)].token(GET, owner, NOW)
    assert strategy.judge(sent(strategy, token), ANN, NOW) is Verdict.STALE


def test_a_stateless_token_ends_by_itself() -> None:
    strategy = Stateless(KEY)
    token = strategy.token(GET, ANN, NOW)
    late = NOW + STATELESS_LIVES_S
    assert strategy.judge(sent(strategy, token), ANN, late - 1) is Verdict.GOOD
    assert strategy.judge(sent(strategy, token), ANN, late) is Verdict.STALE


def test_the_sessions_token_looks_different_on_each_page() -> None:
    assert len({SessionToken().token(GET, ANN, NOW).value for _ in range(50)}) == 50


def test_only_the_readable_cookie_can_be_read_by_scripts() -> None:
    readable = ReadableCookie(KEY, secure=True).token(GET, ANN, NOW).cookies[0]
    hidden = CookieAndField(KEY, secure=True).token(GET, ANN, NOW).cookies[0]
    assert "HttpOnly" not in readable.header(secure=True)
    assert "HttpOnly" in hidden.header(secure=True)
    for cookie in (readable, hidden):
        assert cookie.header(secure=True).startswith("__Host-guard-csrf=")
        assert "Secure" in cookie.header(secure=True)
        assert "SameSite=Strict" in cookie.header(secure=True)


FROM_HERE = {
    "nothing is said": {},
    "the same origin": {"origin": HERE},
    "in capitals": {"origin": HERE.upper()},
    "a page of ours": {"referer": f"{HERE}/todos?x=1"},
    "typed in": {"sec-fetch-site": "none"},
    "both": {"origin": HERE, "referer": f"{HERE}/", "sec-fetch-site": "same-origin"},
}
FROM_ELSEWHERE = {
    "another origin": {"origin": "https://evil.example"},
    "no origin at all": {"origin": "null"},
    "an empty one": {"origin": ""},
    "a sub-domain": {"origin": "https://evil.todo.example.com"},
    "a domain that begins so": {"origin": f"{HERE}.evil.example"},
    "in clear": {"origin": HERE.replace("https", "http")},
    "another port": {"origin": f"{HERE}:8443"},
    "another's page": {"referer": "https://evil.example/"},
    "a page with our name in it": {"referer": f"https://evil.example/{HERE}"},
    "our name before an @": {"referer": f"{HERE}@evil.example/"},
    "a page of a broken address": {"referer": "https://[::1"},
    "no address": {"referer": "x"},
    "cross-site by the browser": {"sec-fetch-site": "cross-site", "origin": HERE},
    "same-site by the browser": {"sec-fetch-site": "same-site"},
    "its own page but another origin": {"origin": "https://evil.example", "referer": HERE},
}


@pytest.mark.parametrize("name", FROM_HERE)
def test_nothing_is_held_against_it(name: str) -> None:
    assert is_from_here(Request("POST", "/", headers=FROM_HERE[name]), HERE)


@pytest.mark.parametrize("name", FROM_ELSEWHERE)
def test_it_comes_from_elsewhere(name: str) -> None:
    assert not is_from_here(Request("POST", "/", headers=FROM_ELSEWHERE[name]), HERE)
