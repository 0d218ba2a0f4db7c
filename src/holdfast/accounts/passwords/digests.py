"""Fast, salted digests as other systems keep them: `DIGEST:PLACE:COUNT:SALT:HEX`.

The salt stands before or after the password, or is the key of an HMAC over it (`before`, `after`,
`key`); it is text as it stands, or bytes in base64 where the place ends in `64`. The digest is
digested again COUNT - 1 times. FusionAuth's salted-md5 and salted-sha256 are `after64`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any

MOST_ROUNDS = 5_000_000
PLACES = r"(?:before|after|key)(?:64)?"
FORM = re.compile(
    rf"((?:md5|sha1|sha256|sha512):{PLACES}:[0-9]{{1,7}}:[A-Za-z0-9+/=_-]{{0,256}}):"
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
    name, place, count, text = how.split(":")
    if name not in _DIGESTS or not 1 <= int(count) <= MOST_ROUNDS:
        raise ValueError("no digest that is known")
    secret = password.encode()
    salt = base64.b64decode(text, validate=True) if place.endswith("64") else text.encode()
    rounds = int(count)
    if place.startswith("key"):
        data, rounds = hmac.digest(salt, secret, name), rounds - 1
    else:
        data = salt + secret if place.startswith("before") else secret + salt
    for _ in range(rounds):
        data = _DIGESTS[name](data).digest()
    return data.hex()
