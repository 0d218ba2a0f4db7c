"""What a page offers: its links and forms, read as a browser would, within bounds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from holdfast.servers.applications.http import Pairs, Request, within
from holdfast.servers.applications.markup import parts

MOST = 500  # links, forms and fields of a page, each
TYPED = frozenset({"text", "search", "textarea", "url", "tel", ""})
RISKY = re.compile(
    r"remov|delet|destroy|drop|trash|discard|clear|purge|wipe|empty|sign.?out|log.?out|log.?off|"
    r"leave|quit|cancel|clos|deactivat|disabl|block|ban\b|unsubscrib|unfollow|revok|reset|archiv|"
    r"pay|purchas|buy|order.?now|checkout|transfer|refund|approv|reject|publish|merge|deploy|"
    r"invit|abmeld|l(?:ö|oe)sch|entfern|k(?:ü|ue)ndig|bezahl|supprim|d(?:é|e)connex|annul|payer|"
    r"borrar|elimin|cerrar|salir|pagar|cancell|rimuov|esci\b|verwijder|uitlog|usun|wylog",
    re.IGNORECASE,
)
"""What sounds like an end, in some languages: not followed, and not sent."""
SENDS = re.compile(r"send|share|notif|mail|export|download|generat|start|run\b", re.IGNORECASE)
"""What a link should not do, and some do."""
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
    def submits(self) -> Field | None:
        """The button that is pressed: the first that does not sound like an end."""
        buttons = [one for one in self.fields if one.kind == "submit"]
        return next((b for b in buttons if not RISKY.search(f"{b.name} {b.value}")), None)

    @property
    def harmless(self) -> bool:
        """Whether sending it makes an entry rather than taking something away, as it is named.

        Frameworks name what they mean by a POST in a hidden field, such as `_method`.
        """
        kinds = {one.kind for one in self.fields}
        hidden = " ".join(f"{one.name} {one.value}" for one in self.hidden)
        named = RISKY.search(f"{self.action} {self.words} {hidden}")
        pressed = "submit" not in kinds or self.submits is not None
        return pressed and not named and not kinds & {"password", "file", "email"}

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
            if one.name and one.name not in without and one.kind != "submit"
        )
        if self.submits is not None and self.submits.name:
            body = (*body, (self.submits.name, self.submits.value))
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
    for part in parts(text):
        if isinstance(part, str):
            reader.text(part)
        else:
            reader.tag(part.name, part.said)
    return reader.finished()


class _Reader:
    def __init__(self, origin: str, page: str) -> None:
        self.origin, self.page, self.found = origin, page, Page()
        self._form: Form | None = None
        self._fields: list[Field] = []
        self._words: list[str] = []
        self._link: str | None = None
        self._select = ""

    def tag(self, name: str, said: Mapping[str, str]) -> None:
        match name:
            case "a" | "area":
                self._end_link()
                self._link, self._words = said.get("href"), []
            case "/a":
                self._end_link()
            case "script" | "img" | "link":
                self._part(said.get("src") or said.get("href") or "")
            case "form":
                self._end_form()
                self._begin_form(said)
            case "/form":
                self._end_form()
            case "input":
                self._input(said)
            case "textarea":
                longest = _number(said.get("maxlength"))
                self._add(Field(said.get("name", ""), "", "textarea", longest))
            case "select":
                self._select = said.get("name", "")
            case "/select":
                self._select = ""
            case "option" if self._select:
                self._option(said)
            case "button" if said.get("type", "submit").lower() == "submit":
                self._add(Field(said.get("name", ""), said.get("value", ""), "submit"))

    def _part(self, reference: str) -> None:
        to = within(self.origin, self.page, reference) if reference else None
        if to is not None and len(self.found.parts) < MOST:
            self.found.parts.append(to)

    def _begin_form(self, said: Mapping[str, str]) -> None:
        action = within(self.origin, self.page, said.get("action") or self.page)
        method = said.get("method", "get").upper()
        if action is not None and method in ("GET", "POST"):
            self._form = Form(self.page, method, action)
        self._fields, self._words = [], [said.get("id", ""), said.get("class", "")]

    def _input(self, said: Mapping[str, str]) -> None:
        name, value = said.get("name", ""), said.get("value", "")
        match said.get("type", "text").lower():
            case "reset" | "button" | "image":
                return
            case "checkbox" | "radio" if "checked" not in said:
                return
            case ("checkbox" | "radio") as kind:
                self._add(Field(name, value or "on", kind))
            case kind:
                self._add(Field(name, value, kind, _number(said.get("maxlength"))))

    def _option(self, said: Mapping[str, str]) -> None:
        """The first one, unless another is selected."""
        one = Field(self._select, said.get("value", ""), "select")
        known = [
            at for at, f in enumerate(self._fields) if (f.name, f.kind) == (one.name, one.kind)
        ]
        if not known:
            self._add(one)
        elif "selected" in said:
            self._fields[known[0]] = one

    def _add(self, field: Field) -> None:
        named = field.name or field.kind == "submit"
        if self._form is not None and named and len(self._fields) < MOST:
            self._fields.append(field)

    def text(self, data: str) -> None:
        if len(self._words) < MOST:
            self._words.append(data)

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
