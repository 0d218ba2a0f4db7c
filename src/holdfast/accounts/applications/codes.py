"""Codes that an application exchanges for tokens: good once, in all workers, and for a minute."""

from __future__ import annotations

import secrets
from typing import Any

from django.core.cache import cache

from holdfast.accounts.applications.tokens import digest
from holdfast.accounts.people.embedded_cache import spend

LIVES_S = 60
KEY = "holdfast.code"
LONGEST = 200  # characters


def keep(meaning: dict[str, Any]) -> str:
    """Return a new code that stands for something."""
    code = secrets.token_urlsafe(32)
    cache.set(f"{KEY}:{digest(code)}", meaning, timeout=LIVES_S)
    return code


def take(code: str) -> dict[str, Any] | None:
    """Return what a code stands for, the first time that it is brought.

    Raises KeyError where it was brought before.
    """
    if not spend(f"code {code}"):
        raise KeyError
    key = f"{KEY}:{digest(code)}"
    meaning: dict[str, Any] | None = cache.get(key)
    cache.delete(key)
    return meaning
