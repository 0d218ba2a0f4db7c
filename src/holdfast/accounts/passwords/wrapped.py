"""Weak hashes are wrapped as they are taken in, `argon2id(md5(…))`, so that none stays at rest.

Kept as `wrapped$PEPPER$HOW|PHC`: the name of the pepper that is mixed in ("" for none), how the
inner digest is made of a password, and the Argon2id of it.
"""

from __future__ import annotations

import re

import argon2
from argon2.exceptions import InvalidHashError, VerificationError
from django.conf import settings

from holdfast.accounts.passwords import digests, pepper, queue
from holdfast.accounts.passwords.legacy import Legacy

_DJANGO_MD5 = re.compile(r"md5\$([A-Za-z0-9]*)\$([0-9a-f]{32})")


def can_wrap(kept: str) -> bool:
    """Whether it is a fast digest that can be made anew of a password."""
    return _inner(kept) is not None


def wrap(kept: str) -> str:
    """Return a fast digest wrapped in Argon2id; what is slow by itself, as it is."""
    inner = _inner(kept)
    if inner is None:
        return kept
    how, digest = inner
    chosen = settings.HOLDFAST.passwords
    name, cost = pepper.newest(chosen.peppers), chosen.argon2
    mixed = pepper.mixed(digest.encode(), name, chosen.peppers) or b""  # the newest is there
    with queue.place():
        phc = argon2.PasswordHasher(cost.passes, cost.memory_kib, cost.lanes).hash(mixed)
    return f"{Wrapped.algorithm}${name}${how}|{phc}"


def _inner(kept: str) -> tuple[str, str] | None:
    """Return how the digest is made, and the digest in hexadecimal."""
    scheme, _, rest = kept.partition("$")
    if scheme == "salted" and (found := digests.FORM.fullmatch(rest)):
        return found[1], found[2]
    if found := _DJANGO_MD5.fullmatch(kept):
        return f"md5:before:1:{found[1]}", found[2]
    return None


class Wrapped(Legacy):
    """Verifies a wrapped digest; a wrong password has cost one hash by that."""

    algorithm = "wrapped"
    bounded_by_form = True

    def fits(self, password: str, kept: str) -> bool:
        name, _, rest = kept.partition("$")
        how, _, phc = rest.partition("|")
        digest = digests.digest(how, password).encode()
        mixed = pepper.mixed(digest, name, settings.HOLDFAST.passwords.peppers)
        try:
            return mixed is not None and argon2.PasswordHasher().verify(phc, mixed)
        except (VerificationError, InvalidHashError):
            return False
