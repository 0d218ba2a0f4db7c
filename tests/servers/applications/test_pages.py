"""What is read from pages, which are an application's and may hold anything."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.servers.applications.connection import NoClient, http_client
from holdfast.servers.applications.ground import MOST_OF_A_SHAPE, MOST_PAGES, crawl, shape
from holdfast.servers.applications.http import Answer, Request, within
from holdfast.servers.applications.pages import read
from holdfast.servers.applications.people import Likeness, Undecided, Visitor
from holdfast.site import Secret

HERE = "https://todo.example.com"
HTML = (("content-type", "text/html"),)


@pytest.mark.parametrize(
    ("reference", "leads_to"),
    [
        ("/todos", "/todos"),
        ("1", "/todos/1"),
        ("../api?a=b#there", "/api?a=b"),
        ("?page=2", "/todos/?page=2"),
        (f"{HERE}/x", "/x"),
        ("https://todo.example.com.evil.example/", None),
        ("https://todo.example.com@evil.example/", None),
        ("//evil.example/", None),
        ("http://todo.example.com/", None),
        ("javascript:alert(1)", None),
        ("http://[", None),
        ("#here", None),
    ],
)
def test_no_link_leads_away(reference: str, leads_to: str | None) -> None:
    assert within(HERE, "/todos/", reference) == leads_to


@given(st.text(max_size=300))
def test_whatever_a_link_is_it_stays_within(reference: str) -> None:
    found = within(HERE, "/todos/", reference)
    assert found is None or (found.startswith("/") and not set(found) & set("\r\n "))


@given(st.text(alphabet="<>/=\"' abforminputhrefselectoption\n&#;!-", max_size=400))
def test_any_text_is_read_as_a_page(text: str) -> None:
    page = read(HERE, "/", text)
    assert all(to.startswith("/") for to, _ in page.links)


FORM = """
<form method=post action=/todos id=new>
<input type=hidden name=csrf value=abc><input name=title maxlength=5>
<textarea name=note></textarea><select name=kind><option value=a><option value=b></select>
<input type=checkbox name=on checked><button name=go value=1>Add</button></form>
<form method=post action=https://evil.example/><input name=a></form>
<form action=/find><input name=words></form>
<form method=post action=/todos/1/remove><input name=why></form>
"""


def test_a_form_is_filled_in_as_a_browser_does() -> None:
    add, find, remove = read(HERE, "/", FORM).forms
    assert add.filled("holdfast").body == (
        ("csrf", "abc"), ("title", "holdf"), ("note", "holdfast"), ("kind", "a"), ("on", "on"),
        ("go", "1"),
    )  # fmt: skip
    assert add.filled("x", without=frozenset({"csrf"})).body[0] == ("title", "x")
    assert find.filled("x") == Request("GET", "/find", query=(("words", "x"),))
    assert (add.harmless, remove.harmless) == (True, False)


class Pages:
    """An application of pages by their addresses."""

    origin = HERE

    def __init__(self, pages: Mapping[str, str]) -> None:
        self.pages = pages
        self.asked: list[str] = []

    async def send(self, request: Request) -> Answer:
        self.asked.append(request.target)
        return Answer(200, HTML, self.pages.get(request.target, "<a href=/endless/x>more</a>"))


def test_a_crawl_ends_and_leaves_out_what_ends_something() -> None:
    links = "".join(f"<a href=/todos/{n}>{n}</a>" for n in range(100))
    ends = "<a href=/out>Sign out</a><a href=/todos/9/delete>x</a><a href=/bye>bye</a>"
    many = "".join(f"<a href=/page-{n}>{n}</a>" for n in range(500))
    pages = Pages({"/": links + ends + many})
    ground = asyncio.run(crawl(Visitor("first", pages), ["/"], ["/bye"]))
    assert len(ground.pages) == MOST_PAGES
    assert not {"/out", "/todos/9/delete", "/bye"} & set(pages.asked)
    assert sum(shape(page) == "/todos/*?" for page in ground.pages) == MOST_OF_A_SHAPE


@pytest.mark.parametrize(
    "line", ["", "session=1", "Cookie:", "X-Evil: 1", "Cookie: a=1\nX: y", "é"]
)
def test_a_source_that_prints_no_header_is_named(line: str) -> None:
    async def source() -> Secret:
        return Secret(line)

    with pytest.raises(Undecided, match=r"trial\.first printed no header"):
        asyncio.run(Visitor("first", Pages({}), source).sign_in())


def test_a_cookie_that_the_application_takes_back_is_gone() -> None:
    class Setting(Pages):
        async def send(self, request: Request) -> Answer:
            lines = ("a=1; Path=/", "b=2", "session=; Max-Age=0", "broken\x00=\x01")
            return Answer(200, tuple(("set-cookie", line) for line in lines))

    visitor = Visitor("first", Setting({}))
    visitor.cookies = {"session": "x"}
    asyncio.run(visitor.get("/"))
    assert visitor.cookies == {"a": "1", "b": "2"}


def test_who_is_signed_in_is_told_by_what_only_they_are_shown() -> None:
    nobody, ann = Answer(200, HTML, "<p>Sign in"), Answer(200, HTML, "<p>Hello Ann, 3 todos")
    likeness = Likeness(ann, nobody)
    assert likeness.tells
    assert likeness.shown_in(Answer(200, HTML, "<p>Hello Ann, 4 todos"))
    assert not likeness.shown_in(nobody)
    assert not likeness.shown_in(Answer(500, HTML, "Hello Ann, 3 todos"))
    assert not Likeness(nobody, nobody).tells
    assert not Likeness(Answer(403), nobody).tells


def test_without_the_client_the_mend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(NoClient, match=r"pip install 'holdfast\[guard\]'"):
        http_client()
