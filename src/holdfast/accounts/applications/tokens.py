"""Tokens that say something by themselves: made, signed, and read again when they come back."""

from __future__ import annotations

import functools
import hashlib
import secrets
import time
from collections.abc import Mapping
from typing import Any

import jwt
from allauth.core.internal import jwkkit
from allauth.idp.oidc.adapter import get_adapter
from django.conf import settings

ALGORITHM = "RS256"
ID_TOKEN_LIVES_S = 5 * 60
LONGEST = 8192  # characters
LONGEST_LIFE_S = 3600  # of an access token: configuration.Application bounds it


def digest(text: str) -> str:
    """Return what is kept of a secret that is long and made by chance."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


@functools.lru_cache(maxsize=8)
def _loaded(pem: str) -> tuple[str, Any, Any]:
    """Return a key by name, and its public one: reading it takes as long as signing."""
    described, private = jwkkit.load_jwk_from_pem(pem)
    return str(described["kid"]), private, private.public_key()


def _signed(claims: Mapping[str, Any], lives_s: int, kind: str) -> str:
    now = int(time.time())
    key = get_adapter().get_signing_key()
    name, private, _ = _loaded(key.pem)
    standard = {
        "iss": settings.HOLDFAST.origin,
        "iat": now,
        "exp": now + lives_s,
        "jti": secrets.token_urlsafe(16),
    }
    return jwt.encode(
        {**claims, **standard}, private, algorithm=ALGORITHM, headers={"kid": name, "typ": kind}
    )


def access_token(claims: Mapping[str, Any], lives_s: int) -> str:
    """Return a signed access token (RFC 9068)."""
    return _signed({**claims, "token_use": "access"}, lives_s, "at+jwt")


def id_token(claims: Mapping[str, Any]) -> str:
    """Return a signed ID token (OpenID Connect Core, 2)."""
    return _signed(claims, ID_TOKEN_LIVES_S, "JWT")


def read_access_token(text: str) -> dict[str, Any] | None:
    """Return what an access token of ours says, None where it is none or has run out."""
    said = _read(text, expired=False)
    return said if said is not None and said.get("token_use") == "access" else None


def read_id_token(text: str, client_id: str = "") -> dict[str, Any] | None:
    """Return what an ID token of ours says, one that has run out too: it is a hint alone."""
    said = _read(text, expired=True)
    if said is None or "token_use" in said or (client_id and said.get("aud") != client_id):
        return None
    return said


def _read(text: str, *, expired: bool) -> dict[str, Any] | None:
    if len(text) > LONGEST:
        return None
    try:
        name = jwt.get_unverified_header(text).get("kid")
        for key in get_adapter().list_private_keys(is_active=True):
            known, _, public = _loaded(key.pem)
            if known == name:
                said: dict[str, Any] = jwt.decode(
                    text,
                    public,
                    algorithms=[ALGORITHM],
                    issuer=settings.HOLDFAST.origin,
                    options={"verify_aud": False, "verify_exp": not expired},
                )
                return said
    except jwt.PyJWTError:
        pass
    return None
