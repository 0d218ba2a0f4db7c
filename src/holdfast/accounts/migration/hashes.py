"""Hashes of other systems, written as they are kept here. Each raises ValueError, saying no hash.

What they cost is judged by whoever takes them in (`legacy.recognise`).
"""

from __future__ import annotations

import base64
import binascii
import re

PBKDF2_DIGESTS = ("sha1", "sha224", "sha256", "sha384", "sha512")
BCRYPT_SALT, BCRYPT_SUM = 22, 31  # characters
LONGEST = 1000  # characters
ARGON2_VERSIONS = {"1.0": 16, "1.3": 19}


def bytes_of(text: object, what: str) -> bytes:
    """Return what base64 says, in either alphabet, padded or not."""
    if not isinstance(text, str) or len(text) > LONGEST:
        raise ValueError(f"its {what} is missing, or no base64")
    plain = text.strip().replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"its {what} is no base64") from None


def number(value: object, what: str) -> int:
    """Return a number that may stand as text."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}", value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 10**12:
        raise ValueError(f"its {what} is no number that can be")
    return value


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def pbkdf2(digest: str, rounds: int, salt: bytes, key: bytes) -> str:
    """PBKDF2, with a key of any length."""
    if digest not in PBKDF2_DIGESTS:
        raise ValueError("PBKDF2 with a digest that is not known")
    return f"derived$pbkdf2-{digest}:{rounds}:{_base64(salt)}:{_base64(key)}"


def salted(digest: str, place: str, rounds: int, salt: bytes, value: bytes) -> str:
    """A fast digest; `place` is `before`, `after` or `key` (HMAC)."""
    return f"{digest}:{place}64:{rounds}:{_base64(salt)}:{value.hex()}"


def bcrypt(text: object) -> str:
    """Bcrypt in its modular form."""
    if not isinstance(text, str) or not re.fullmatch(r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}", text):
        raise ValueError("it is no bcrypt hash")
    return text


def argon2(kind: str, version: str, cost: tuple[int, int, int], salt: bytes, key: bytes) -> str:
    """Argon2 from its parts; the cost is memory in KiB, passes and lanes."""
    if kind not in ("id", "i", "d") or version not in ARGON2_VERSIONS:
        raise ValueError("Argon2 of a kind or version that is not known")
    memory, passes, lanes = cost
    parts = "$".join(_base64(part).rstrip("=") for part in (salt, key))
    return f"$argon2{kind}$v={ARGON2_VERSIONS[version]}$m={memory},t={passes},p={lanes}${parts}"
