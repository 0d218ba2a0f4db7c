"""What a page offers: its links and forms, read as a browser would, within bounds."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

from holdfast.servers.applications.http import Pairs, Request, within

MOST = 500  # links, forms and fields of a page, each
TYPED = frozenset({"text", "search", "textarea", "url", "tel", ""})
RISKY = re.compile(
    r"remov|delet|destroy|sign.?out|log.?out|log.?off|cancel|clos|deactivat|unsubscrib|pay|purchas",
    re.IGNORECASE,
)
SECRET_NAME = re.compile(r"csrf|xsrf|token|nonce|authenticity|verification", re.IGNORECASE)


@dataclass(frozen=True)
class Field:
    """`kind` is the input's type in lower case, or the element's name."""

    name: str
    value: str
    kind: str
    longest: int | None = None


@dataclass(frozen=True)
class Form:
    """A form of the page `page`; `action` is `PATH?QUERY` within the application."""

    page: str
    method: str
    action: str
    fields: tuple[Field, ...] = ()
    words: str = ""

    @property
    def typed(self) -> tuple[Field, ...]:
        """The fields that a person writes text into."""
        return tuple(one for one in self.fields if one.kind in TYPED)

    @property
    def hidden(self) -> tuple[Field, ...]:
        return tuple(one for one in self.fields if one.kind == "hidden")

    @property
    def changes(self) -> bool:
        return self.method != "GET"

    @property
    def harmless(self) -> bool:
        """Whether sending it makes an entry rather than taking something away, as it is named."""
        kinds = {one.kind for one in self.fields}
        named = RISKY.search(f"{self.action} {self.words}")
        return not named and not kinds & {"password", "file", "email"}

    def same(self, other: Form) -> bool:
        """Whether the other is this form on a later copy of its page."""
        mine, theirs = ([one.name for one in form.fields] for form in (self, other))
        return (self.method, self.action, mine) == (other.method, other.action, theirs)

    def filled(self, text: str, without: frozenset[str] = frozenset()) -> Request:
        """The request that a browser sends when every field holds this text.

        Fields of the names in `without` are left out.
        """
        typed = {one.name: text[: one.longest] for one in self.typed}
        body: Pairs = tuple(
            (one.name, typed.get(one.name, one.value))
            for one in self.fields
            if one.name not in without
        )
        request = Request.get(self.action)
        if not self.changes:
            return replace(request, query=body)
        return replace(request, method=self.method, body=body)


@dataclass
class Page:
    """`links` are `PATH?QUERY` within the application, with the words that they show.

    `parts` are the scripts, styles and images that it is made of.
    """

    links: list[tuple[str, str]] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)


def read(origin: str, page: str, text: str) -> Page:
    """Return what a page offers."""
    reader = _Reader(origin, page)
    reader.feed(text)
    reader.close()
    return reader.finished()


class _Reader(HTMLParser):
    def __init__(self, origin: str, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.origin, self.page, self.found = origin, page, Page()
        self._form: Form | None = None
        self._fields: list[Field] = []
        self._words: list[str] = []
        self._link: str | None = None
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in reversed(attrs)}
        match tag:
            case "a" | "area":
                self._end_link()
                self._link, self._words = said.get("href"), []
            case "script" | "img" | "link":
                self._part(said.get("src") or said.get("href") or "")
            case "form":
                self._end_form()
                self._begin_form(said)
            case "input":
                self._input(said)
            case "textarea":
                longest = _number(said.get("maxlength"))
                self._add(Field(said.get("name", ""), "", "textarea", longest))
            case "select":
                self._select = said.get("name", "")
            case "option" if self._select:
                self._add(Field(self._select, said.get("value", ""), "select"))
                self._select = None
            case "button" if said.get("name"):
                self._add(Field(said["name"], said.get("value", ""), "submit"))

    def _part(self, reference: str) -> None:
        to = within(self.origin, self.page, reference) if reference else None
        if to is not None and len(self.found.parts) < MOST:
            self.found.parts.append(to)

    def _begin_form(self, said: dict[str, str]) -> None:
        action = within(self.origin, self.page, said.get("action") or self.page)
        method = said.get("method", "get").upper()
        if action is not None and method in ("GET", "POST"):
            self._form = Form(self.page, method, action)
        self._fields, self._words = [], [said.get("id", ""), said.get("class", "")]

    def _input(self, said: dict[str, str]) -> None:
        kind = said.get("type", "text").lower()
        if kind in ("reset", "button", "image"):
            return
        value = said.get("value", "")
        if kind in ("checkbox", "radio"):
            if "checked" not in said and any(f.name == said.get("name") for f in self._fields):
                return
            value = value or "on"
        self._add(Field(said.get("name", ""), value, kind, _number(said.get("maxlength"))))

    def _add(self, field: Field) -> None:
        if self._form is not None and field.name and len(self._fields) < MOST:
            self._fields.append(field)

    def handle_data(self, data: str) -> None:
        if len(self._words) < MOST:
            self._words.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._end_link()
        elif tag == "form":
            self._end_form()

    def _end_link(self) -> None:
        if self._link is not None and len(self.found.links) < MOST:
            to = within(self.origin, self.page, self._link)
            if to is not None:
                self.found.links.append((to, " ".join(self._words)[:200]))
        self._link = None

    def _end_form(self) -> None:
        if self._form is not None and len(self.found.forms) < MOST:
            words = " ".join(self._words)[:500]
            form = replace(self._form, fields=tuple(self._fields), words=words)
            self.found.forms.append(form)
        self._form = None

    def finished(self) -> Page:
        self._end_link()
        self._end_form()
        return self.found


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else None
