"""Fast, salted digests as other systems keep them: `DIGEST:before|after:COUNT:SALT:HEX`.

FusionAuth's salted-md5 and salted-sha256 put the salt, as text, after the password, and digest the
digest again COUNT - 1 times.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

MOST_ROUNDS = 5_000_000
FORM = re.compile(
    r"((?:md5|sha1|sha256|sha512):(?:before|after):[0-9]{1,7}:[A-Za-z0-9+/=_-]{0,256}):"
    r"([0-9a-f]{32,128})"
)

_DIGESTS: dict[str, Callable[[bytes], Any]] = {
    "md5": lambda data: hashlib.md5(data, usedforsecurity=False),
    "sha1": lambda data: hashlib.sha1(data, usedforsecurity=False),
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
}


def digest(how: str, password: str) -> str:
    """Return the digest of a password, in hexadecimal; `how` is everything before it.

    Raises ValueError for what is no such description.
    """
    name, where, count, salt = how.split(":")
    if name not in _DIGESTS or not 1 <= int(count) <= MOST_ROUNDS:
        raise ValueError("no digest that is known")
    secret = password.encode()
    data = salt.encode() + secret if where == "before" else secret + salt.encode()
    for _ in range(int(count)):
        data = _DIGESTS[name](data).digest()
    return data.hex()
