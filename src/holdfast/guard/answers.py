"""What the guard answers itself, and how a request is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType

from holdfast.guard.cookies import Cookie

HTML, JSON = "text/html; charset=utf-8", "application/json"


@dataclass(frozen=True)
class Answer:
    """A whole answer, before the headers that every answer gets."""

    status: int
    body: bytes = b""
    kind: str = HTML
    headers: tuple[tuple[str, str], ...] = ()
    cookies: tuple[Cookie, ...] = ()


def redirect(to: str, *cookies: Cookie) -> Answer:
    """Send the visitor elsewhere, by GET."""
    return Answer(HTTPStatus.SEE_OTHER, headers=(("location", to),), cookies=cookies)


class Refusal(Exception):
    """A request that is not let through.

    `why` is for the log and for scripts: one word, and nothing that the visitor sent. Code of the
    application may raise it too, as `require` does.
    """

    def __init__(
        self,
        status: HTTPStatus,
        why: str,
        headers: Mapping[str, str] = MappingProxyType({}),
        cookies: tuple[Cookie, ...] = (),
    ) -> None:
        super().__init__(f"{status.value} {why}")
        self.status, self.why, self.headers, self.cookies = status, why, headers, cookies


@dataclass(eq=False)
class Again(Exception):
    """A form to be sent again, as it was typed; `asked` is a puzzle to be solved for it."""

    status: HTTPStatus
    why: str
    asked: str = ""
    wait_s: int = 0
    cookies: tuple[Cookie, ...] = field(default=())
