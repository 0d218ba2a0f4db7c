"""The cache where no Redis is: in each worker, save for what must happen once in all of them.

allauth remembers in the cache which code of an authenticator was used. In a cache of each worker's
own, a code would work once in each.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache
from django.db import IntegrityError, transaction
from django.utils import timezone

ONCE = ("allauth.mfa.totp.used",)
LIVES = timedelta(minutes=30)  # longer than any code is good for


class EmbeddedCache(LocMemCache):
    """Counts in each worker; `add` of what counts once asks the database."""

    def add(
        self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        """Whether it was not there yet."""
        if not super().add(key, value, timeout, version):
            return False
        return not key.startswith(ONCE) or spend(key)


def spend(key: str) -> bool:
    """Whether this is the first time, in any worker."""
    from holdfast.accounts.people.models import Spent

    now = timezone.now()
    digest = _digest(key)
    Spent.objects.filter(expires__lt=now).delete()
    try:
        with transaction.atomic():
            Spent.objects.create(digest=digest, expires=now + LIVES)
    except IntegrityError:
        return False
    return True


def is_spent(key: str) -> bool:
    """Whether somebody has spent that already."""
    from holdfast.accounts.people.models import Spent

    return Spent.objects.filter(digest=_digest(key)).exists()


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
