"""A request and its answer, as plain data: free of any transport."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

Pairs = tuple[tuple[str, str], ...]

LARGEST_BODY = 2 * 1024 * 1024  # bytes of an answer; what is beyond is not read


@dataclass(frozen=True)
class Request:
    """`path` is as it goes over the wire; `body` is sent as a form unless `raw` is given."""

    method: str
    path: str
    query: Pairs = ()
    body: Pairs = ()
    headers: Pairs = ()
    raw: bytes | None = None

    @classmethod
    def get(cls, target: str, *headers: tuple[str, str]) -> Request:
        """A GET of `PATH?QUERY`."""
        path, _, query = target.partition("?")
        return cls("GET", path, tuple(parse_qsl(query, keep_blank_values=True)), headers=headers)

    @property
    def target(self) -> str:
        """What stands in the request line."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    def saying(self, *headers: tuple[str, str]) -> Request:
        """The same with these headers in addition, each in the place of one of its name."""
        named = {name.lower() for name, _ in headers}
        kept = tuple(pair for pair in self.headers if pair[0].lower() not in named)
        return replace(self, headers=(*kept, *headers))

    def content(self) -> bytes:
        return self.raw if self.raw is not None else urlencode(self.body).encode()


@dataclass(frozen=True)
class Answer:
    """`text` is at most LARGEST_BODY bytes, whatever they were; names of headers are lower case."""

    status: int
    headers: Pairs = ()
    text: str = ""
    seconds: float = 0.0

    def header(self, name: str) -> str:
        """Every value of a header, as one."""
        return ", ".join(self.all(name))

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]

    @property
    def is_html(self) -> bool:
        return "html" in self.header("content-type")


class Unanswered(Exception):
    """No answer came, or none that may be waited for; the message is the reason."""


class Connection(Protocol):
    """What leads to one application and nowhere else. `origin` is how its visitors call it."""

    origin: str

    async def send(self, request: Request) -> Answer:
        """Raises Unanswered."""
        ...


def within(origin: str, page: str, reference: str) -> str | None:
    """Return a link of a page as `PATH?QUERY`, None where it leads away from the application."""
    reference = reference.strip()
    if reference.startswith(("#", "javascript:", "mailto:", "data:", "tel:")):
        return None
    try:
        parts = urlsplit(urljoin(f"{origin}{page}", reference))
    except ValueError:
        return None
    if f"{parts.scheme}://{parts.netloc}" != origin:
        return None
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    return f"{path}?{parts.query}" if parts.query else path


def changed(pairs: Pairs, values: Iterable[tuple[str, str]]) -> Pairs:
    """Return pairs with these values in the place of those of their names, or at the end."""
    new = dict(values)
    kept = tuple((name, new.pop(name, value)) for name, value in pairs)
    return (*kept, *new.items())
