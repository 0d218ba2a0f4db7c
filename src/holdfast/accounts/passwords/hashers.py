"""How new passwords are hashed: Argon2id, a pepper first, one lane each.

Source: RFC 9106; parameters by OWASP's Password Storage Cheat Sheet. A stored hash reads
`argon2id$PEPPER$argon2id$v=19$m=…,t=…,p=…$SALT$HASH`: the name of the pepper, which may be empty,
and the usual form of Argon2.
"""

from __future__ import annotations

import unicodedata
from typing import Any

import argon2
from argon2.exceptions import InvalidHashError, VerificationError
from django.conf import settings
from django.contrib.auth.hashers import BasePasswordHasher

from holdfast.accounts.configuration import Configuration
from holdfast.accounts.configuration import Passwords as PasswordSettings
from holdfast.accounts.passwords import costs, legacy, pepper, queue

_HASH_BYTES, _SALT_BYTES = 32, 16


def names(configuration: Configuration) -> list[str]:
    """Return Django's list of hashers: ours first, then all that can be verified."""
    return [
        "holdfast.accounts.passwords.hashers.Argon2id",
        "holdfast.accounts.passwords.wrapped.Wrapped",
        *legacy.HASHERS,
        *configuration.passwords.schemes,
    ]


def prepared(password: str) -> bytes | None:
    """Return what is hashed of a password, the same however it was typed (NFKC); None for no text.

    Nothing is cut off. A lone surrogate has no UTF-8, and no keyboard makes one.
    """
    try:
        return unicodedata.normalize("NFKC", password).encode()
    except UnicodeEncodeError:
        return None


def burn(password: str) -> None:
    """Take the time of one hash, where there is nobody to compare with."""
    with queue.place():
        _hasher(_chosen()).hash(prepared(password) or b"")


def _chosen() -> PasswordSettings:
    chosen: PasswordSettings = settings.HOLDFAST.passwords
    return chosen


def _hasher(chosen: PasswordSettings) -> argon2.PasswordHasher:
    cost = chosen.argon2
    return argon2.PasswordHasher(
        time_cost=cost.passes,
        memory_cost=cost.memory_kib,
        parallelism=cost.lanes,
        hash_len=_HASH_BYTES,
        salt_len=_SALT_BYTES,
    )


class Argon2id(BasePasswordHasher):
    """Django's interface to it."""

    algorithm = "argon2id"

    def salt(self) -> str:
        """Argon2 makes its own."""
        return ""

    def encode(self, password: str, salt: str = "") -> str:
        """Hash a password. Raises ValueError for what is no text, Overloaded."""
        chosen = _chosen()
        name = pepper.newest(chosen.peppers)
        secret = prepared(password)
        mixed = pepper.mixed(secret, name, chosen.peppers) if secret is not None else None
        if mixed is None:
            raise ValueError("a password is text")
        with queue.place():
            return f"{self.algorithm}${name}{_hasher(chosen).hash(mixed)}"

    def verify(self, password: str, encoded: str) -> bool:
        """Whether it fits; False for a hash that is damaged. Raises Overloaded."""
        chosen = _chosen()
        name, phc = _parts(encoded)
        secret = prepared(password) if costs.bounded(encoded) else None
        mixed = pepper.mixed(secret, name, chosen.peppers) if secret is not None else None
        if mixed is None:
            burn(password)
            return False
        try:
            with queue.place():
                return _hasher(chosen).verify(phc, mixed)
        except (VerificationError, InvalidHashError):
            return False

    def must_update(self, encoded: str) -> bool:
        """Whether cost or pepper have changed since."""
        chosen = _chosen()
        name, phc = _parts(encoded)
        try:
            old = _hasher(chosen).check_needs_rehash(phc)
        except InvalidHashError:
            return True
        return old or name != pepper.newest(chosen.peppers)

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Have a wrong password cost a new hash, where the kept one is of another cost."""
        burn(password)

    def decode(self, encoded: str) -> dict[str, Any]:
        name, phc = _parts(encoded)
        return {"algorithm": self.algorithm, "pepper": name, "hash": phc}

    def safe_summary(self, encoded: str) -> dict[Any, Any]:
        name, phc = _parts(encoded)
        return {"algorithm": self.algorithm, "pepper": name, "parameters": phc.split("$")[3:4]}


def _parts(encoded: str) -> tuple[str, str]:
    """Return the pepper's name and the usual form of Argon2."""
    _, _, rest = encoded.partition("$")
    name, _, phc = rest.partition("$")
    return name, f"${phc}"
