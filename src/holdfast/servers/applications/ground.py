"""What there is to attack: the pages that a throw-away person sees, and what can be sent to them.

The crawl reads and never sends a form; it stays within the application, leaves out what sounds
like an end (sign out, remove), and goes to a few pages of each shape: `/todos/1` and `/todos/2`
have one.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from holdfast.servers.applications.http import Answer, Request, Unanswered, changed, within
from holdfast.servers.applications.pages import RISKY, SENDS, Form, read
from holdfast.servers.applications.people import Visitor

MOST_PAGES = 120
MOST_OF_A_SHAPE = 3
NUMBER = re.compile(r"(?<=/)(?:\d{1,18}|[0-9a-f]{8}-[0-9a-f-]{27})(?=/|$)")


@dataclass(frozen=True)
class Input:
    """One place of a request that takes a value: of the query, the form or the path."""

    request: Request
    part: str
    name: str
    value: str

    def filled(self, value: str) -> Request:
        """The request with another value there."""
        if self.part == "path":
            path = self.request.path.replace("\0", quote(value, safe=""))
            return replace(self.request, path=path)
        if self.part == "query":
            return replace(self.request, query=changed(self.request.query, [(self.name, value)]))
        return replace(self.request, body=changed(self.request.body, [(self.name, value)]))

    def __str__(self) -> str:
        where = self.request.path.replace("\0", "{…}")
        return f"{self.request.method} {where} {self.part} {self.name}".rstrip()


@dataclass
class Ground:
    """`pages` are answers by `PATH?QUERY`; forms are told apart by where they lead."""

    pages: dict[str, Answer] = field(default_factory=dict)
    forms: list[Form] = field(default_factory=list)
    parts: set[str] = field(default_factory=set)

    @property
    def lasting(self) -> list[Form]:
        """The forms that may leave something behind: a person writes into them."""
        return [form for form in self.forms if form.changes and form.harmless and form.typed]

    @property
    def entries(self) -> list[str]:
        """Pages whose address names one thing among many."""
        return [target for target in self.pages if NUMBER.search(target.partition("?")[0])]

    def inputs(self) -> list[Input]:
        """Every place that a GET takes a value in, each once."""
        requests = [Request.get(target) for target in self.pages]
        requests += [form.filled("") for form in self.forms if not form.changes]
        found: dict[tuple[str, str, str], Input] = {}
        for request in requests:
            for one in _inputs(request):
                found.setdefault((shape(request.path), one.part, one.name), one)
        return list(found.values())


def _inputs(request: Request) -> Iterator[Input]:
    for name, value in request.query:
        yield Input(request, "query", name, value)
    for match in NUMBER.finditer(request.path):
        path = f"{request.path[: match.start()]}\0{request.path[match.end() :]}"
        yield Input(replace(request, path=path), "path", "", match[0])


def form_inputs(form: Form, secret: frozenset[str]) -> list[Input]:
    """Every place of a form that takes a value, the hidden ones too, but for its secrets."""
    request = form.filled("a")
    part = "body" if form.changes else "query"
    fields = (*form.typed, *(f for f in form.fields if f.kind in ("hidden", "select")))
    return [Input(request, part, f.name, f.value) for f in fields if f.name not in secret]


def shape(target: str) -> str:
    """Return an address without what tells its entries apart."""
    path, _, query = target.partition("?")
    names = sorted({pair.partition("=")[0] for pair in query.split("&") if pair})
    return "?".join((NUMBER.sub("*", path), "&".join(names)))


def _led_to(origin: str, target: str, answer: Answer) -> str | None:
    """Return where an answer leads to within the application, if that is all it does."""
    if not 300 <= answer.status < 400:
        return None
    to = within(origin, target, answer.header("location"))
    return to if to is not None and to != target and _is_harmless(to, "") else None


def _is_harmless(target: str, said: str) -> bool:
    """Whether a link reads, as it is named: some applications change things on GET."""
    return not (RISKY.search(f"{target} {said}") or SENDS.search(target.partition("?")[0]))


async def crawl(visitor: Visitor, start: Sequence[str], ends: Iterable[str] = ()) -> Ground:
    """Return what this person finds from the start pages on. `ends` are never asked for.

    Raises Unanswered.
    """
    ground, never = Ground(), set(ends)
    waiting = deque(start)
    of_shape: Counter[str] = Counter()
    while waiting and len(ground.pages) < MOST_PAGES:
        target = waiting.popleft()
        of_a_shape = shape(target)
        if target in ground.pages or target.partition("?")[0] in never:
            continue
        if of_shape[of_a_shape] >= MOST_OF_A_SHAPE and target not in start:
            continue
        of_shape[of_a_shape] += 1
        try:
            answer = await visitor.get(target)
        except Unanswered:  # an export, a stream of events: not a page
            if target == start[0]:
                raise
            continue
        if to := _led_to(visitor.connection.origin, target, answer):
            waiting.append(to)
            continue
        ground.pages[target] = answer
        if not answer.is_html:
            continue
        page = read(visitor.connection.origin, target, answer.text)
        ground.parts.update(page.parts)
        waiting.extend(to for to, said in page.links if _is_harmless(to, said))
        for form in page.forms:
            known = any(shape(form.action) == shape(one.action) for one in ground.forms)
            if not known and form.action.partition("?")[0] not in never:
                ground.forms.append(form)
    return ground
