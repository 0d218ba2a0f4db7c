"""The cache where no Redis is: in each worker, save for what all of them have to know.

allauth remembers in the cache which code of an authenticator was used. In a cache of each worker's
own, a code would work once in each.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

ONCE = ("allauth.mfa.totp.used",)
_IS_SPENT = "SELECT 1 FROM people_spent WHERE digest = %s"
LIVES_S = 30 * 60  # longer than any code is good for


class EmbeddedCache(LocMemCache):
    """Counts in each worker; what counts once counts in all of them."""

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
    spent = digest(key)
    Spent.objects.filter(expires__lt=now).delete()
    try:
        with transaction.atomic():
            Spent.objects.create(digest=spent, expires=now + timedelta(seconds=lives_s))
    except IntegrityError:
        return False
    return True


def is_spent(key: str) -> bool:
    """Whether somebody has spent that already."""
    with connection.cursor() as cursor:
        cursor.execute(_IS_SPENT, [digest(key)])
        return cursor.fetchone() is not None


def digest(key: str) -> str:
    """Return what is kept of what was spent."""
    return hashlib.sha256(key.encode()).hexdigest()
