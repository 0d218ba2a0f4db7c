"""An application that fights back, or is merely odd: over real connections."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from applications.trials import CONTROLS, app
from hypothesis import given
from hypothesis import strategies as st

from holdfast.servers.applications.connection import Http, clients
from holdfast.servers.applications.http import LARGEST_BODY, Answer, Request, Unanswered
from holdfast.servers.applications.markup import Tag, parts, visible
from holdfast.servers.applications.pages import read
from holdfast.servers.applications.people import Source, Visitor
from holdfast.servers.applications.prove import prove
from holdfast.servers.attack import Kind, Outcome
from holdfast.servers.prove import Attempt
from holdfast.site import Secret

SECRET = "TOPSECRET-0123456789"
Served = Callable[[str], bytes]


def page(body: str, *headers: str, status: str = "200 OK") -> bytes:
    head = [f"HTTP/1.1 {status}", "Content-Type: text/html", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, *headers, "", body]).encode()


class Server:
    """Answers each request line with bytes, and keeps what it was sent."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.asked: list[str] = []

    @asynccontextmanager
    async def connection(self) -> Any:
        async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while head := await reader.readuntil(b"\r\n\r\n"):
                    await self._answer(head.decode("latin-1"), reader, writer)
            except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(taken, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, clients() as both:
            yield Http(both, f"http://127.0.0.1:{port}", "http://localhost", "localhost")

    async def _answer(
        self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        length = 0
        for line in head.splitlines():
            if line.lower().startswith("content-length:"):
                length = int(line.partition(":")[2])
        await reader.readexactly(length)
        line = head.partition("\r\n")[0]
        self.asked.append(line)
        answer = self.served(line.split()[1])
        if not answer:
            raise OSError("hangs up")
        writer.write(answer)
        await writer.drain()


def asked(server: Server, do: Callable[[Http], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with server.connection() as connection:
            return await do(connection)

    return asyncio.run(run())


def attacked(
    server: Server,
    *controls: str,
    sources: dict[str, Source] | None = None,
    **trial: Any,
) -> Mapping[str, Attempt]:
    """Attack with these controls; `first` is who brings a cookie that is nobody else's."""

    async def first() -> Secret:
        return Secret(f"Cookie: session={SECRET}")

    people = sources or ({} if trial.get("first", "") is None else {"first": first})
    nothing = dict.fromkeys(("roleless", "token", "expired", "foreign", "keys", "sign_out"))

    async def do(connection: Http) -> Mapping[str, Attempt]:
        of = app(("/",), **{**nothing, **trial})
        chosen = [CONTROLS[name] for name in controls]
        quiet = frozenset({Kind.SAFE})
        attempts = prove(of, connection, chosen, quiet, people, "outside", lambda _: None)
        return {one.attack: one async for one in attempts}

    found: Mapping[str, Attempt] = asked(server, do)
    return found


@pytest.mark.parametrize(
    "cookie", ['a="x\\012y"', "a=x\ty", "a\x01=1", "a", "=1", 'a="\\015\\012X: 1"']
)
def test_no_cookie_of_the_application_brings_the_session_into_the_evidence(cookie: str) -> None:
    server = Server(lambda _: page("<p>here", f"Set-Cookie: {cookie}"))
    for one in attacked(server, "web.headers", "app.csrf").values():
        assert SECRET not in one.evidence


def test_a_header_that_cannot_be_sent_is_not_quoted() -> None:
    async def do(connection: Http) -> None:
        visitor = Visitor("first", connection)
        visitor.cookies = {"session": f"{SECRET}\n"}
        await visitor.get("/")

    with pytest.raises(Unanswered) as raised:
        asked(Server(lambda _: page("x")), do)
    assert SECRET not in str(raised.value)


def test_an_answer_that_swells_is_cut_off() -> None:
    inner = gzip.compress(b"0" * 200_000_000)
    body = gzip.compress(inner)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(inner)}\r\n\r\n"
    twice = head.replace(": gzip", ": gzip, gzip").replace(str(len(inner)), str(len(body)))

    async def do(connection: Http) -> Answer:
        return await connection.send(Request("GET", "/"))

    for answer in (head.encode() + inner, twice.encode() + body):
        found = asked(Server(lambda _, answer=answer: answer), do)  # type: ignore[misc]
        assert len(found.text) <= LARGEST_BODY


def test_what_changes_something_is_sent_once_when_the_server_hangs_up() -> None:
    server = Server(lambda _: b"")

    async def do(connection: Http) -> None:
        for method in ("POST", "GET"):
            with pytest.raises(Unanswered):
                await connection.send(Request(method, "/"))

    asked(server, do)
    assert server.asked.count("POST / HTTP/1.1") == 1


def test_a_path_is_asked_for_as_it_is_written() -> None:
    server = Server(lambda _: page("x"))

    async def do(connection: Http) -> None:
        await connection.send(Request("GET", "/static/../../etc/passwd"))

    asked(server, do)
    assert server.asked == ["GET /static/../../etc/passwd HTTP/1.1"]


def test_a_page_that_never_answers_is_left_out_and_redirects_within_are_followed() -> None:
    here = {
        "/": page("", "Location: /en/", status="302 Found"),
        "/en/": page("<a href=/stream>x</a><a href=/todos>y</a>"),
        "/stream": b"",
        "/todos": page("", "Location: http://localhost/todos/", status="301 Moved"),
        "/todos/": page("<a href=https://evil.example/>z</a>"),
    }
    server = Server(lambda target: here.get(target.partition("?")[0], page("no", status="404 No")))
    ended = attacked(server, "web.headers", first=None, second=None, known_as=())
    assert "GET /todos/ HTTP/1.1" in server.asked
    assert not any("evil" in line for line in server.asked)
    assert ended["web.headers/sniff"].outcome is Outcome.SUCCEEDED


def test_what_needs_nobody_is_tried_where_nobody_could_be_signed_in() -> None:
    server = Server(lambda target: page("same for all" if target == "/" else "<p>no"))
    ended = attacked(server, "web.headers", "app.csrf")
    assert ended["web.headers/frame"].outcome is Outcome.SUCCEEDED
    assert ended["app.csrf/hidden-form"].outcome is Outcome.INCONCLUSIVE
    assert "shows first what it shows everybody" in ended["app.csrf/hidden-form"].evidence


GUARDED = (
    "X-Frame-Options: SAMEORIGIN", "X-Frame-Options: SAMEORIGIN",
    "X-Content-Type-Options: nosniff", "X-Content-Type-Options: nosniff",
    "Referrer-Policy: same-origin", "Content-Security-Policy: default-src 'self'",
    'Set-Cookie: messages=""; Max-Age=0; Path=/',
)  # fmt: skip
PROSE = "<h1>About</h1><p>It comes\nfrom the very north, and\nclass matters</p><script>const a = 1"


def test_a_sound_site_of_another_kind_repels_everything() -> None:
    """Headers twice, a cookie taken back, prose, a public config.json, dot files hung up on."""
    here = {
        "/": page("<a href=/about.html>a</a><a href=/todos>t</a>", *GUARDED),
        "/about.html": page(PROSE, *GUARDED),
        "/todos": page("", "Location: /todos/", status="301 Moved"),
        "/todos/": page("<p>todos", *GUARDED),
        "/config.json": page('{"apiUrl": "/api"}').replace(b"text/html", b"application/json"),
    }

    def served(target: str) -> bytes:
        return b"" if "/." in target else here.get(target, page("no", status="404 No"))

    ended = attacked(Server(served), "web.headers", "web.no-source", first=None, second=None)
    left = {name: one for name, one in ended.items() if one.outcome is not Outcome.REPELLED}
    assert left == {}


def test_only_what_signs_somebody_in_is_a_session() -> None:
    """The source prints a CSRF cookie beside it, which the server gives to everybody and keeps."""

    class Django(Server):
        async def _answer(self, head: str, reader: Any, writer: Any) -> None:
            signed_in = f"session={SECRET}" in head
            body = "<p>Hello Ann" if signed_in else "<p>Sign in"
            keeps = "csrftoken=" in head
            self.served = lambda _: page(body, *([] if keeps else ["Set-Cookie: csrftoken=abc"]))
            await super()._answer(head, reader, writer)

    async def first() -> Secret:
        return Secret(f"Cookie: session={SECRET}; csrftoken=abc")

    ended = attacked(Django(lambda _: b""), "app.sessions", sources={"first": first})
    assert ended["app.sessions/made-up"].outcome is Outcome.REPELLED


RISKS = """
<form method=post action=/a><input name=t><input type=submit name=delete value="Delete it"></form>
<form method=post action=/b><input name=t><input type=hidden name=_method value=delete></form>
<form method=post action=/konto><input name=t><button>Konto löschen</button></form>
<form method=post action=/c><input name=t><input type=checkbox name=notify>
<select name=s><option value=1><option value=2 selected></select>
<input type=submit name=save value=Save><input type=submit name=delete value=Delete></form>
"""


def test_a_form_is_sent_as_a_careful_person_would() -> None:
    forms = read("http://localhost", "/", RISKS).forms
    assert [form.harmless for form in forms] == [False, False, False, True]
    assert forms[3].filled("x").body == (("t", "x"), ("s", "2"), ("save", "Save"))


@pytest.mark.parametrize(
    "hostile",
    [
        "<" * 50_000, "<a " * 50_000, "<!--" * 50_000, "</" * 50_000, "<script" * 50_000,
        "<div>" * 50_000, "<![bad[x]]>", "<a '" * 50_000, "<a \"x<a 'y" * 20_000, "&" * 50_000,
        "\n" * 50_000, "<form><input name=x>" * 20_000,
    ],
)  # fmt: skip
def test_no_page_is_too_hostile_to_be_read(hostile: str) -> None:
    read("http://localhost", "/", hostile)
    visible(hostile)


@given(st.text(alphabet="<>/=\"' ab!-[]\n&#;", max_size=300))
def test_a_page_is_read_to_its_end_and_text_stays_in_order(text: str) -> None:
    found = list(parts(text))
    assert sum(len(one) for one in found if isinstance(one, str)) <= len(text)


def test_tags_and_text_are_told_apart() -> None:
    markup = "a&amp;<A HREF='x>y' b>t</a><script>if (a<b) x()</script><!-- <p> -->z<br/>"
    assert list(parts(markup)) == [
        "a&", Tag("a", {"href": "x>y", "b": ""}), "t", Tag("/a"), Tag("script"), Tag("/script"),
        "z", Tag("br"),
    ]  # fmt: skip
    assert visible("<p>one<style>x</style>\n two") == "one two"
