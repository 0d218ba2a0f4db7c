"""The guard decides as its rules say, for any request that the rules tell apart."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guard.model import HERE, Asked, decided
from guard.signing import CLIENT, ISSUER, PRIVATE, jwk, key_set, token
from guard.test_csrf import STRATEGIES
from holdfast.guard import Guard, Person, Provider, Refusal, Sessions
from holdfast.guard.csrf import STATELESS_LIVES_S
from holdfast.guard.request import Request
from holdfast.guard.sessions import Memory
from holdfast.guard.visitor import required


def fetched(address: str) -> bytes:
    """A provider that always answers."""
    if address.endswith("/keys"):
        return key_set(*map(jwk, PRIVATE))
    ends = ("authorization_endpoint", "token_endpoint")
    told = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys", **dict.fromkeys(ends, f"{ISSUER}/x")}
    return json.dumps(told).encode()


SESSIONS = Sessions(Memory())
PROVIDER = Provider(ISSUER, CLIENT, fetch=fetched)
GUARDS = {
    name: Guard(HERE, b"k" * 32, SESSIONS, provider=PROVIDER, csrf=strategy())
    for name, strategy in STRATEGIES.items()
}
"""One for each way that shows that a request was meant."""
EARLIER = {
    name: Guard(
        HERE,
        b"k" * 32,
        SESSIONS,
        csrf=strategy(),
        clock=lambda: time.time() - STATELESS_LIVES_S,
    )
    for name, strategy in STRATEGIES.items()
}
"""The same two hours ago."""
GOOD, ROLELESS = Person("ann", roles=frozenset({"A"})), Person("bob")
COOKIE, VISITOR = "__Host-guard-session", "__Host-guard-visitor"


def mostly(usual: Sequence[object], *rarely: object) -> st.SearchStrategy[Any]:
    """One of the usual seven times in eight: a rule that comes late is reached as well."""
    return st.sampled_from([*usual] * (7 * max(1, len(rarely)) // len(usual) + 1) + [*rarely])


ASKED = st.builds(
    Asked,
    host=mostly(["todo.example.com"], "evil.example", ""),
    method=st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "POST", "PUT", "DELETE", "PATCH"]),
    origin=mostly([None, HERE], "https://evil.example", "null"),
    referer=mostly([None, f"{HERE}/page"], "https://evil.example/page"),
    fetched=mostly([None, "same-origin", "none"], "same-site", "cross-site"),
    bearer=mostly(["none"], "good", "roleless", "bad"),
    session=st.sampled_from(
        ["none", "good", "good", "roleless", "ended", "made-up", "twice", "visited"]
    ),
    strategy=st.sampled_from(list(STRATEGIES)),
    csrf=st.sampled_from(["none", "own", "own", "other", "mixed", "expired"]),
    shown=st.sampled_from(["field", "header"]),
    wanted=st.sampled_from(["nobody", "person", "role"]),
    page=st.booleans(),
)


def built(asked: Asked) -> tuple[Request, str]:
    """Return the request in HTTP's words, and the name of its session."""
    name, cookies = _session(asked.session)
    shown, also = _shown(asked, cookies)
    headers = {"host": asked.host, "cookie": "; ".join((cookies, *also))}
    headers |= {"accept": "text/html"} if asked.page else {"accept": "application/json"}
    said = {"origin": asked.origin, "referer": asked.referer, "sec-fetch-site": asked.fetched}
    headers |= {key: value for key, value in said.items() if value is not None}
    if asked.bearer != "none":
        headers["authorization"] = f"Bearer {_bearer(asked.bearer)}"
    if shown and asked.shown == "header":
        headers["x-csrf-token"] = shown
    fields = (("csrf-token", shown),) if shown and asked.shown == "field" else ()
    return Request(asked.method, "/todos", headers=headers, fields=fields), name


def _session(state: str) -> tuple[str, str]:
    if state == "none":
        return "", ""
    if state == "visited":
        return "", f"{VISITOR}={'v' * 32}"
    if state == "made-up":
        return "A" * 43, f"{COOKIE}={'A' * 43}"
    name, _ = SESSIONS.make(ROLELESS if state == "roleless" else GOOD)
    if state == "ended":
        SESSIONS.end(name)
    return name, f"{COOKIE}={name}" + (f"; {COOKIE}={name}" if state == "twice" else "")


def _bearer(state: str) -> str:
    roles = [] if state == "roleless" else ["A"]
    return token(roles=roles) if state != "bad" else token(exp=1)


def _shown(asked: Asked, cookies: str) -> tuple[str, Iterable[str]]:
    """Return what a page holds, and the cookies that were set along with it."""
    if asked.csrf == "none":
        return "", ()
    theirs = f"{COOKIE}={SESSIONS.make(GOOD)[0]}"
    if asked.csrf == "mixed":
        token, _ = _shown(replace(asked, csrf="other"), theirs)
        return token, _shown(replace(asked, csrf="own"), cookies)[1]
    if asked.csrf == "other":
        cookies = theirs
    guard = (EARLIER if asked.csrf == "expired" else GUARDS)[asked.strategy]
    page = Request("GET", "/", headers={"host": "todo.example.com", "cookie": cookies})
    visitor = guard.arrive(page).visitor
    token = visitor.csrf_token
    return token, [f"{one.name}={one.value}" for one in visitor.cookies if one.name != VISITOR]


def guards(asked: Asked) -> tuple[int, bool]:
    """Return what the guard decides, with an application that wants what is asked."""
    request, name = built(asked)
    was_there = bool(name) and SESSIONS.read(name) is not None
    guard = GUARDS[asked.strategy]
    arrival = guard.arrive(request)
    answer = arrival.answer
    if answer is None and asked.wanted != "nobody":
        try:
            required(arrival.visitor, "A" if asked.wanted == "role" else "")
        except Refusal as refusal:
            answer = guard.failed(arrival.visitor, refusal)
    ended = was_there and SESSIONS.read(name) is None
    return (200 if answer is None else int(answer.status)), ended


@settings(max_examples=1_000, deadline=None)
@given(ASKED)
def test_the_guard_decides_as_the_reference_does(asked: Asked) -> None:
    assert guards(asked) == decided(asked)


@pytest.mark.every
@settings(max_examples=20_000, deadline=None)
@given(ASKED)
def test_the_guard_decides_as_the_reference_does_very_often(asked: Asked) -> None:
    assert guards(asked) == decided(asked)
