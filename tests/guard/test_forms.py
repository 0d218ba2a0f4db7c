"""Forms: what the guard reads of them, and what it shows again."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from holdfast.guard import Guard, Person, Refusal, Sessions
from holdfast.guard.forms import MOST_FIELDS, fields_of
from holdfast.guard.request import Request
from holdfast.guard.sessions import Memory

URLENCODED = "application/x-www-form-urlencoded"
HERE = "https://todo.example.com"


def request(kind: str) -> Request:
    return Request("POST", "/", headers={"content-type": kind})


def multipart(*parts: tuple[str, bytes]) -> bytes:
    """A form of fields, or of files where the name ends so."""
    body = b""
    for name, value in parts:
        file = '; filename="f.bin"' if name.endswith("file") else ""
        head = f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        body += head.encode() + value + b"\r\n"
    return body + b"--b--\r\n"


def test_fields_are_read_as_they_were_typed() -> None:
    found, _ = fields_of(request(URLENCODED), b"a=1&b=%C3%A9+%0D%0A&a=2&empty=")
    assert found == (("a", "1"), ("b", "é \r\n"), ("a", "2"), ("empty", ""))


def test_fields_of_many_parts_are_read() -> None:
    body = multipart(("a", "é".encode()), ("a-file", b"\x00\xff"), ("b", b""))
    found = fields_of(request("multipart/form-data; boundary=b"), body)
    assert found == ((("a", "é"), ("b", "")), ("a-file",))


def test_bytes_that_are_no_text_are_read_all_the_same() -> None:
    assert fields_of(request(URLENCODED), b"a=%ff")[0] == (("a", "\ufffd"),)
    body = multipart(("a", b"\xff"))
    assert fields_of(request("multipart/form-data; boundary=b"), body)[0] == (("a", "\ufffd"),)


BROKEN = {
    "too many fields": (URLENCODED, b"&".join(b"a=1" for _ in range(MOST_FIELDS + 1))),
    "no letters of a form": (URLENCODED, "a=é".encode()),
    "no boundary": ("multipart/form-data", b"x"),
    "too many parts": (
        "multipart/form-data; boundary=b",
        multipart(*[("a", b"1")] * (MOST_FIELDS + 1)),
    ),
    "another boundary": ("multipart/form-data; boundary=c", multipart(("a", b"1"))),
    "a header without an end": (
        "multipart/form-data; boundary=b",
        b"--b\r\n" + b"x" * 100_000,
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_form_that_is_broken_is_refused(name: str) -> None:
    kind, body = BROKEN[name]
    with pytest.raises(Refusal, match="form-malformed"):
        fields_of(request(kind), body)


# What is shown again


class Shown(HTMLParser):
    """The fields of a page's form, as a browser sees them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: list[tuple[str, str]] = []
        self.action, self.inside = "", False
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.tags.append(tag)
        if tag == "form":
            self.action = told["action"] or ""
        if tag == "textarea":
            self.fields.append((told["name"] or "", ""))
            self.inside = True
        if tag == "input":
            self.fields.append((told["name"] or "", told.get("type") or ""))

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            name, value = self.fields[-1]
            self.fields[-1] = (name, value + data)


def shown(fields: tuple[tuple[str, str], ...], path: str = "/todos", **more: object) -> Shown:
    guard = Guard(HERE, b"k" * 32, Sessions(Memory()))
    name, _ = guard.sessions.make(Person("ann"))
    headers = {
        "host": "todo.example.com",
        "accept": "text/html",
        "cookie": f"__Host-guard-session={name}",
    }
    stale = (*fields, ("csrf-token", "of yesterday"))
    asked = Request("POST", path, headers=headers, fields=stale, **more)  # type: ignore[arg-type]
    answer = guard.arrive(asked).answer
    assert answer is not None
    assert answer.status == 409
    return Shown(answer.body.decode())


def test_what_was_typed_is_there_to_the_letter() -> None:
    typed = (("title", "<script>alert(1)</script>"), ("text", "one\ntwo\n\n'\"&amp; 🙂"))
    fields = shown(typed).fields
    assert [(name, value.removeprefix("\n")) for name, value in fields[1:]] == list(typed)


def test_a_password_is_not_shown_in_clear() -> None:
    assert ("new_password", "password") in shown((("new_password", "hunter2"),)).fields


def test_every_field_is_there_however_many() -> None:
    many = tuple((f"field{number}", "x") for number in range(300))
    assert len(shown(many).fields) == 301


def test_names_of_fields_are_no_html() -> None:
    page = shown((('"><script>alert(1)</script>', "x"),))
    assert "script" not in page.tags
    assert page.fields[1][0] == '"><script>alert(1)</script>'


def test_the_old_token_is_not_shown_and_a_new_one_is_there() -> None:
    page = shown(())
    assert page.fields == [("csrf-token", "hidden")]


def test_a_file_has_to_be_chosen_again() -> None:
    page = shown((("title", "x"),), files=("picture",))
    assert ("picture", "file") in page.fields


@pytest.mark.parametrize("path", ["//evil.example/x", "/\\evil.example", '/"onclick="x', "/a b"])
def test_the_form_goes_to_this_site(path: str) -> None:
    action = shown((), path).action
    assert action.startswith("/")
    assert action[1:2] not in ("/", "\\")
    assert '"' not in action


def test_the_query_stays() -> None:
    assert shown((), query="page=2&x=%22").action == "/todos?page=2&x=%22"
