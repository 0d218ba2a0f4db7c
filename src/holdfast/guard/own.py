"""The guard's own paths: sign-in and what comes back from it, sign-out, the work of forms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING

from holdfast.gate.gate import Asked
from holdfast.gate.rules import Way as Demand
from holdfast.guard.answers import JSON, Answer, Refusal, redirect
from holdfast.guard.cookies import Cookie, named
from holdfast.guard.openid import LIVES_S, leads_on
from holdfast.work import WEB

if TYPE_CHECKING:
    from holdfast.guard.guard import Guard
    from holdfast.guard.visitor import Visitor

SIGNING_IN = "guard-signing-in"
"""The cookie between going to the provider and coming back."""
ALL = "/guard/"
SIGN_IN, SIGNED_IN, SIGN_OUT = "/guard/sign-in", "/guard/signed-in", "/guard/sign-out"
GATE, FILES = "/guard/gate/", "/guard/work/"
WIDGET = FILES + "holdfast-work.js"
KINDS: Mapping[str, str] = MappingProxyType(
    {".js": "text/javascript; charset=utf-8", ".wasm": "application/wasm"}
)


def answered(guard: Guard, visitor: Visitor) -> Answer | None:
    """Answer a request to a path of the guard's own. Raises what `Guard.failed` answers."""
    path, method = visitor.request.path, visitor.request.method
    if not path.startswith(ALL):
        return None
    if path.startswith(FILES) and method in ("GET", "HEAD"):
        return _file(path.removeprefix(FILES))
    if path.startswith(GATE) and method == "POST":
        return _asked_now(guard, visitor, path.removeprefix(GATE))
    match (method, path):
        case ("GET", "/guard/sign-in"):
            return _begin(guard, visitor)
        case ("GET", "/guard/signed-in"):
            return _finish(guard, visitor)
        case ("POST", "/guard/sign-out"):
            return _end(guard, visitor)
    raise Refusal(HTTPStatus.NOT_FOUND, "no-such-path")


def _begin(guard: Guard, visitor: Visitor) -> Answer:
    if guard.sign_in is None:
        raise Refusal(HTTPStatus.NOT_FOUND, "no-provider")
    to = leads_on(visitor.request.asked.get("to", "/"))
    if visitor.person is not None:
        return redirect(to)
    at, kept = guard.sign_in.begin(to)
    return redirect(at, Cookie(_signing_in(guard), kept, LIVES_S))


def _finish(guard: Guard, visitor: Visitor) -> Answer:
    if guard.sign_in is None:
        raise Refusal(HTTPStatus.NOT_FOUND, "no-provider")
    kept = visitor.request.cookie(_signing_in(guard))
    done = guard.sign_in.finish(visitor.request.asked, kept)
    name, _ = guard.sessions.make(done.person, done.id_token)
    session = guard.signed_in(visitor, name)
    return redirect(leads_on(done.leads_to), session, Cookie(_signing_in(guard)))


def _end(guard: Guard, visitor: Visitor) -> Answer:
    guard.meant(visitor)
    id_token = visitor.session.id_token if visitor.session else ""
    cookies = guard.end(visitor)
    to = guard.origin + "/"
    if guard.sign_in is not None and visitor.person is not None:
        to = guard.sign_in.end_address(id_token, to)
    return redirect(to, *cookies)


def _signing_in(guard: Guard) -> str:
    return named(SIGNING_IN, secure=guard.secure)


def _asked_now(guard: Guard, visitor: Visitor, action: str) -> Answer:
    """What the widget asks before a form is sent; see docs/widget.md."""
    guard.meant(visitor)
    if guard.costs is None or action not in guard.costs.actions.values():
        raise Refusal(HTTPStatus.NOT_FOUND, "no-such-action")
    asked = guard.costs.gate.ask(guard.attempt(visitor, action))
    return Answer(HTTPStatus.OK, _demand(asked), JSON, (("cache-control", "no-store"),))


def _demand(asked: Asked) -> bytes:
    match asked.way:
        case Demand.FREE:
            return b"{}"
        case Demand.WORK:
            return json.dumps({"puzzle": asked.puzzle}).encode()
        case _:
            return json.dumps({"wait": asked.wait_s}).encode()


def said(why: str, puzzle: str, wait_s: int, token: str) -> bytes:
    """Return for a script why it has to send again, and what with."""
    found: dict[str, object] = {"error": why, "csrf-token": token}
    if puzzle:
        found["puzzle"] = puzzle
    if wait_s:
        found["wait"] = wait_s
    return json.dumps(found).encode()


@cache
def _files() -> Mapping[str, tuple[bytes, str]]:
    return MappingProxyType(
        {
            path.name: (path.read_bytes(), KINDS[path.suffix])
            for path in WEB.iterdir()
            if path.suffix in KINDS
        }
    )


def _file(name: str) -> Answer:
    found = _files().get(name)
    if found is None:
        raise Refusal(HTTPStatus.NOT_FOUND, "no-such-file")
    return Answer(HTTPStatus.OK, found[0], found[1], (("cache-control", "max-age=3600"),))
