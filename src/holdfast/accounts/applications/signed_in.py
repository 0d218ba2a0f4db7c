"""How somebody who is signed in here showed who they are, and when."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.http import HttpRequest

from holdfast.accounts.applications.tokens import digest
from holdfast.accounts.people.session_limits import BEGAN

METHODS = {
    "password": ("pwd",),
    "totp": ("otp", "mfa"),
    "recovery_codes": ("kba", "mfa"),
    "webauthn": ("hwk", "mfa"),
}
"""By what allauth calls it, values of RFC 8176. What is mailed has none there."""
SECOND = "mfa"


@dataclass(frozen=True)
class SignedIn:
    """`at` are seconds since 1970; `session` is a digest of the session's key."""

    at: int
    methods: tuple[str, ...]
    session: str

    @property
    def twice(self) -> bool:
        """Whether a second factor was shown."""
        return SECOND in self.methods

    @property
    def is_late(self) -> bool:
        """Whether it was too long ago for what a stolen session must not do."""
        return time.time() - self.at > settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def of(request: HttpRequest) -> SignedIn:
    """Return how who is signed in did so."""
    records = get_authentication_records(request, request.user)
    names = (str(record.get("type") or record.get("method", "")) for record in records)
    began = int(request.session.get(BEGAN, 0))  # who has just proved an address has no record
    at = max((int(record.get("at", 0)) for record in records), default=began)
    return SignedIn(at, standard(names), digest(request.session.session_key or ""))


def standard(names: Iterable[str]) -> tuple[str, ...]:
    """Return the values of RFC 8176 for what allauth calls methods, each once."""
    return tuple(dict.fromkeys(value for name in names for value in METHODS.get(name, ())))
