"""Whoever made a request: the person who is signed in, or nobody; and what their pages need."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from html import escape
from http import HTTPStatus
from typing import Any

from holdfast.guard.answers import Refusal
from holdfast.guard.cookies import Cookie
from holdfast.guard.csrf import FIELD, Token
from holdfast.guard.request import Request
from holdfast.guard.sessions import Person, Session


class Html(str):
    """Text that is HTML already: templates of Jinja and Django put it in as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


def visitor_in(place: Mapping[str, Any], key: str) -> Visitor:
    """Return the visitor that the guard has left there. Raises LookupError where there is none."""
    found = place.get(key)
    if not isinstance(found, Visitor):
        raise LookupError("no guard stands in front of this application: mount(app, guard)")
    return found


class Way(StrEnum):
    """How somebody is known."""

    NONE = "none"
    TOKEN = "token"  # noqa: S105
    SESSION = "session"


@dataclass
class Visitor:
    """Who is there for the length of one request."""

    request: Request
    person: Person | None = None
    way: Way = Way.NONE
    session: Session | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    """What a bearer token says, whole; of a session nothing."""
    make_token: Callable[[], Token] | None = None
    cookies: list[Cookie] = field(default_factory=list)
    """What the answer is to set."""
    raised: Exception | None = None
    """What the application has raised, where its framework does not let it through."""

    @cached_property
    def nonce(self) -> str:
        """What scripts and styles of this page carry, so that the policy lets them run (CSP)."""
        return secrets.token_urlsafe(16)

    @property
    def has_nonce(self) -> bool:
        return "nonce" in self.__dict__

    @cached_property
    def csrf_token(self) -> str:
        """What forms and scripts of this page bring back with what they change."""
        if self.make_token is None:
            return ""
        token = self.make_token()
        self.cookies.extend(token.cookies)
        return token.value

    @property
    def csrf_field(self) -> Html:
        """The hidden field of a form."""
        return Html(f'<input type="hidden" name="{FIELD}" value="{escape(self.csrf_token)}">')

    def has(self, role: str) -> bool:
        """Whether somebody is signed in who has a role in this application."""
        return self.person is not None and role in self.person.roles


def required(visitor: Visitor, role: str = "") -> Person:
    """Return who is signed in and, where one is named, has the role. Raises Refusal."""
    if visitor.person is None:
        raise Refusal(HTTPStatus.UNAUTHORIZED, "sign-in-needed", {"www-authenticate": "Bearer"})
    if role and role not in visitor.person.roles:
        raise Refusal(HTTPStatus.FORBIDDEN, "role-needed")
    return visitor.person
