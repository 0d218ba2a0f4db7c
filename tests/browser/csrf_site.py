"""A small application that keeps notes, with one defence against forged requests or none; and the
pages of somebody who forges them, on another site and on a sub-domain."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from accounts.service import free_port
from holdfast.guard import Guard, Person, Sessions
from holdfast.guard.csrf import CookieAndField, ReadableCookie, SessionToken, Stateless, Strategy
from holdfast.guard.sessions import Memory
from holdfast.guard.starlette import mount, visitor

KEY = b"k" * 32
STRATEGIES: Mapping[str, Callable[[], Strategy]] = {
    "session token": SessionToken,
    "readable cookie": lambda: ReadableCookie(KEY, secure=False),
    "cookie and field": lambda: CookieAndField(KEY, secure=False),
    "stateless": lambda: Stateless(KEY),
}
NONE = "none"
STARTS_WITHIN_S = 20.0


@dataclass
class Site:
    """The application as it runs, and what has been noted in it."""

    port: int
    guard: Guard | None
    notes: list[str] = field(default_factory=list)
    handled: list[str] = field(default_factory=list)
    """The paths of requests that have been answered."""

    @property
    def origin(self) -> str:
        return f"http://app.localhost:{self.port}"

    def session(self, sub: str) -> str:
        """The name of a new session of somebody."""
        assert self.guard is not None
        return self.guard.sessions.make(Person(sub))[0]


def site_with(name: str) -> tuple[Site, Any]:
    """Return the application with the defence of this name."""
    site = Site(free_port(), None)
    if name != NONE:
        site.guard = Guard(site.origin, KEY, Sessions(Memory()), csrf=STRATEGIES[name]())

    def who(connection: HTTPConnection) -> str:
        if site.guard is None:
            return connection.cookies.get("weak", "")
        person = visitor(connection).person
        return person.sub if person else ""

    def page(request: Request) -> Response:
        hidden = script = ""
        if site.guard is not None:
            there = visitor(request)
            hidden = there.csrf_field
            if name == "readable cookie":
                _ = there.csrf_token
                script = f'<script nonce="{there.nonce}">{BY_SCRIPT}</script>'
        body = (
            f"<h1>Notes of {escape(who(request)) or 'nobody'}</h1>"
            f'<form method="post" action="/note">{hidden}<textarea name="text"></textarea>'
            f"<button>Add</button></form><ul>{''.join(f'<li>{escape(n)}</li>' for n in site.notes)}"
            f"</ul>{script}"
        )
        return HTMLResponse(f'<!doctype html><meta charset="utf-8"><body>{body}')

    async def note(request: Request) -> Response:
        if request.method == "GET" and site.guard is not None:
            return Response(status_code=405)
        sent = request.query_params if request.method == "GET" else await request.form()
        return added(request, str(sent.get("text", "")))

    async def by_json(request: Request) -> Response:
        return added(request, str(json.loads(await request.body())["text"]))

    def added(request: Request, text: str) -> Response:
        if not who(request):
            return Response(status_code=401)
        site.notes.append(text)
        return RedirectResponse("/", 303)

    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        text = await websocket.receive_text()
        if who(websocket):
            site.notes.append(text)
        await websocket.close()

    def weak_sign_in(request: Request) -> Response:
        answer = RedirectResponse("/", 303)
        if site.guard is None:
            answer.set_cookie("weak", "ann", samesite="none", secure=True)
        return answer

    app = Starlette(
        routes=[
            Route("/", page),
            Route("/note", note, methods=["GET", "POST"]),
            Route("/json", by_json, methods=["POST"]),
            Route("/weak-sign-in", weak_sign_in),
            WebSocketRoute("/socket", socket),
        ]
    )
    if site.guard is not None:
        mount(app, site.guard)

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        site.handled.append(scope["path"])

    return site, counted


BY_SCRIPT = """
document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const token = document.cookie.match(/guard-csrf=([^;]*)/)?.[1] ?? "";
  const answer = await fetch("/note", {
    method: "POST", headers: {"X-CSRF-Token": token},
    body: new URLSearchParams(new FormData(event.target)),
  });
  document.title = String(answer.status);
});
"""


# The pages of the attacker


def form(target: str, fields: Mapping[str, str], more: str = "", send: str = "") -> str:
    inputs = "".join(
        f'<input name="{escape(name)}" value="{escape(value)}">' for name, value in fields.items()
    )
    send = send or "<script>document.forms[0].submit()</script>"
    return f'<form method="post" action="{target}/note" {more}>{inputs}</form>{send}'


def text_plain_form(target: str, mark: str) -> str:
    name = escape(json.dumps({"text": mark})[:-1] + ', "x": "')
    return (
        f'<form method="post" action="{target}/json" enctype="text/plain">'
        f'<input name="{name}" value=\'"}}\'></form><script>document.forms[0].submit()</script>'
    )


def attack(name: str, target: str, mark: str, token: str, cookies: list[str]) -> str:
    """Return a page that has a browser send a mark to the application."""
    plain = {"text": mark}
    body = json.dumps({"text": mark})
    planted = "".join(
        f"<script>document.cookie={json.dumps(f'{cookie}; domain=app.localhost; path=/')}</script>"
        for cookie in cookies
    )
    sandboxed = escape(form(target, {**plain, "csrf-token": token}))
    pages = {
        "hidden form": form(target, plain),
        "hidden form with a token of one's own": form(target, {**plain, "csrf-token": token}),
        "hidden form in a frame": f'<iframe name="f"></iframe>{form(target, plain, "target=f")}',
        "form in a new window": form(target, plain, 'target="_blank"'),
        "image": f'<img src="{target}/note?text={mark}">',
        "prefetch": f'<link rel="prefetch" href="{target}/note?text={mark}">',
        "JSON as text": (
            f"<script>fetch({json.dumps(target + '/json')}, {{method: 'POST', mode: 'no-cors', "
            f"credentials: 'include', headers: {{'content-type': 'text/plain'}}, "
            f"body: {json.dumps(body)}}})</script>"
        ),
        "JSON by a form": text_plain_form(target, mark),
        "beacon": (
            f"<script>navigator.sendBeacon({json.dumps(target + '/json')}, {json.dumps(body)})"
            "</script>"
        ),
        "no origin": f'<iframe sandbox="allow-scripts allow-forms" srcdoc="{sandboxed}"></iframe>',
        "planted cookie": planted + form(target, {**plain, "csrf-token": token}),
        "socket": (
            f"<script>const s = new WebSocket({json.dumps(target.replace('http', 'ws'))} + "
            f"'/socket'); s.onopen = () => s.send({json.dumps(mark)})</script>"
        ),
        "frame": f'<iframe src="{target}/"></iframe>',
    }
    return f'<!doctype html><meta charset="utf-8"><body>{pages[name]}'


ATTACKS = (
    "hidden form",
    "hidden form with a token of one's own",
    "hidden form in a frame",
    "form in a new window",
    "image",
    "prefetch",
    "JSON as text",
    "JSON by a form",
    "beacon",
    "no origin",
    "planted cookie",
    "socket",
)


def attacker() -> Starlette:
    """Return the server of the attacker's pages: what is asked for stands in the query."""

    def page(request: Request) -> Response:
        asked = parse_qs(request.url.query)
        one = {name: values[0] for name, values in asked.items()}
        cookies = asked.get("cookie", [])
        text = attack(one["attack"], one["target"], one["mark"], one.get("token", ""), cookies)
        return HTMLResponse(text)

    def there(request: Request) -> Response:
        return JSONResponse({})

    return Starlette(routes=[Route("/", page), Route("/there", there)])


@contextmanager
def running(app: Any, port: int) -> Iterator[None]:
    """Serve an application on loopback until the end of the block."""
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + STARTS_WITHIN_S
    while not server.started:
        assert time.monotonic() < deadline, "the server does not start"
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(STARTS_WITHIN_S)
