"""Passwords that became known: an offline filter first, and a service where one is configured.

The filter is a sorted list of the first five bytes of SHA-256 of each known password, in lower
case: of other passwords, one in 2^40 / N is taken for a known one by chance. It holds those of at
least eight characters in Django's list and in zxcvbn's lists of passwords, words and names. The
service is asked as "Have I Been Pwned" is: by the first five digits of the SHA-1, so that it does
not learn the password. Where it does not answer, nothing is held against a password.
"""

from __future__ import annotations

import bisect
import functools
import hashlib
import hmac
import http.client
import logging
import time
import urllib.request
from collections.abc import Sequence
from importlib import resources

from django.conf import settings

log = logging.getLogger(__name__)
FILE = "known-passwords.bin"
KEPT_BYTES = 5
PREFIX = 5  # hexadecimal digits of the SHA-1
TIMEOUT_S = 2.0
LARGEST_ANSWER = 256 * 1024


class Filter(Sequence[bytes]):
    """The list as a sequence over the file's own bytes, of which no copy is made."""

    def __init__(self, data: bytes) -> None:
        if len(data) % KEPT_BYTES:
            raise ValueError("the list of known passwords is damaged")
        self._data = data

    def __len__(self) -> int:
        return len(self._data) // KEPT_BYTES

    def __getitem__(self, index: int) -> bytes:  # type: ignore[override]
        return self._data[index * KEPT_BYTES : (index + 1) * KEPT_BYTES]

    def holds(self, password: str) -> bool:
        """Whether it is known."""
        kept = digest(password)
        place = bisect.bisect_left(self, kept)
        return place < len(self) and self[place] == kept


def digest(password: str) -> bytes:
    """Return what the list keeps of a password."""
    return hashlib.sha256(password.casefold().encode("utf-8", "surrogatepass")).digest()[
        :KEPT_BYTES
    ]


def build(passwords: Sequence[str]) -> bytes:
    """Return the file's content for these passwords."""
    return b"".join(sorted({digest(password) for password in passwords}))


@functools.cache
def shipped() -> Filter:
    """Return the list that comes with Holdfast."""
    return Filter(resources.files(__package__).joinpath(FILE).read_bytes())


def is_known(password: str) -> bool:
    """Whether a password became known, as far as anybody can be asked."""
    url = settings.HOLDFAST.passwords.breach_range_url
    return shipped().holds(password) or (url is not None and _service_knows(url, password))


def _read(answer: http.client.HTTPResponse) -> bytes:
    """Read as much as comes within the time for all of it. Raises TimeoutError."""
    deadline, data = time.monotonic() + TIMEOUT_S, b""
    while len(data) < LARGEST_ANSWER and (part := answer.read1(65536)):
        data += part
        if time.monotonic() > deadline:
            raise TimeoutError("the answer takes too long")
    return data


def _service_knows(url: str, password: str) -> bool:
    whole = hashlib.sha1(password.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
    prefix, rest = whole[:PREFIX].upper(), whole[PREFIX:].upper()
    try:
        request = urllib.request.Request(  # noqa: S310 - the configuration's own URL
            f"{url.rstrip('/')}/{prefix}", headers={"Add-Padding": "true"}
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            lines = _read(answer).decode("ascii", "replace").split()
    except (OSError, ValueError, http.client.HTTPException) as error:
        log.warning("the breach service does not answer", extra={"reason": type(error).__name__})
        return False
    found = False
    for line in lines:
        suffix, _, count = line.partition(":")
        found |= hmac.compare_digest(suffix.encode(), rest.encode()) and count.strip() != "0"
    return found
