"""A request as the guard sees it, whatever framework it came through."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import parse_qsl, quote

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
ONLY_ONCE = ("host", "origin", "content-type", "content-length", "x-csrf-token")
"""Headers that came twice where they hold a comma: which one would be believed differs."""
MOST_COOKIES = 64
MOST_QUERY = 8_192
_COOKIE = re.compile(r"[!-~ ]{0,4096}")


@dataclass(frozen=True)
class Request:
    """One request: its head, and the fields of its form where it is one that was read.

    `headers` are by their names in small letters; one that came more than once is joined with
    commas (cookies: with semicolons), as servers do. `address` is the client's, as far as the
    proxies in front are believed.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    files: tuple[str, ...] = ()
    """The names of the fields that were files: they cannot be shown again."""

    @property
    def changes(self) -> bool:
        """Whether its method may change something (RFC 9110, 9.2.1)."""
        return self.method not in SAFE_METHODS

    @property
    def target(self) -> str:
        """Its path and query as an address on this site, wherever slashes would lead."""
        path = quote("/" + self.path.lstrip("/\\"), safe="/:@!$&'()*+,;=~-._")
        return path + (f"?{self.query}" if self.query else "")

    @property
    def bearer(self) -> str | None:
        """The token of its Authorization header, or None where it brings none."""
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if kind.lower() == "bearer" else None

    @cached_property
    def cookies(self) -> Mapping[str, tuple[str, ...]]:
        """Each cookie with all values that came under its name, in their order (RFC 6265bis)."""
        text = self.headers.get("cookie", "")
        found: dict[str, tuple[str, ...]] = {}
        for part in text.split(";", MOST_COOKIES)[:MOST_COOKIES]:
            name, is_one, value = part.strip().partition("=")
            if is_one and _COOKIE.fullmatch(value):
                found[name] = (*found.get(name, ()), value)
        return found

    def cookie(self, name: str) -> str:
        """The value of a cookie; "" where there is none, or more than one.

        Of two, one was planted: by a page of a sub-domain, or by somebody on the way.
        """
        values = self.cookies.get(name, ())
        return values[0] if len(values) == 1 else ""

    @cached_property
    def asked(self) -> Mapping[str, str]:
        """The parameters of its query; none of one that came twice, or of a query too long."""
        try:
            pairs = parse_qsl(self.query[:MOST_QUERY], keep_blank_values=True, max_num_fields=100)
        except ValueError:
            return {}
        names = [name for name, _ in pairs]
        return {name: value for name, value in pairs if names.count(name) == 1}

    def field(self, name: str) -> str:
        """The value of a form's field; "" where there is none, or more than one."""
        values = [value for known, value in self.fields if known == name]
        return values[0] if len(values) == 1 else ""

    @property
    def wants_page(self) -> bool:
        """Whether a person's browser waits for a page, and no script for data."""
        return "text/html" in self.headers.get("accept", "")

    @property
    def is_form(self) -> bool:
        """Whether its body is what a form of a page sends."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower() in FORMS


FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
