"""A pepper: a key that is mixed into passwords, kept out of the database, so that a stolen database
alone cannot be guessed against.

The newest key stands last in the configuration. The name of the key is kept with each hash, so that
an older one still verifies, and the hash is made anew at the next sign-in.
"""

from __future__ import annotations

import hashlib
import hmac
import logging

from holdfast.accounts.configuration import Pepper

log = logging.getLogger(__name__)


def newest(peppers: tuple[Pepper, ...]) -> str:
    """Return the name of the key for new hashes; "" where there is none."""
    return peppers[-1].name if peppers else ""


def mixed(secret: bytes, name: str, peppers: tuple[Pepper, ...]) -> bytes | None:
    """Return what is hashed: the HMAC-SHA256 of the password under the named key.

    None where that key is not configured: nothing can be said about the password then.
    """
    if not name:
        return secret
    for pepper in peppers:
        if pepper.name == name:
            key = pepper.key.get_secret_value().encode()
            return hmac.new(key, secret, hashlib.sha256).hexdigest().encode()
    log.error("a pepper is missing from the configuration", extra={"pepper": name})
    return None
