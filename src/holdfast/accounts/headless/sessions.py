"""Sessions of people who signed in through an application: whose they are, and how long they last.

The token that an application gets is its session's key, encrypted for that application. So it is
nothing to another one, it is no cookie for the pages, and nobody makes one from the database.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from datetime import UTC, datetime

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.core import context
from allauth.core.internal.sessionkit import get_session_user
from allauth.headless.internal import sessionkit
from allauth.headless.tokens.strategies.sessions import SessionTokenStrategy
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.http import HttpRequest

from holdfast.accounts import sealed
from holdfast.accounts.applications import configured
from holdfast.accounts.headless import asking
from holdfast.accounts.people.models import Person
from holdfast.accounts.people.session_limits import BEGAN, goes_on

LONGEST_TOKEN = 200


@dataclass(frozen=True)
class SignIn:
    """Who is signed in, since when, and how they showed who they are, in that order."""

    person: Person
    at: datetime
    methods: tuple[str, ...]
    session_key: str = field(repr=False)


class Tokens(SessionTokenStrategy):
    """What allauth asks about tokens: they are of the application that asks."""

    def create_session_token(self, request: HttpRequest) -> str:
        return _token(super().create_session_token(request), asking.application(request))

    def lookup_session(self, session_token: str) -> SessionBase | None:
        return _session(session_token, asking.application(context.request))


def session_of(token: str, client_id: str) -> SignIn | None:
    """Return who is signed in by a token that this application got; None where nobody is."""
    session = _session(token, client_id)
    person = get_session_user(session) if session is not None else None
    if session is None or not isinstance(person, Person):
        return None
    if session.modified:
        try:
            session.save()
        except UpdateError:  # it was ended a moment ago
            return None
    records = session.get(AUTHENTICATION_METHODS_SESSION_KEY) or []
    methods = tuple(str(one.get("type") or one.get("method")) for one in records)
    at = datetime.fromtimestamp(session[BEGAN], UTC)
    return SignIn(person, at, methods, str(session.session_key))


def _session(token: str, client_id: str) -> SessionBase | None:
    """Return the session that a token of an application stands for, unless it has ended."""
    known, usual = configured.application(client_id), settings.HOLDFAST.sessions
    if known is None or not known.own_form:
        return None
    session: SessionBase | None = sessionkit.lookup_session(_key(token, client_id))
    if session is None or SESSION_KEY not in session:
        return session
    if goes_on(session, known.lifetime or usual.lifetime, known.idle or usual.idle):
        return session
    session.flush()
    return None


def _token(session_key: str, client_id: str) -> str:
    sealed = _box().encrypt(session_key.encode(), [client_id.encode()])
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def _key(token: str, client_id: str) -> str:
    """Return the key of a session; "" where this is no token of that application."""
    text = token[:LONGEST_TOKEN]
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        return _box().decrypt(sealed, [client_id.encode()]).decode()
    except (binascii.Error, ValueError, InvalidTag):
        return ""


def _box() -> AESSIV:
    """Return what gives the same token each time: allauth tells by that whether it is a new one."""
    return AESSIV(sealed.key("session token", 64))
