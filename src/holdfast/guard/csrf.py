"""Cross-site request forgery: where a request comes from, and what shows that it was meant.

Four ways with one interface, each a way of the guide (G4.8): what a page of ours holds and a page
of another site cannot know. Origin, Referer and Sec-Fetch-Site are judged in addition, never alone:
they may be missing.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from dataclasses import dataclass
from enum import Enum
from typing import Protocol
from urllib.parse import urlsplit

from holdfast.guard.cookies import Cookie, SameSite, named
from holdfast.guard.request import Request

FIELD, HEADER, COOKIE = "csrf-token", "x-csrf-token", "guard-csrf"
STATELESS_LIVES_S = 7_200
_RANDOM_BYTES = 16
MOST_CHARACTERS = 256


class Verdict(Enum):
    """What a request shows. STALE: it brought something, which is not what this visitor has now."""

    GOOD = "good"
    STALE = "stale"
    MISSING = "missing"


@dataclass(frozen=True)
class Owner:
    """Whose token it is: one visitor's, by a name and a secret that end with the sign-in."""

    name: str
    secret: str


@dataclass(frozen=True)
class Token:
    """What a page gets: a value for its forms or scripts, and cookies that go with it."""

    value: str
    cookies: tuple[Cookie, ...] = ()


class Strategy(Protocol):
    """One way to show that a request was meant."""

    def token(self, request: Request, owner: Owner, now: float) -> Token:
        """Return what the page that answers a request is to hold."""
        ...

    def judge(self, request: Request, owner: Owner, now: float) -> Verdict:
        """Say what a request that changes something shows."""
        ...


def is_from_here(request: Request, origin: str) -> bool:
    """Whether nothing says that a request was started by another site's page."""
    fetched_by = request.headers.get("sec-fetch-site", "same-origin")
    if fetched_by not in ("same-origin", "none"):
        return False
    said = request.headers.get("origin")
    if said == "null" and request.headers.get("sec-fetch-site") == "same-origin":
        return True  # of a page that tells no referrer; no page can write the other header
    if said is not None:
        return said.lower() == origin
    referer = request.headers.get("referer")
    return referer is None or _origin_of(referer) == origin


def _origin_of(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}".lower()


class SessionToken:
    """The session's own token, in a field or a header: one for all its tabs, and the back button.

    Each page shows it under another mask, so that what is compressed along with it tells nothing
    (BREACH).
    """

    def token(self, request: Request, owner: Owner, now: float) -> Token:
        pad = secrets.token_bytes(32)
        return Token(_text(pad + _mixed(pad, self._of(owner))))

    def judge(self, request: Request, owner: Owner, now: float) -> Verdict:
        brought = _brought(request)
        if not brought:
            return Verdict.MISSING
        data = _data(brought)
        is_ours = hmac.compare_digest(_mixed(data[:32], data[32:]), self._of(owner))
        return Verdict.GOOD if is_ours else Verdict.STALE

    def _of(self, owner: Owner) -> bytes:
        return hmac.digest(owner.secret.encode(), b"csrf session", "sha256")


class _Signed:
    """Values that only this application makes, each for one visitor: random bytes and an HMAC."""

    def __init__(self, key: bytes, use: bytes) -> None:
        self._key = hmac.digest(key, b"csrf " + use, "sha256")

    def made(self, owner: Owner) -> str:
        random = secrets.token_bytes(_RANDOM_BYTES)
        return _text(random + self._over(random, owner))

    def is_made(self, value: str, owner: Owner) -> bool:
        data = _data(value)
        random, signature = data[:_RANDOM_BYTES], data[_RANDOM_BYTES:]
        return hmac.compare_digest(signature, self._over(random, owner))

    def _over(self, random: bytes, owner: Owner) -> bytes:
        return hmac.digest(self._key, random + f"{owner.name} {owner.secret}".encode(), "sha256")


class ReadableCookie:
    """A cookie that our scripts read and send back as a header or field; other sites' cannot.

    For pages that send by script. The value is signed for one visitor, so that a sub-domain that
    plants a cookie of its own has nothing to send along with it.
    """

    def __init__(self, key: bytes, *, secure: bool) -> None:
        self._signed, self._cookie = _Signed(key, b"readable"), named(COOKIE, secure=secure)
        self.secure = secure

    def token(self, request: Request, owner: Owner, now: float) -> Token:
        held = request.cookie(self._cookie)
        if held and self._signed.is_made(held, owner):
            return Token(held)
        made = self._signed.made(owner)
        return Token(made, (Cookie(self._cookie, made, readable=True, same_site=SameSite.STRICT),))

    def judge(self, request: Request, owner: Owner, now: float) -> Verdict:
        brought = _brought(request)
        if not brought:
            return Verdict.MISSING
        return _agreed(self._signed, brought, request.cookie(self._cookie), owner)


class CookieAndField:
    """A cookie that no script reads, and the same value in a field of the form."""

    def __init__(self, key: bytes, *, secure: bool) -> None:
        self._signed, self._cookie = _Signed(key, b"field"), named(COOKIE, secure=secure)
        self.secure = secure

    def token(self, request: Request, owner: Owner, now: float) -> Token:
        held = request.cookie(self._cookie)
        if held and self._signed.is_made(held, owner):
            return Token(held)
        made = self._signed.made(owner)
        return Token(made, (Cookie(self._cookie, made, same_site=SameSite.STRICT),))

    def judge(self, request: Request, owner: Owner, now: float) -> Verdict:
        brought = _brought(request)
        if not brought:
            return Verdict.MISSING
        return _agreed(self._signed, brought, request.cookie(self._cookie), owner)


class Stateless:
    """A time and an HMAC over it and the visitor: nothing is kept, and it ends by itself."""

    def __init__(self, key: bytes, lives_s: int = STATELESS_LIVES_S) -> None:
        self._key, self._lives_s = hmac.digest(key, b"csrf stateless", "sha256"), lives_s

    def token(self, request: Request, owner: Owner, now: float) -> Token:
        ends = str(int(now) + self._lives_s)
        return Token(f"{ends}.{self._over(ends, owner)}")

    def judge(self, request: Request, owner: Owner, now: float) -> Verdict:
        brought = _brought(request)
        if not brought:
            return Verdict.MISSING
        ends, _, signature = brought.partition(".")
        is_ours = hmac.compare_digest(signature.encode(), self._over(ends, owner).encode())
        return Verdict.GOOD if is_ours and now < int(ends) else Verdict.STALE

    def _over(self, ends: str, owner: Owner) -> str:
        said = f"{ends} {owner.name} {owner.secret}".encode()
        return _text(hmac.digest(self._key, said, "sha256"))


def _agreed(signed: _Signed, brought: str, held: str, owner: Owner) -> Verdict:
    is_same = hmac.compare_digest(brought.encode(), held.encode())
    return Verdict.GOOD if is_same and signed.is_made(held, owner) else Verdict.STALE


def _brought(request: Request) -> str:
    return request.headers.get(HEADER, "") or request.field(FIELD)


def _mixed(left: bytes, right: bytes) -> bytes:
    """Each byte of one with that of the other; as long as the shorter."""
    return bytes(one ^ other for one, other in zip(left, right, strict=False))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _data(text: str) -> bytes:
    try:
        if len(text) > MOST_CHARACTERS:
            return b""
        return base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (ValueError, UnicodeError):
        return b""
