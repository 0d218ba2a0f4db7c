"""The cache where no Redis is: in each worker, save for what all of them have to know.

allauth remembers in the cache which code of an authenticator was used. In a cache of each worker's
own, a code would work once in each. It keeps there as well what a code of the OpenID provider
stands for, which another worker is asked for a moment later: that is in the database.
"""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

ONCE = ("allauth.mfa.totp.used",)
SHARED = ("holdfast.code",)
_IS_SPENT = "SELECT 1 FROM people_spent WHERE digest = %s"
"""Written out: it is part of every introspection."""
LIVES_S = 30 * 60  # longer than any code is good for


class EmbeddedCache(LocMemCache):
    """Counts in each worker; what all have to know goes to the database."""

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        """What is kept under a key."""
        if not key.startswith(SHARED):
            return super().get(key, default, version)
        kept = _kept().filter(digest=_digest(key), expires__gt=timezone.now()).first()
        return default if kept is None else json.loads(kept.value)

    def set(
        self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> None:
        """Keep a value; of what is shared, one that JSON can hold, for so many seconds."""
        if not key.startswith(SHARED):
            super().set(key, value, timeout, version)
            return
        now = timezone.now()
        _kept().filter(expires__lt=now).delete()
        values = {"value": json.dumps(value), "expires": now + timedelta(seconds=timeout)}
        _kept().update_or_create(digest=_digest(key), defaults=values)

    def delete(self, key: str, version: int | None = None) -> bool:
        """Forget a key; return whether it was there."""
        if not key.startswith(SHARED):
            return super().delete(key, version)
        return bool(_kept().filter(digest=_digest(key)).delete()[0])

    def add(
        self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        """Whether it was not there yet."""
        if not super().add(key, value, timeout, version):
            return False
        return not key.startswith(ONCE) or spend(key)


def spend(key: str, lives_s: int = LIVES_S) -> bool:
    """Whether this is the first time, in any worker; remembered for so many seconds."""
    from holdfast.accounts.people.models import Spent

    now = timezone.now()
    digest = _digest(key)
    Spent.objects.filter(expires__lt=now).delete()
    try:
        with transaction.atomic():
            Spent.objects.create(digest=digest, expires=now + timedelta(seconds=lives_s))
    except IntegrityError:
        return False
    return True


def is_spent(key: str) -> bool:
    """Whether somebody has spent that already."""
    with connection.cursor() as cursor:
        cursor.execute(_IS_SPENT, [_digest(key)])
        return cursor.fetchone() is not None


def _kept() -> Any:
    from holdfast.accounts.applications.models import Kept

    return Kept.objects


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
