"""The same small application in three frameworks, asked the same: run as a process of its own.

`python -m guard.adapted` prints, for each framework and way, what each request was answered.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from guard.signing import CLIENT, ISSUER, PRIVATE, jwk, key_set, token
from holdfast.guard import Guard, Person, Provider, Sessions
from holdfast.guard.asgi import GuardedAsgi
from holdfast.guard.sessions import Memory
from holdfast.guard.wsgi import GuardedWsgi

HERE, SECRET = "https://todo.example.com", "the inside of the application"
NAMES = {"ann": "n" * 43, "bob": "b" * 43}
PEOPLE = {"ann": Person("ann", "Ann", roles=frozenset({"WRITER"})), "bob": Person("bob")}


def fetched(address: str) -> bytes:
    if address.endswith("/keys"):
        return key_set(*map(jwk, PRIVATE))
    ends = ("authorization_endpoint", "token_endpoint")
    told = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys", **dict.fromkeys(ends, f"{ISSUER}/x")}
    return json.dumps(told).encode()


def guard() -> Guard:
    return Guard(
        HERE,
        b"k" * 32,
        Sessions(Memory()),
        provider=Provider(ISSUER, CLIENT, fetch=fetched),
        proxies=1,
    )


# The application: a page, a form, a role, and everything that can go wrong in a view.


def in_starlette(guarded: Guard) -> Any:
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse, Response, StreamingResponse
    from starlette.routing import Route

    from holdfast.guard.starlette import mount, require, visitor

    def page(request: Request) -> Response:
        return PlainTextResponse(f"{who(visitor(request))} {visitor(request).request.address}")

    async def form(request: Request) -> Response:
        body = await request.body()
        return PlainTextResponse(body, headers={"server": "secret/1.0"})

    def writers(request: Request) -> Response:
        return PlainTextResponse(require("WRITER")(request).sub)

    async def members(request: Request) -> Response:
        return PlainTextResponse(require()(request).sub)

    def token_page(request: Request) -> Response:
        return PlainTextResponse(visitor(request).csrf_token[:0] + visitor(request).nonce[:0] + "x")

    def raises(request: Request) -> Response:
        raise RuntimeError(SECRET)

    async def raises_async(request: Request) -> Response:
        raise RuntimeError(SECRET)

    def answers_500(request: Request) -> Response:
        return PlainTextResponse(SECRET, 503)

    def missing(request: Request) -> Response:
        raise HTTPException(404, "not there")

    def own(request: Request) -> Response:
        return PlainTextResponse("x", headers={"X-Frame-Options": "SAMEORIGIN"})

    def streams(request: Request) -> Response:
        def parts() -> Any:
            yield from (int(SECRET) for _ in range(1))

        return StreamingResponse(parts())

    app = Starlette(
        routes=[
            Route("/", page),
            Route("/form", form, methods=["POST", "PUT"]),
            Route("/writers", writers),
            Route("/members", members),
            Route("/token", token_page),
            Route("/raises", raises),
            Route("/raises-async", raises_async),
            Route("/answers-500", answers_500),
            Route("/missing", missing),
            Route("/own", own),
        ]
    )
    mount(app, guarded)
    return app


def in_flask(guarded: Guard) -> Any:
    import flask

    from holdfast.guard.flask import mount, require, visitor

    app = flask.Flask(__name__)

    @app.get("/")
    def page() -> str:
        return f"{who(visitor())} {visitor().request.address}"

    @app.route("/form", methods=["POST", "PUT"])
    def form() -> Any:
        return flask.request.get_data(), {"server": "secret/1.0"}

    @app.get("/writers")
    @require("WRITER")
    def writers() -> str:
        return required_sub()

    @app.get("/members")
    @require()
    async def members() -> str:
        return required_sub()

    def required_sub() -> str:
        person = visitor().person
        assert person is not None
        return person.sub

    @app.get("/token")
    def token_page() -> str:
        return visitor().csrf_token[:0] + visitor().nonce[:0] + "x"

    @app.get("/raises")
    def raises() -> str:
        raise RuntimeError(SECRET)

    @app.get("/raises-async")
    async def raises_async() -> str:
        raise RuntimeError(SECRET)

    @app.get("/answers-500")
    def answers_500() -> Any:
        return SECRET, 503

    @app.get("/missing")
    def missing() -> str:
        flask.abort(404)

    @app.get("/own")
    def own() -> Any:
        return "x", {"X-Frame-Options": "SAMEORIGIN"}

    mount(app, guarded)
    return app


def django_views() -> list[Any]:
    from django.http import Http404, HttpRequest, HttpResponse
    from django.urls import path

    from holdfast.guard.django import require, visitor

    def page(request: HttpRequest) -> HttpResponse:
        return HttpResponse(f"{who(visitor(request))} {visitor(request).request.address}")

    def form(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request.body, headers={"server": "secret/1.0"})

    @require("WRITER")
    def writers(request: HttpRequest) -> HttpResponse:
        return HttpResponse(sub(request))

    @require()
    async def members(request: HttpRequest) -> HttpResponse:
        return HttpResponse(sub(request))

    def sub(request: HttpRequest) -> str:
        person = visitor(request).person
        assert person is not None
        return person.sub

    def token_page(request: HttpRequest) -> HttpResponse:
        return HttpResponse(visitor(request).csrf_token[:0] + visitor(request).nonce[:0] + "x")

    def raises(request: HttpRequest) -> HttpResponse:
        raise RuntimeError(SECRET)

    async def raises_async(request: HttpRequest) -> HttpResponse:
        raise RuntimeError(SECRET)

    def answers_500(request: HttpRequest) -> HttpResponse:
        return HttpResponse(SECRET, status=503)

    def missing(request: HttpRequest) -> HttpResponse:
        raise Http404

    def own(request: HttpRequest) -> HttpResponse:
        return HttpResponse("x", headers={"X-Frame-Options": "SAMEORIGIN"})

    views: dict[str, Any] = {
        "": page,
        "form": form,
        "writers": writers,
        "members": members,
        "token": token_page,
        "raises": raises,
        "raises-async": raises_async,
        "answers-500": answers_500,
        "missing": missing,
        "own": own,
    }
    return [path(name, view) for name, view in views.items()]


def set_up_django() -> None:
    import types

    import django
    from django.conf import settings

    urls = types.ModuleType("guard_adapted_urls")
    sys.modules["guard_adapted_urls"] = urls
    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="guard_adapted_urls",
        MIDDLEWARE=["holdfast.guard.django.Raised"],
        SECRET_KEY="only for this test",
        DEBUG=True,  # its pages of errors tell most
        LOGGING_CONFIG=None,
        DATABASES={},
    )
    django.setup()
    urls.urlpatterns = django_views()  # type: ignore[attr-defined]


def who(visitor: Any) -> str:
    return "nobody" if visitor.person is None else f"{visitor.person.sub} by {visitor.way}"


# What is asked


def cookie(name: str) -> dict[str, str]:
    return {"cookie": f"__Host-guard-session={NAMES[name]}"}


PAGE = {"accept": "text/html"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
BEARER = {"authorization": f"Bearer {token(sub='zoe', roles=['WRITER'])}"}
ROLELESS = {"authorization": f"Bearer {token(sub='zoe', roles=[])}"}
BAD = {"authorization": f"Bearer {token(exp=1)}"}
PATHS = ("/writers", "/members", "/raises", "/raises-async", "/answers-500", "/missing", "/own")
CALLERS: Mapping[str, Mapping[str, str]] = {
    "nobody": {},
    "ann": cookie("ann"),
    "bob": cookie("bob"),
    "bearer": BEARER,
    "roleless": ROLELESS,
    "bad": BAD,
}
Ask = tuple[str, str, dict[str, str], str]


def requests() -> dict[str, Ask]:
    """Every request by its name: method, path, headers, body."""
    asked: dict[str, Ask] = {}
    for caller, headers in CALLERS.items():
        asked[f"{caller} sees the page"] = ("GET", "/", {**headers}, "")
        for path in PATHS:
            asked[f"{caller} gets {path}"] = ("GET", path, {**headers}, "")
        asked[f"{caller} opens /writers"] = ("GET", "/writers", {**headers, **PAGE}, "")
        asked[f"{caller} posts"] = ("POST", "/form", {**headers, **FORM}, "a=1&b=%C3%A9")
        asked[f"{caller} posts text"] = (
            "POST",
            "/form",
            {**headers, "content-type": "text/plain"},
            "{}",
        )
        stale = {**headers, **FORM, **PAGE}
        asked[f"{caller} posts a stale one"] = ("POST", "/form", stale, "csrf-token=x&a=%3Cb%3E")
        elsewhere = {**headers, **FORM, "origin": "https://evil.example"}
        asked[f"{caller} posts from elsewhere"] = ("POST", "/form", elsewhere, "csrf-token=x")
        asked[f"{caller} puts"] = (
            "PUT",
            "/form",
            {**headers, "content-type": "application/json"},
            "{}",
        )
    asked["a page that fails"] = ("GET", "/raises", {**PAGE}, "")
    asked["a page that fails, head only"] = ("HEAD", "/raises", {**PAGE}, "")
    asked["the head of a page"] = ("HEAD", "/", {}, "")
    asked["a page with a form"] = ("GET", "/token", {}, "")
    asked["another host"] = ("GET", "/", {"host": "evil.example"}, "")
    asked["a host twice"] = ("GET", "/", {"host": "todo.example.com,todo.example.com"}, "")
    asked["trace"] = ("TRACE", "/", {}, "")
    asked["a path that leads away"] = ("GET", "//evil.example/writers", {**PAGE}, "")
    asked["a forwarded address"] = ("GET", "/", {"x-forwarded-for": "6.6.6.6, 203.0.113.9"}, "")
    asked["nothing there"] = ("GET", "/nowhere", {}, "")
    asked["a file of the widget"] = ("GET", "/guard/work/holdfast-work.js", {}, "")
    asked["no file of the widget"] = ("GET", "/guard/work/..%2f..%2fpyproject.toml", {}, "")
    asked["sign-out without a token"] = (
        "POST",
        "/guard/sign-out",
        {**FORM, **cookie("bob")},
        "x=1",
    )
    asked["a form too long"] = ("POST", "/form", {**FORM, **cookie("ann")}, "a" * 1_100_000)
    multipart = {"content-type": "multipart/form-data; boundary=b", **cookie("ann")}
    asked["a broken form"] = ("POST", "/form", multipart, "--b\r\nnonsense")
    return asked


def prepared(guarded: Guard) -> None:
    """Ann and Bob are signed in, under the names that the requests bring."""
    from holdfast.guard.sessions import key_of

    for name, cookie_name in NAMES.items():
        made, session = guarded.sessions.make(PEOPLE[name])
        kept = guarded.sessions.store.read(key_of(made), session.made)
        assert kept is not None
        guarded.sessions.store.make(key_of(cookie_name), kept, name, session.made + 3_600)


def told(answer: httpx.Response) -> dict[str, Any]:
    """What is compared: numbers and nonces are made anew each time."""
    return {
        "status": answer.status_code,
        "headers": sorted(
            [name, value if name != "content-security-policy" else value.split("'nonce-")[0]]
            for name, value in answer.headers.multi_items()
            if name not in ("content-length", "content-type", "date", "allow")
            and not (name == "set-cookie" and "visitor=" in value)
        ),
        "sets": sorted(one.split("=")[0] for one in answer.headers.get_list("set-cookie")),
        "body": answer.text,
    }


def asked_of(transport: httpx.BaseTransport, guarded: Guard) -> dict[str, Any]:
    with httpx.Client(transport=transport, base_url=HERE) as client:
        found = {}
        for name, (method, path, headers, body) in requests().items():
            request = client.build_request(
                method,
                httpx.URL(HERE).copy_with(raw_path=path.encode()),
                headers=headers,
                content=body,
            )
            prepared(guarded)
            found[name] = told(client.send(request))
            client.cookies.clear()
        return found


async def asked_of_asgi(app: Any, guarded: Guard) -> dict[str, Any]:
    transport = httpx.ASGITransport(app=app, client=("192.0.2.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
        found = {}
        for name, (method, path, headers, body) in requests().items():
            request = client.build_request(
                method,
                httpx.URL(HERE).copy_with(raw_path=path.encode()),
                headers=headers,
                content=body,
            )
            prepared(guarded)
            found[name] = told(await client.send(request))
            client.cookies.clear()
        return found


def starlette() -> dict[str, Any]:
    guarded = guard()
    return asyncio.run(asked_of_asgi(in_starlette(guarded), guarded))


def flask() -> dict[str, Any]:
    guarded = guard()
    return asked_of(httpx.WSGITransport(app=in_flask(guarded), remote_addr="192.0.2.1"), guarded)


def django_wsgi() -> dict[str, Any]:
    from django.core.wsgi import get_wsgi_application

    guarded = guard()
    app = GuardedWsgi(get_wsgi_application(), guarded)
    return asked_of(httpx.WSGITransport(app=app, remote_addr="192.0.2.1"), guarded)


def django_asgi() -> dict[str, Any]:
    from django.core.asgi import get_asgi_application

    guarded = guard()
    return asyncio.run(asked_of_asgi(GuardedAsgi(get_asgi_application(), guarded), guarded))


FRAMEWORKS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "starlette": starlette,
    "flask": flask,
    "django, WSGI": django_wsgi,
    "django, ASGI": django_asgi,
}

if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    set_up_django()
    json.dump({name: run() for name, run in FRAMEWORKS.items()}, sys.stdout)
