"""The guard in front of an ASGI application: Starlette, FastAPI, Django, Quart, Litestar."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import replace
from typing import Any

from holdfast.guard import forms
from holdfast.guard.addresses import client
from holdfast.guard.answers import Answer, Refusal
from holdfast.guard.guard import Guard
from holdfast.guard.headers import TELLING
from holdfast.guard.request import Request
from holdfast.guard.visitor import Visitor

KEY = "holdfast"
"""Where the visitor stands in the scope that the application gets."""
Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[..., Awaitable[None]]
"""Of scope, receive and send; frameworks write their types each in their own way."""
_REFUSED_SOCKET = 1008


class GuardedAsgi:
    """An ASGI application with the guard in front. A middleware by its shape."""

    def __init__(self, app: App, guard: Guard) -> None:
        self._app, self._guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        guard = self._guard
        request = request_of(scope, guard.proxies)
        try:
            request, receive = await self._with_form(request, receive)
        except Refusal as error:
            visitor = Visitor(request)
            await self._answer(send, visitor, guard.failed(visitor, error))
            return
        if guard.waits(request):
            arrived = await asyncio.to_thread(guard.arrive, request)
        else:
            arrived = guard.arrive(request)
        visitor = arrived.visitor
        if arrived.answer is not None:
            await self._answer(send, visitor, arrived.answer)
        else:
            await self._let_in(visitor, {**scope, KEY: visitor}, receive, send)

    async def _let_in(self, visitor: Visitor, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application; its own errors are seen by nobody but the log."""
        guard, began, hidden = self._guard, False, False

        async def with_headers(message: Message) -> None:
            nonlocal began, hidden
            if message["type"] == "http.response.start":
                began = True
                if message["status"] >= 500:
                    hidden = True
                    await self._answer(send, visitor, guard.hidden(visitor, message["status"]))
                    return
                headers = list(message.get("headers", ()))
                message = {**message, "headers": self._laid_over(headers, visitor)}
            if not hidden:
                await send(message)

        try:
            await self._app(scope, receive, with_headers)
        except Exception as error:
            answer = guard.failed(visitor, error)  # it is in the log, whatever can be sent
            if hidden:
                return
            if began:
                raise
            await self._answer(send, visitor, answer)

    async def _answer(self, send: Send, visitor: Visitor, answer: Answer) -> None:
        headers = [
            (b"content-type", answer.kind.encode()),
            (b"content-length", str(len(answer.body)).encode()),
            *((name.encode(), value.encode("latin-1")) for name, value in answer.headers),
        ]
        headers = self._laid_over(headers, visitor, answer)
        await send(
            {"type": "http.response.start", "status": int(answer.status), "headers": headers}
        )
        body = b"" if visitor.request.method == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})

    def _laid_over(
        self,
        headers: list[tuple[bytes, bytes]],
        visitor: Visitor,
        answer: Answer | None = None,
    ) -> list[tuple[bytes, bytes]]:
        names = {name.lower() for name, _ in headers}
        kept = [pair for pair in headers if pair[0].lower().decode("latin-1") not in TELLING]
        for name, value in self._guard.headers_for(visitor):
            if name.encode() not in names:
                kept.append((name.encode(), value.encode()))
        for value in self._guard.cookie_headers(visitor, answer):
            kept.append((b"set-cookie", value.encode()))
        return kept

    async def _with_form(self, request: Request, receive: Receive) -> tuple[Request, Receive]:
        if not forms.is_read(request, costly=self._guard.asks_work(request)):
            return request, receive
        if forms.too_long(length_of(request)):
            raise forms.refusal()
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise forms.cut_short()
            body += message.get("body", b"")
            if forms.too_long(len(body)):
                raise forms.refusal()
            if not message.get("more_body", False):
                break
        fields, files = forms.fields_of(request, bytes(body))
        return replace(request, fields=fields, files=files), _again(bytes(body), receive)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A socket is opened by our own pages or with a bearer token, by nobody else."""
        guard = self._guard
        request = request_of({**scope, "method": "GET"}, guard.proxies)
        arrived = await asyncio.to_thread(guard.arrive_socket, request)
        if arrived.answer is None:
            try:
                await self._app({**scope, KEY: arrived.visitor}, receive, send)
                return
            except Refusal as error:
                guard.failed(arrived.visitor, error)
        await receive()
        await send({"type": "websocket.close", "code": _REFUSED_SOCKET})


def request_of(scope: Scope, proxies: int) -> Request:
    """Return the request of an HTTP scope."""
    headers = _headers(scope["headers"])
    peer = scope.get("client")
    address = client(peer[0] if peer else "", headers.get("x-forwarded-for", ""), proxies)
    path, query = scope["path"], scope.get("query_string", b"").decode("latin-1")
    return Request(scope["method"].upper(), path, query, headers, address)


def length_of(request: Request) -> int | None:
    """Return how long a request says that its body is."""
    said = request.headers.get("content-length", "")
    return int(said) if said.isdecimal() and len(said) < 16 else None


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in found:
            value = found[name] + ("; " if name == "cookie" else ", ") + value
        found[name] = value
    return found


def _again(body: bytes, receive: Receive) -> Receive:
    """Return a receive that gives a body once more, and then what comes after it."""
    given = False

    async def once_more() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once_more
