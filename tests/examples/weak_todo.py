"""The to-do list, weakened on purpose: each protection taken away alone.

An attack that has never been seen to succeed proves nothing; here each one does.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from traceback import format_exception
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from sqlalchemy import text
from starlette.routing import Route

from examples.todo_running import ANN, HERE, Running
from guard.signing import PRIVATE, jwk, key_set
from holdfast.guard import Person
from holdfast.guard.answers import Answer
from holdfast.guard.csrf import Owner, Verdict
from holdfast.guard.keys import Keys
from holdfast.guard.openid import person_of
from holdfast.guard.sessions import key_of
from holdfast.guard.starlette import visitor
from holdfast.guard.visitor import Visitor, Way
from todo.todos import Todos


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

    @running.app.get("/{name}.py")
    def source(name: str) -> PlainTextResponse:
        return PlainTextResponse((folder / f"{name}.py").read_text())


def no_headers(running: Running) -> None:
    """Browsers are told nothing about what pages may do."""
    running.guard.headers_for = lambda visitor: []  # type: ignore[method-assign]


def json_of_any_kind(running: Running) -> None:
    """What a form sends as plain text is read as JSON."""
    no_csrf(running)

    async def add(request: Request) -> Response:
        body = await request.body()
        fields = json.loads(body) if body[:1] == b"{" else dict(parse_qsl(body.decode()))
        person = visitor(request).person
        assert person is not None
        Todos(running.engine, person).add(str(fields.get("title")))
        return RedirectResponse("/", 303)

    running.app.router.routes.insert(0, Route("/todos", add, methods=["POST"]))


def changes_on_get(running: Running) -> None:
    """An address adds a todo."""

    async def add(request: Request) -> Response:
        person = visitor(request).person
        assert person is not None
        Todos(running.engine, person).add(request.query_params["title"])
        return RedirectResponse("/", 303)

    running.app.router.routes.insert(0, Route("/todos", add, methods=["GET"]))


def todos_by_number(running: Running) -> None:
    """Whoever knows the number of a todo sees it."""

    @running.app.get("/weak/todo/{number}")
    def one(number: int) -> list[str]:
        with running.engine.connect() as connection:
            found = connection.execute(text("SELECT title FROM todo WHERE id = :n"), {"n": number})
            return [str(row[0]) for row in found]


def header_believed(running: Running) -> None:
    """A header that a proxy of another team sends says who somebody is."""
    recognised = running.guard._recognised

    def claiming(request: Any) -> Visitor:
        found = recognised(request)
        said = request.headers.get("x-remote-user")
        return Visitor(request, ANN) if said == ANN.sub and found.person is None else found

    running.guard._recognised = claiming  # type: ignore[method-assign]


def numbered_sessions(running: Running) -> None:
    """Sessions are called 1, 2, 3."""
    sessions, read = running.guard.sessions, running.guard.sessions.read

    def by_number(name: str) -> Any:
        return read(sessions.make(ANN)[0]) if name == "1" else read(name)

    sessions.read = by_number  # type: ignore[method-assign]


def own_form(
    running: Running,
    method: str = "post",
    *,
    adopts: bool = False,
    tells: bool = False,
    slow: bool = False,
    repeats: bool = False,
    common: bool = False,
    limit: int | None = 10,
) -> None:
    """A sign-in form of the application's own; without arguments it is a sound one."""
    passwords = {"ann@example.org": PASSWORD, **({"admin": "letmein"} if common else {})}
    failures: Counter[str] = Counter()

    def shown(request: Request, wrong: str = "", status: int = 200) -> HTMLResponse:
        field = visitor(request).csrf_field
        answer = HTMLResponse(
            f'<form method="{method}" action="/weak/sign-in">{field}'
            f'<input name="name"><input type="password" name="password"></form><p>{wrong}</p>',
            status,
        )
        if adopts and "guard-session" not in request.cookies:
            answer.set_cookie("guard-session", "B" * 43)
        return answer

    async def page(request: Request) -> Response:
        if request.method == "GET" and "password" not in request.query_params:
            return shown(request)
        body = dict(parse_qsl((await request.body()).decode()))
        said = {**request.query_params, **body}
        name, password = said["name"], said["password"]
        if limit is not None and failures[name] >= limit:
            return shown(request, "Wait a while.", 429)
        known = passwords.get(name)
        if slow and known:
            time.sleep(0.06)
        if known is None or password != known:
            failures[name] += 1
            wrong = "There is no such account." if tells and not known else "That is not right."
            return shown(request, f"{wrong} {password if repeats else ''}", 422)
        sessions = running.guard.sessions
        made, session = sessions.make(ANN)
        answer = RedirectResponse("/", 303)
        brought = request.cookies.get("guard-session")
        if adopts and brought:
            kept = sessions.store.read(key_of(made), session.made)
            assert kept is not None
            sessions.store.make(key_of(brought), kept, ANN.sub, session.made + 3_600)
            return answer
        answer.set_cookie("guard-session", made, httponly=True, secure=True, samesite="lax")
        return answer

    running.app.router.routes.insert(0, Route("/weak/sign-in", page, methods=["GET", "POST"]))


def form_that_adopts(running: Running) -> None:
    """Signing in keeps the name of the session that was there before."""
    own_form(running, adopts=True)


def sessions_for_everybody(running: Running) -> None:
    """Everybody gets a session, and keeps the name that they bring."""

    def given(visitor: Visitor, answer: Answer | None = None) -> list[str]:
        brought = "guard-session" in (visitor.request.headers.get("cookie") or "")
        return [] if brought else [f"guard-session={secrets.token_urlsafe(32)}"]

    running.guard.cookie_headers = given  # type: ignore[method-assign]


def form_that_tells(running: Running) -> None:
    """A wrong password is answered otherwise where there is no account."""
    own_form(running, tells=True)


def form_that_is_slow(running: Running) -> None:
    """A password is hashed only where there is an account."""
    own_form(running, slow=True)


def form_in_the_address(running: Running) -> None:
    """The form sends what was typed as part of the address."""
    own_form(running, method="get")


def form_that_repeats(running: Running) -> None:
    """The page after a wrong password shows it."""
    own_form(running, repeats=True)


def form_without_limit(running: Running) -> None:
    """Guess as often as you like."""
    own_form(running, limit=None)


def form_with_admin(running: Running) -> None:
    """The first account is still there, with its first password."""
    own_form(running, common=True, limit=None)


def everything_served(running: Running) -> None:
    """The folder above is served too, with whatever lies there."""
    files = {
        "/.git/HEAD": "ref: refs/heads/main\n",
        "/.env": "DATABASE_PASSWORD=hunter2\n",
        "/server-status": "<h1>Apache Server Status for todo</h1>",
    }

    async def served(request: Request) -> Response:
        return PlainTextResponse(files[request.url.path])

    async def listed(request: Request) -> Response:
        return HTMLResponse("<title>Index of /static</title>")

    async def climbed(request: Request) -> Response:
        path = Path("/srv/static") / request.path_params["path"]
        return PlainTextResponse(Path(os.path.normpath(path)).read_text())

    routes = [Route(path, served) for path in files]
    routes += [Route("/static/", listed), Route("/static/{path:path}", climbed)]
    running.app.router.routes[:0] = routes


def bare_cookies(running: Running) -> None:
    """A cookie may be read by scripts and goes over plain connections."""

    @running.app.middleware("http")
    async def given(request: Request, go_on: Any) -> Response:
        answer: Response = await go_on(request)
        answer.headers.append("set-cookie", "theme=dark; Path=/")
        return answer


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
        json_of_any_kind,
        changes_on_get,
        todos_by_number,
        header_believed,
        numbered_sessions,
        own_form,
        form_that_adopts,
        sessions_for_everybody,
        form_that_tells,
        form_that_is_slow,
        form_in_the_address,
        form_that_repeats,
        form_without_limit,
        form_with_admin,
        everything_served,
        bare_cookies,
    )
}
"""By name; `own_form` is none: it gives the sound list a form that passwords are tried at."""
PASSWORD = "a long one, of a throw-away person"


def weakened(folder: Path, name: str, origin: str = HERE) -> Running:
    """Return a to-do list with one weakness; "" is none."""
    running = Running.in_folder(folder, origin)
    sign_in = running.guard.sign_in
    assert sign_in is not None
    sign_in.keys = Keys(lambda: "keys", lambda address: key_set(*map(jwk, PRIVATE)))
    if name:
        WEAKNESSES[name](running)
    return running
