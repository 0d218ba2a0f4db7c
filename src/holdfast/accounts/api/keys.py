"""Keys of the API: what each may do, and how one is shown once and known ever after."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from holdfast.accounts.api.models import ApiKey
from holdfast.accounts.api.problems import Problem
from holdfast.accounts.trail import events

SCOPES = {
    "people:read": "find people and see what is kept about them",
    "people:write": "create, change and remove people who have no role",
    "people:roles": "give roles, and change people who have one",
    "people:import": "import people with their hashes",
    "people:export": "export everybody, without hashes",
    "people:hashes": "have hashes in an export",
    "sessions:write": "see and end sessions",
    "applications:read": "see applications, groups, and who has which roles",
    "applications:write": "register people in applications, and change groups",
    "trail:read": "read the trail, its checkpoint and proofs",
    "keys:write": "make keys that may do no more, and remove keys",
    "webhooks:write": "say where events are sent, and send some again",
}
PREFIX = "hf"
SECRET_BYTES = 32
NOTED_EVERY = timedelta(minutes=1)


def make(name: str, scopes: Iterable[str], expires: datetime | None = None) -> tuple[ApiKey, str]:
    """Make a key; return it, and its text, which is not kept. Raises IntegrityError."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    wanted = [scope for scope in SCOPES if scope in set(scopes)]
    key = ApiKey.objects.create(name=name, digest=_digest(secret), scopes=wanted, expires=expires)
    return key, f"{PREFIX}_{key.pk}_{secret}"


def _digest(secret: str) -> str:
    """A secret of 256 random bits needs no slow hash: nobody guesses it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def known(text: str) -> ApiKey | None:
    """Return the key with this text, unless it has expired."""
    prefix, _, rest = text.partition("_")
    number, _, secret = rest.partition("_")
    if prefix != PREFIX or not (number.isascii() and number.isdecimal()) or len(number) > 12:
        return None
    key = ApiKey.objects.filter(pk=int(number)).first()
    kept = key.digest if key is not None else _digest("")
    try:
        fits = hmac.compare_digest(kept, _digest(secret))
    except UnicodeEncodeError:
        return None
    if key is None or not fits or (key.expires is not None and key.expires <= timezone.now()):
        return None
    return key


def _note_use(request: HttpRequest, key: ApiKey) -> None:
    """Keep when a key was used, to a minute; the trail says so once in an hour."""
    now = timezone.now()
    if key.used is not None and now - key.used <= NOTED_EVERY:
        return
    anew = key.used is None or f"{key.used:%F %H}" != f"{now:%F %H}"
    with transaction.atomic():
        mine = ApiKey.objects.filter(pk=key.pk, used=key.used).update(used=now) == 1
        if mine and anew:
            events.note("key.used", request, who=f"key:{key.name}")


class Scope(HttpBearer):
    """Lets a request in whose key has the scope. Raises Problem for one that has not."""

    def __init__(self, scope: str) -> None:
        if scope not in SCOPES:
            raise ValueError(f"there is no scope {scope}")
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        key = known(token)
        if key is not None and self.scope not in key.scopes:
            raise Problem(403, f"This needs a key with the scope {self.scope}.")
        if key is not None:
            _note_use(request, key)
        return key


def key_of(request: HttpRequest) -> ApiKey:
    """Return the key that let a request in."""
    key = getattr(request, "auth", None)
    if not isinstance(key, ApiKey):
        raise Problem(401, "This needs a key.")
    return key


def must_have(request: HttpRequest, scope: str) -> None:
    """Raise Problem where the key that let a request in lacks a further scope."""
    if scope not in key_of(request).scopes:
        raise Problem(403, f"This needs a key with the scope {scope}.")
