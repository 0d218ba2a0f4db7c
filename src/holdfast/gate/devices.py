"""Devices that an account's owner has signed in with before: each has a budget of its own.

After OWASP's device cookies. A token is `ID.ISSUED.MAC`, bound to one account; a browser keeps one
for each of the few accounts it signs in to. Whoever steals one gets its budget, and no account.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from dataclasses import dataclass

LIVES_S = 180 * 86_400
KEPT = 5
LONGEST = 512
_TOKEN = re.compile(r"([A-Za-z0-9_-]{22})\.([1-9][0-9]{0,11})\.([A-Za-z0-9_-]{22})")


@dataclass(frozen=True)
class Devices:
    """The tokens of one site; the key is 32 bytes or more."""

    key: bytes
    site: str

    def known(self, tokens: str, account: str, now: float) -> str:
        """Return the id of the device if one of its tokens is of this account, or ""."""
        for token in self._read(tokens):
            name, issued, mac = token
            if not now - LIVES_S < int(issued) <= now + 300:
                continue
            if hmac.compare_digest(self._mac(account, name, issued), mac):
                return name
        return ""

    def with_account(self, tokens: str, account: str, now: float) -> str:
        """Return the tokens of a device on which this account has just been signed in to."""
        name = self.known(tokens, account, now) or _spelled(secrets.token_bytes(16))
        issued = str(int(now))
        own = [one for one in self._read(tokens) if one[0] != name][: KEPT - 1]
        return "~".join(
            ".".join(one) for one in [(name, issued, self._mac(account, name, issued)), *own]
        )

    def _read(self, tokens: str) -> list[tuple[str, str, str]]:
        if len(tokens) > LONGEST:
            return []
        found = [_TOKEN.fullmatch(one) for one in tokens.split("~")[:KEPT]]
        return [(one[1], one[2], one[3]) for one in found if one is not None]

    def _mac(self, account: str, name: str, issued: str) -> str:
        fields = [one.encode(errors="surrogatepass") for one in (self.site, account, name, issued)]
        told = b"device" + b"".join(len(one).to_bytes(4) + one for one in fields)
        return _spelled(hmac.digest(self.key, told, "sha256")[:16])


def _spelled(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
