"""What frameworks hide: bodies in parts, applications that stream, sockets, forms, forwarding."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from starlette.requests import HTTPConnection

from holdfast.guard import Guard, Person, Sessions
from holdfast.guard.addresses import client
from holdfast.guard.asgi import GuardedAsgi, Message, Scope
from holdfast.guard.forms import MOST_BYTES
from holdfast.guard.sessions import Memory
from holdfast.guard.starlette import visitor
from holdfast.guard.wsgi import GuardedWsgi, Start

HERE = "https://todo.example.com"


@pytest.fixture
def guard() -> Guard:
    return Guard(HERE, b"k" * 32, Sessions(Memory()))


def scope(**changed: Any) -> Scope:
    headers = [(b"host", b"todo.example.com"), *changed.pop("headers", ())]
    return {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "client": ("192.0.2.1", 1),
        "headers": headers,
        **changed,
    }


def asked(app: Any, scope: Scope, *parts: bytes) -> list[Message]:
    """Everything that was sent to the server for a request whose body comes in parts."""
    left = list(parts) or [b""]
    sent: list[Message] = []

    async def receive() -> Message:
        if not left:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


async def echo(scope: Scope, receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


FORM = (b"content-type", b"application/x-www-form-urlencoded")


def signed_in(guard: Guard) -> tuple[bytes, bytes]:
    name, _ = guard.sessions.make(Person("ann"))
    return (b"cookie", f"__Host-guard-session={name}".encode())


def test_a_form_in_many_parts_reaches_the_application_whole(guard: Guard) -> None:
    cookie = signed_in(guard)
    shown: list[str] = []

    async def page(scope: Scope, receive: Any, send: Any) -> None:
        shown.append(scope["holdfast"].csrf_token)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    asked(GuardedAsgi(page, guard), scope(headers=[cookie]))
    body = f"a=1&csrf-token={shown[0]}&b=2".encode()
    parts = [body[at : at + 7] for at in range(0, len(body), 7)]
    sent = asked(GuardedAsgi(echo, guard), scope(method="POST", headers=[cookie, FORM]), *parts)
    assert [sent[0]["status"], sent[1]["body"]] == [200, body]


def test_a_form_without_an_end_is_broken_off(guard: Guard) -> None:
    parts = [b"a" * 100_000] * (MOST_BYTES // 100_000 + 2)
    sent = asked(GuardedAsgi(echo, guard), scope(method="POST", headers=[FORM]), *parts)
    assert sent[0]["status"] == 413


def test_a_visitor_who_goes_in_the_middle_of_a_form_changes_nothing(guard: Guard) -> None:
    reached: list[bool] = []

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        reached.append(True)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        pass

    asked_for = scope(method="POST", headers=[FORM])
    asyncio.run(GuardedAsgi(app, guard)(asked_for, receive, send))
    assert not reached


def test_a_large_upload_with_its_token_in_a_header_is_not_read_by_the_guard(guard: Guard) -> None:
    cookie = signed_in(guard)
    shown: list[str] = []

    async def page(scope: Scope, receive: Any, send: Any) -> None:
        shown.append(scope["holdfast"].csrf_token)

    asked(GuardedAsgi(page, guard), scope(headers=[cookie]))
    headers = [cookie, FORM, (b"x-csrf-token", shown[0].encode())]
    parts = [b"a" * 1_000_000] * 3
    sent = asked(GuardedAsgi(echo, guard), scope(method="POST", headers=headers), *parts)
    assert len(sent[1]["body"]) == 3_000_000


def test_an_error_in_the_middle_of_an_answer_ends_it_and_is_in_the_log(
    guard: Guard, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Scope, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("inside")

    with pytest.raises(RuntimeError):
        asked(GuardedAsgi(app, guard), scope())
    assert "inside" in caplog.text


def test_the_number_on_the_page_is_that_in_the_log(
    guard: Guard, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Scope, receive: Any, send: Any) -> None:
        raise RuntimeError("inside")

    with caplog.at_level(logging.INFO):
        sent = asked(GuardedAsgi(app, guard), scope(headers=[(b"accept", b"text/html")]))
    number = caplog.records[0].getMessage().split()[0]
    assert number.encode() in sent[1]["body"]
    assert b"inside" not in sent[1]["body"]


def test_a_path_in_the_log_is_on_one_line(guard: Guard, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        asked(GuardedAsgi(echo, guard), scope(path="/x\nfake line\x1b[2J", method="POST"))
    assert "\n" not in caplog.records[0].getMessage()
    assert "\x1b" not in caplog.records[0].getMessage()


def test_lifespan_goes_through(guard: Guard) -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asked(GuardedAsgi(app, guard), {"type": "lifespan"})
    assert seen == ["lifespan"]


SOCKETS: dict[str, tuple[dict[str, bytes], bool]] = {
    "of a page of ours": ({"origin": HERE.encode()}, True),
    "of another site": ({"origin": b"https://evil.example"}, False),
    "of nobody who says": ({}, False),
    "of no origin": ({"origin": b"null"}, False),
}


@pytest.mark.parametrize("name", SOCKETS)
def test_a_socket_is_opened_by_our_own_pages_only(guard: Guard, name: str) -> None:
    said, opens = SOCKETS[name]
    headers = [signed_in(guard), *((key.encode(), value) for key, value in said.items())]

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        assert scope["holdfast"].person == Person("ann")
        await send({"type": "websocket.accept"})

    sent = asked(GuardedAsgi(app, guard), scope(type="websocket", headers=headers))
    assert sent[0]["type"] == ("websocket.accept" if opens else "websocket.close")


# WSGI


def wsgi(app: Callable[..., Iterable[bytes]], guard: Guard, **changed: Any) -> tuple[str, bytes]:
    """What a server would send."""
    told: list[str] = []

    def start(status: str, headers: Any, trouble: Any = None, /) -> Callable[[bytes], object]:
        told.append(status)
        return written.append

    written: list[bytes] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "HTTP_HOST": "todo.example.com",
        "REMOTE_ADDR": "192.0.2.1",
        **changed,
    }
    body = GuardedWsgi(app, guard)(environ, start)
    whole = b"".join(body)
    close = getattr(body, "close", None)
    if close:
        close()
    return told[-1], b"".join(written) + whole


def test_an_application_that_begins_late_is_guarded_too(guard: Guard) -> None:
    def app(environ: Any, start: Start) -> Iterable[bytes]:
        start("500 No", [("content-type", "text/plain")])
        yield b"inside"

    status, body = wsgi(app, guard)
    assert status.startswith("500")
    assert b"inside" not in body


def test_an_application_that_writes_is_guarded_too(guard: Guard) -> None:
    def app(environ: Any, start: Start) -> Iterable[bytes]:
        write = start("503 No", [])
        write(b"inside")
        return [b"inside"]

    status, body = wsgi(app, guard)
    assert status.startswith("503")
    assert b"inside" not in body


def test_an_application_that_writes_and_returns_is_sent_whole(guard: Guard) -> None:
    def app(environ: Any, start: Start) -> Iterable[bytes]:
        write = start("200 OK", [])
        write(b"one ")
        return [b"", b"two ", b"three"]

    assert wsgi(app, guard) == ("200 OK", b"one two three")


def test_an_application_that_fails_before_its_first_bytes_tells_nothing(guard: Guard) -> None:
    def app(environ: Any, start: Start) -> Iterable[bytes]:
        start("200 OK", [])
        yield b""
        raise RuntimeError("inside")

    status, body = wsgi(app, guard)
    assert status.startswith("500")
    assert b"inside" not in body


def test_what_an_application_opened_is_closed(guard: Guard) -> None:
    class Body:
        closed = False

        def __iter__(self) -> Any:
            return iter([b"x"])

        def close(self) -> None:
            Body.closed = True

    def app(environ: Any, start: Start) -> Iterable[bytes]:
        start("200 OK", [])
        return Body()

    wsgi(app, guard)
    assert Body.closed


def test_what_nobody_reads_is_closed_too(guard: Guard) -> None:
    closed = threading.Event()

    class Body:
        def __iter__(self) -> Any:
            raise AssertionError("nobody asks for it")

        def close(self) -> None:
            closed.set()

    environ = {"REQUEST_METHOD": "HEAD", "PATH_INFO": "/", "HTTP_HOST": "todo.example.com"}
    body = GuardedWsgi(lambda environ, start: Body(), guard)(environ, lambda *_: lambda _: None)
    body.close()  # type: ignore[attr-defined]
    assert closed.is_set()


def test_without_a_guard_in_front_the_mend_is_named() -> None:
    with pytest.raises(LookupError, match=r"mount\(app, guard\)"):
        visitor(HTTPConnection({"type": "http"}))


def test_an_empty_answer_is_one(guard: Guard) -> None:
    def app(environ: Any, start: Start) -> Iterable[bytes]:
        start("204 No Content", [])
        return []

    assert wsgi(app, guard) == ("204 No Content", b"")


FORWARDED = {
    "nobody in front": ("192.0.2.1", "6.6.6.6", 0, "192.0.2.1"),
    "one in front": ("10.0.0.1", "6.6.6.6, 203.0.113.9", 1, "203.0.113.9"),
    "two in front": ("10.0.0.1", "6.6.6.6, 203.0.113.9, 10.0.0.2", 2, "203.0.113.9"),
    "one in front that says nothing": ("10.0.0.1", "", 1, "10.0.0.1"),
    "fewer than there are": ("10.0.0.1", "203.0.113.9", 2, "10.0.0.1"),
}


@pytest.mark.parametrize("name", FORWARDED)
def test_an_address_is_believed_of_our_own_proxies(name: str) -> None:
    peer, forwarded, proxies, found = FORWARDED[name]
    assert client(peer, forwarded, proxies) == found
