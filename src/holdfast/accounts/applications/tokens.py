"""Tokens that say something by themselves: made, signed, and read again when they come back.

Only what was signed here is read, so that it needs no library that reads what others sign.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allauth.core.internal import jwkkit
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from django.conf import settings

from holdfast.accounts.applications import signing_key

ALGORITHM = "RS256"
ACCESS, IDENTITY = "at+jwt", "JWT"
"""Kinds of tokens, by the `typ` of their header: one is never taken for the other."""
_JSON = json.JSONEncoder(separators=(",", ":"))
_PADDING, _SHA256 = PKCS1v15(), SHA256()
ID_TOKEN_LIVES_S = 5 * 60
LONGEST = 8192  # characters
LONGEST_LIFE_S = 3600  # of an access token: configuration.Application bounds it


def digest(text: str) -> str:
    """Return what is kept of a secret that is long and made by chance."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


@dataclass(frozen=True)
class _Pair:
    """A key as it is used: what tokens of each kind that it signs begin with, to the letter."""

    private: rsa.RSAPrivateKey
    public: rsa.RSAPublicKey
    heads: Mapping[str, str]


@functools.lru_cache(maxsize=8)
def _pair(pem: str) -> _Pair:
    """Return a key: reading it takes as long as signing."""
    described, private = jwkkit.load_jwk_from_pem(pem)
    heads = {
        kind: _encoded(_json({"alg": ALGORITHM, "kid": str(described["kid"]), "typ": kind}))
        for kind in (ACCESS, IDENTITY)
    }
    return _Pair(private, private.public_key(), heads)


def _signed(claims: Mapping[str, Any], lives_s: int, kind: str) -> str:
    now = int(time.time())
    standard = {
        "iss": settings.HOLDFAST.origin,
        "iat": now,
        "exp": now + lives_s,
        "jti": secrets.token_urlsafe(16),
    }
    key = _pair(signing_key.signs(settings.HOLDFAST.data).pem)
    said = f"{key.heads[kind]}.{_encoded(_json({**claims, **standard}))}"
    return f"{said}.{_encoded(key.private.sign(said.encode(), _PADDING, _SHA256))}"


def access_token(claims: Mapping[str, Any], lives_s: int) -> str:
    """Return a signed access token (RFC 9068)."""
    return _signed({**claims, "token_use": "access"}, lives_s, ACCESS)


def id_token(claims: Mapping[str, Any]) -> str:
    """Return a signed ID token (OpenID Connect Core, 2)."""
    return _signed(claims, ID_TOKEN_LIVES_S, IDENTITY)


def read_access_token(text: str) -> dict[str, Any] | None:
    """Return what an access token of ours says, None where it is none or has run out."""
    said = _read(text, ACCESS)
    return said if said is not None and said["exp"] > time.time() else None


def read_id_token(text: str, client_id: str = "") -> dict[str, Any] | None:
    """Return what an ID token of ours says, one that has run out too: it is a hint alone."""
    said = _read(text, IDENTITY)
    if said is None or (client_id and said.get("aud") != client_id):
        return None
    return said


def _read(text: str, kind: str) -> dict[str, Any] | None:
    """Return what was signed here, None for all else.

    Nothing is believed of a header: the token begins as ours do, or is none of ours.
    """
    said, _, signature = text.rpartition(".")
    head, _, body = said.partition(".")
    if len(text) > LONGEST or not text.isascii():
        return None
    for key in signing_key.known_keys(settings.HOLDFAST.data):
        pair = _pair(key.pem)
        if head == pair.heads[kind] and _is_signed(pair, said, signature):
            claims: dict[str, Any] = json.loads(_decoded(body))
            return claims if claims["iss"] == settings.HOLDFAST.origin else None
    return None


def _is_signed(key: _Pair, said: str, signature: str) -> bool:
    """Whether a key signed that; its signature has one spelling."""
    try:
        raw = _decoded(signature)
        key.public.verify(raw, said.encode(), _PADDING, _SHA256)
    except (InvalidSignature, ValueError):
        return False
    return _encoded(raw) == signature


def _json(claims: Mapping[str, Any]) -> bytes:
    return _JSON.encode(claims).encode()


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    """Decode base64url without padding (RFC 7515, 2). Raises ValueError."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
