"""The guard in front of a WSGI application: Flask, Django, Bottle, Pyramid."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from http import HTTPStatus
from types import TracebackType
from typing import Any, Protocol

from holdfast.guard import forms
from holdfast.guard.addresses import client
from holdfast.guard.answers import Answer, Refusal
from holdfast.guard.guard import Guard
from holdfast.guard.headers import TELLING
from holdfast.guard.request import Request
from holdfast.guard.visitor import Visitor

KEY = "holdfast"
"""Where the visitor stands in the environ that the application gets."""
Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Trouble = tuple[type[BaseException], BaseException, TracebackType]


class Start(Protocol):
    """What an application calls before its body (PEP 3333)."""

    def __call__(
        self, status: str, headers: Headers, trouble: Trouble | None = None, /
    ) -> Callable[[bytes], object]: ...


App = Callable[..., Iterable[bytes]]
"""Of environ and start; frameworks write their types each in their own way."""


class GuardedWsgi:
    """A WSGI application with the guard in front. A middleware by its shape."""

    def __init__(self, app: App, guard: Guard) -> None:
        self._app, self._guard = app, guard

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        guard = self._guard
        request = request_of(environ, guard.proxies)
        try:
            request = self._with_form(request, environ)
        except Refusal as error:
            visitor = Visitor(request)
            return self.answer(start, visitor, guard.failed(visitor, error))
        arrived = guard.arrive(request)
        if arrived.answer is not None:
            return self.answer(start, arrived.visitor, arrived.answer)
        environ[KEY] = arrived.visitor
        return self._let_in(arrived.visitor, environ, start)

    def _let_in(self, visitor: Visitor, environ: Environ, start: Start) -> Iterable[bytes]:
        """Call the application; its own errors are seen by nobody but the log."""
        told = _Told(self, start, visitor)
        try:
            body = self._app(environ, told.start)
        except Exception as error:
            answer = self._guard.failed(visitor, error)
            if told.is_out:
                raise
            return self.answer(start, visitor, answer)
        return _Body(told.body(body), body)

    def answer(self, start: Start, visitor: Visitor, answer: Answer) -> Iterable[bytes]:
        headers = [
            ("content-type", answer.kind),
            ("content-length", str(len(answer.body))),
            *answer.headers,
        ]
        line = f"{int(answer.status)} {HTTPStatus(answer.status).phrase}"
        start(line, self.laid_over(headers, visitor, answer))
        return [] if visitor.request.method == "HEAD" else [answer.body]

    def laid_over(
        self, headers: Headers, visitor: Visitor, answer: Answer | None = None
    ) -> Headers:
        names = {name.lower() for name, _ in headers}
        kept = [pair for pair in headers if pair[0].lower() not in TELLING]
        kept += [pair for pair in self._guard.headers_for(visitor) if pair[0] not in names]
        kept += [("set-cookie", value) for value in self._guard.cookie_headers(visitor, answer)]
        return kept

    def hidden(self, start: Start, visitor: Visitor, status: int) -> Iterable[bytes]:
        return self.answer(start, visitor, self._guard.hidden(visitor, status))

    def failed(self, visitor: Visitor, error: Exception) -> Answer:
        """Return the answer for an exception; it is in the log, whatever can be sent."""
        return self._guard.failed(visitor, error)

    def _with_form(self, request: Request, environ: Environ) -> Request:
        if not forms.is_read(request, costly=self._guard.asks_work(request)):
            return request
        said = request.headers.get("content-length", "")
        length = int(said) if said.isdecimal() and len(said) < 16 else None
        if forms.too_long(length):
            raise forms.refusal()
        body = _read(environ, length)
        if forms.too_long(len(body)):
            raise forms.refusal()
        if len(body) < (length or 0):
            raise forms.cut_short()
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        fields, files = forms.fields_of(request, body)
        return replace(request, fields=fields, files=files)


def _read(environ: Environ, length: int | None) -> bytes:
    """Read a body; of one whose length is not told only where the server says where it ends."""
    if length is None and not environ.get("wsgi.input_terminated"):
        return b""  # to read on would be to wait for what never comes
    body: bytes = environ["wsgi.input"].read(forms.MOST_BYTES + 1 if length is None else length)
    return body


class _Body:
    """A body that is closed even where the server never asks for any of it (PEP 3333)."""

    def __init__(self, parts: Generator[bytes, None, None], whole: Iterable[bytes]) -> None:
        self._parts, self._whole = parts, whole

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        self._parts.close()
        close = getattr(self._whole, "close", None)
        if close is not None:
            close()


class _Told:
    """What an application tells the server, held back until its first bytes are there.

    Only then is known whether the page is an error that nobody is to see.
    """

    def __init__(self, guarded: GuardedWsgi, start: Start, visitor: Visitor) -> None:
        self._guarded, self._start, self._visitor = guarded, start, visitor
        self._line, self._headers = "", Headers()
        self._trouble: Trouble | None = None
        self.is_out = False

    def start(
        self, status: str, headers: Headers, trouble: Trouble | None = None, /
    ) -> Callable[[bytes], object]:
        if trouble and self.is_out:
            raise trouble[1].with_traceback(trouble[2])  # PEP 3333: too late to say it another way
        self._line, self._headers, self._trouble = status, headers, trouble
        return self._write

    def body(self, parts: Iterable[bytes]) -> Generator[bytes, None, None]:
        """Pass on what the application yields."""
        rest = iter(parts)
        try:
            first = self._first(rest)
            if self._hides():
                yield from self._guarded.hidden(self._start, self._visitor, self._status())
                return
            self._out()
            yield first
            yield from rest
        except Exception as error:
            answer = self._guarded.failed(self._visitor, error)
            if self.is_out:
                raise
            yield from self._guarded.answer(self._start, self._visitor, answer)

    def _first(self, rest: Iterator[bytes]) -> bytes:
        """A generator may tell its status only when it is asked for something."""
        return next((part for part in rest if part), b"")

    def _write(self, part: bytes) -> object:
        if self._hides():
            return None
        self._out()
        return self._writes(part)

    def _out(self) -> None:
        if not self.is_out:
            self.is_out = True
            headers = self._guarded.laid_over(self._headers, self._visitor)
            self._writes = self._start(self._line, headers, self._trouble)

    def _hides(self) -> bool:
        return not self.is_out and self._status() >= 500

    def _status(self) -> int:
        return int(self._line[:3])


def request_of(environ: Environ, proxies: int) -> Request:
    """Return the request of a WSGI environ; the server has joined headers that came twice."""
    headers = {
        name[5:].replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = str(environ[name])
    peer = environ.get("REMOTE_ADDR", "")
    address = client(peer, headers.get("x-forwarded-for", ""), proxies)
    raw = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    path = raw.encode("latin-1").decode("utf-8", "replace") or "/"
    method, query = environ["REQUEST_METHOD"].upper(), environ.get("QUERY_STRING", "")
    return Request(method, path, query, headers, address)
