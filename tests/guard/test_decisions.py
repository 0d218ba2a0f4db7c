"""The guard decides as its rules say, for any request that the rules tell apart."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guard.model import HERE, Asked, decided
from guard.signing import CLIENT, ISSUER, PRIVATE, jwk, key_set, token
from holdfast.guard import Guard, Person, Provider, Refusal, Sessions
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
GUARD = Guard(HERE, b"k" * 32, SESSIONS, provider=Provider(ISSUER, CLIENT, fetch=fetched))
GOOD, ROLELESS = Person("ann", roles=frozenset({"A"})), Person("bob")
COOKIE = "__Host-guard-session"

ASKED = st.builds(
    Asked,
    host=st.sampled_from(["todo.example.com"] * 6 + ["evil.example", ""]),
    method=st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH"]),
    origin=st.sampled_from([None, HERE, "https://evil.example", "null"]),
    referer=st.sampled_from([None, f"{HERE}/page", "https://evil.example/page"]),
    fetched=st.sampled_from([None, "same-origin", "none", "same-site", "cross-site"]),
    bearer=st.sampled_from(["none"] * 3 + ["good", "roleless", "bad"]),
    session=st.sampled_from(["none", "good", "roleless", "ended", "made-up", "twice"]),
    csrf=st.sampled_from(["none", "own", "other"]),
    shown=st.sampled_from(["field", "header"]),
    wanted=st.sampled_from(["nobody", "person", "role"]),
    page=st.booleans(),
)


def built(asked: Asked) -> tuple[Request, str]:
    """Return the request in HTTP's words, and the name of its session."""
    name, cookies = _session(asked.session)
    headers = {"host": asked.host, "cookie": cookies}
    headers |= {"accept": "text/html"} if asked.page else {"accept": "application/json"}
    said = {"origin": asked.origin, "referer": asked.referer, "sec-fetch-site": asked.fetched}
    headers |= {key: value for key, value in said.items() if value is not None}
    if asked.bearer != "none":
        headers["authorization"] = f"Bearer {_bearer(asked.bearer)}"
    shown = _shown(asked.csrf, headers)
    if shown and asked.shown == "header":
        headers["x-csrf-token"] = shown
    fields = (("csrf-token", shown),) if shown and asked.shown == "field" else ()
    return Request(asked.method, "/todos", headers=headers, fields=fields), name


def _session(state: str) -> tuple[str, str]:
    if state == "none":
        return "", ""
    if state == "made-up":
        return "A" * 43, f"{COOKIE}={'A' * 43}"
    name, _ = SESSIONS.make(ROLELESS if state == "roleless" else GOOD)
    if state == "ended":
        SESSIONS.end(name)
    return name, f"{COOKIE}={name}" + (f"; {COOKIE}={name}" if state == "twice" else "")


def _bearer(state: str) -> str:
    roles = [] if state == "roleless" else ["A"]
    return token(roles=roles) if state != "bad" else token(exp=1)


def _shown(state: str, headers: Mapping[str, str]) -> str:
    if state == "none":
        return ""
    cookie = headers["cookie"]
    if state == "other":
        cookie = f"{COOKIE}={SESSIONS.make(GOOD)[0]}"
    page = Request("GET", "/", headers={"host": "todo.example.com", "cookie": cookie})
    return GUARD.arrive(page).visitor.csrf_token


def guards(asked: Asked) -> tuple[int, bool]:
    """Return what the guard decides, with an application that wants what is asked."""
    request, name = built(asked)
    was_there = bool(name) and SESSIONS.read(name) is not None
    arrival = GUARD.arrive(request)
    answer = arrival.answer
    if answer is None and asked.wanted != "nobody":
        try:
            required(arrival.visitor, "A" if asked.wanted == "role" else "")
        except Refusal as refusal:
            answer = GUARD.failed(arrival.visitor, refusal)
    ended = was_there and SESSIONS.read(name) is None
    return (200 if answer is None else int(answer.status)), ended


@settings(max_examples=600, deadline=None)
@given(ASKED)
def test_the_guard_decides_as_the_reference_does(asked: Asked) -> None:
    assert guards(asked) == decided(asked)


@pytest.mark.every
@settings(max_examples=20_000, deadline=None)
@given(ASKED)
def test_the_guard_decides_as_the_reference_does_very_often(asked: Asked) -> None:
    assert guards(asked) == decided(asked)
