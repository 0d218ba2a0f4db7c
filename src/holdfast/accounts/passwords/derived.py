"""Keys derived from a password with a salt of any bytes: `pbkdf2-DIGEST:ROUNDS:SALT:KEY`.

Salt and key are base64, and the key may be of any length up to 128 bytes: Keycloak's and
FusionAuth's are longer than their digest.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from holdfast.accounts.passwords.legacy import Legacy

LONGEST_KEY = 128  # bytes


class DerivedKey(Legacy):
    """Verifies PBKDF2 (RFC 8018) in that form."""

    algorithm = "derived"
    bounded_by_form = True

    def fits(self, password: str, kept: str) -> bool:
        name, rounds, *parts = kept.split(":")
        salt, wanted = (base64.b64decode(part, validate=True) for part in parts)
        digest = name.removeprefix("pbkdf2-")
        key = hashlib.pbkdf2_hmac(digest, password.encode(), salt, int(rounds), len(wanted))
        return hmac.compare_digest(key, wanted)
