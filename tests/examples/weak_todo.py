"""The to-do list, weakened on purpose: each protection taken away alone.

An attack that has never been seen to succeed proves nothing; here each one does.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from traceback import format_exception
from typing import Any

from fastapi import Request
from fastapi.responses import PlainTextResponse
from sqlalchemy import text

from examples.todo_running import Running
from guard.signing import PRIVATE, jwk, key_set
from holdfast.guard import Person
from holdfast.guard.answers import Answer
from holdfast.guard.csrf import Owner, Verdict
from holdfast.guard.keys import Keys
from holdfast.guard.openid import person_of
from holdfast.guard.sessions import key_of
from holdfast.guard.starlette import visitor
from holdfast.guard.visitor import Visitor, Way


def no_csrf(running: Running) -> None:
    """Forms of other sites are taken."""

    def believing(visitor: Visitor, *, always: bool = False) -> None:
        pass

    running.guard._was_meant = believing  # type: ignore[method-assign]


def token_not_compared(running: Running) -> None:
    """Whatever is brought as a token is good."""
    strategy = running.guard.csrf

    def believing(request: Any, owner: Owner, now: float) -> Verdict:
        return Verdict.GOOD if request.field("csrf-token") else Verdict.MISSING

    strategy.judge = believing  # type: ignore[method-assign]


def lasting_sessions(running: Running) -> None:
    """Signing out takes the cookie away, and leaves the session."""
    running.guard.sessions.end = lambda name: None  # type: ignore[method-assign]


def adopted_sessions(running: Running) -> None:
    """A name that a browser brings is a session from then on, whoever made it up."""
    sessions, make = running.guard.sessions, running.guard.sessions.make
    brought: list[str] = []

    def read(name: str) -> Any:
        brought.append(name)
        kept = sessions.store.read(key_of(name), 0)
        return type(sessions).read(sessions, name) if kept else None

    def adopting(person: Person, id_token: str = "") -> Any:
        name, session = make(person, id_token)
        if brought:
            kept = sessions.store.read(key_of(name), session.made)
            assert kept is not None
            sessions.store.make(key_of(brought[-1]), kept, person.sub, session.made + 3_600)
            return brought[-1], session
        return name, session

    sessions.read = read  # type: ignore[method-assign]
    sessions.make = adopting  # type: ignore[method-assign]


def owner_from_the_request(running: Running) -> None:
    """Whose todos are meant is what a parameter says."""

    @running.app.get("/weak/todos")
    def listed(owner: str) -> list[str]:
        with running.engine.connect() as connection:
            found = connection.execute(
                text("SELECT title FROM todo WHERE owner = :o"), {"o": owner}
            )
            return [str(row[0]) for row in found]


def sql_from_text(running: Running) -> None:
    """Words and columns of a request become SQL."""

    @running.app.get("/weak/find")
    def find(request: Request, words: str = "", sort: str = "title") -> list[str]:
        person = visitor(request).person
        assert person is not None
        statement = (
            f"SELECT title FROM todo WHERE owner = '{person.sub}' "  # noqa: S608
            f"AND title LIKE '%{words}%' ORDER BY {sort}"
        )
        with running.engine.connect() as connection:
            return [str(row[0]) for row in connection.exec_driver_sql(statement)]


def errors_shown(running: Running) -> None:
    """A visitor sees what went wrong, as a developer does."""
    failed = running.guard.failed

    def shown(visitor: Visitor, error: Exception) -> Answer:
        return replace(failed(visitor, error), body="".join(format_exception(error)).encode())

    running.guard.failed = shown  # type: ignore[method-assign]

    @running.app.get("/weak/fails")
    def fails() -> None:
        raise RuntimeError("password of the database: hunter2")


def unverified_tokens(running: Running) -> None:
    """A token is believed for what it says."""

    def by_token(request: Any, token: str) -> Visitor:
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        return Visitor(request, person_of(claims, "roles"), Way.TOKEN, claims=claims)

    running.guard._by_token = by_token  # type: ignore[method-assign]


def role_from_the_request(running: Running) -> None:
    """Who says that they have a role has it."""
    recognised = running.guard._recognised

    def claiming(request: Any) -> Visitor:
        found = recognised(request)
        if found.person is not None and request.field("role"):
            roles = found.person.roles | {request.field("role")}
            found.person = Person(found.person.sub, roles=roles)
        return found

    running.guard._recognised = claiming  # type: ignore[method-assign]


def source_served(running: Running) -> None:
    """The folder of the source is what is served."""
    folder = Path(__file__).parents[2] / "examples/todo/todo"

    @running.app.get("/weak/{name}.py")
    def source(name: str) -> PlainTextResponse:
        return PlainTextResponse((folder / f"{name}.py").read_text())


def no_headers(running: Running) -> None:
    """Browsers are told nothing about what pages may do."""
    running.guard.headers_for = lambda visitor: []  # type: ignore[method-assign]


WEAKNESSES: Mapping[str, Callable[[Running], None]] = {
    weakness.__name__: weakness
    for weakness in (
        no_csrf,
        token_not_compared,
        lasting_sessions,
        adopted_sessions,
        owner_from_the_request,
        sql_from_text,
        errors_shown,
        unverified_tokens,
        role_from_the_request,
        source_served,
        no_headers,
    )
}


def weakened(folder: Path, name: str) -> Running:
    """Return a to-do list with one weakness; "" is none."""
    running = Running.in_folder(folder)
    sign_in = running.guard.sign_in
    assert sign_in is not None
    sign_in.keys = Keys(lambda: "keys", lambda address: key_set(*map(jwk, PRIVATE)))
    if name:
        WEAKNESSES[name](running)
    return running
