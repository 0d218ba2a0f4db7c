"""Bearer tokens: signed claims of the provider (RFC 7519, RFC 9068), verified without asking it.

The three parts are taken apart here and not by a library: PyJWT verifies a fifth of what
`cryptography` does on the same core, and what is allowed is narrow enough to read on one page.
What a header says about where keys are to be had (jku, x5u, jwk, x5c) is never followed.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

MOST_CHARACTERS = 8_192
LEEWAY_S = 30
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
_PADDING, _SHA256 = PKCS1v15(), SHA256()
_ECDSA = ec.ECDSA(_SHA256)
_P256_BYTES = 32
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_PLAIN = bytes.maketrans(b"-_+/=", b"+/===")
_LAST = {0: _ALPHABET, 2: _ALPHABET[::16], 3: _ALPHABET[::4]}
"""With what a part may end that has so many letters beyond its fours: no bit is left over."""


class Algorithm(StrEnum):
    """How tokens may be signed (RFC 7518, RFC 8037): by key pairs only, never by a shared key."""

    RS256 = "RS256"
    ES256 = "ES256"
    EDDSA = "EdDSA"


class Fault(StrEnum):
    """Why a token is not taken."""

    MALFORMED = "malformed"
    ALGORITHM = "algorithm"
    KIND = "kind"
    KEY = "key"
    SIGNATURE = "signature"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    NOT_YET = "not-yet"
    SUBJECT = "subject"


class TokenRefused(Exception):
    """A token that is not taken; its text says why and quotes nothing of it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"the token is refused: {fault}")
        self.fault = fault


@dataclass(frozen=True)
class Key:
    """A public key of the provider, and the one algorithm that it is used with."""

    kid: str
    algorithm: Algorithm
    public: PublicKey


@dataclass(frozen=True)
class Expected:
    """What a token has to say of itself.

    `kinds` are the values of its header's `typ`, in small letters, that are taken. `saying` are
    claims that must have exactly these values, for providers that tell kinds of tokens apart so.
    """

    issuer: str
    audience: str
    kinds: Collection[str] = ("at+jwt", "application/at+jwt")
    saying: Mapping[str, str] = field(default_factory=dict)
    leeway_s: int = LEEWAY_S


@dataclass(frozen=True)
class Header:
    """The part of a token's header that decides anything."""

    algorithm: Algorithm
    kid: str
    kind: str


def header_of(token: str) -> Header:
    """Return what a token says about its key, unverified. Raises TokenRefused."""
    if len(token) > MOST_CHARACTERS or token.count(".") != 2 or not token.isascii():
        raise TokenRefused(Fault.MALFORMED)
    return _header(token[: token.index(".")])


def verified(
    token: str, key_of: Callable[[str], Key | None], expected: Expected, now: float
) -> Mapping[str, Any]:
    """Return the claims of a token that may be believed; `now` is seconds since 1970.

    Raises TokenRefused.
    """
    header = header_of(token)
    if header.kind not in expected.kinds:
        raise TokenRefused(Fault.KIND)
    key = key_of(header.kid)
    if key is None:
        raise TokenRefused(Fault.KEY)
    if key.algorithm is not header.algorithm:
        raise TokenRefused(Fault.ALGORITHM)
    signed, _, signature = token.encode("ascii").rpartition(b".")
    if not _signed(key, _decoded(signature), signed):
        raise TokenRefused(Fault.SIGNATURE)
    claims = _object(signed[signed.index(b".") + 1 :])
    _check(claims, expected, now)
    return claims


@lru_cache(maxsize=256)  # the tokens of one key share their header to the letter
def _header(text: str) -> Header:
    header = _object(text.encode())
    kid, kind = header.get("kid"), header.get("typ", "jwt")
    if not isinstance(kid, str) or not isinstance(kind, str) or len(kid) > 256:
        raise TokenRefused(Fault.KEY)
    if "crit" in header or "b64" in header:  # extensions that must be understood: none is
        raise TokenRefused(Fault.MALFORMED)
    try:
        algorithm = Algorithm(str(header.get("alg")))
    except ValueError:
        raise TokenRefused(Fault.ALGORITHM) from None
    return Header(algorithm, kid, kind.lower())


def _check(claims: Mapping[str, Any], expected: Expected, now: float) -> None:
    if claims.get("iss") != expected.issuer:
        raise TokenRefused(Fault.ISSUER)
    audience = claims.get("aud")
    if audience != expected.audience and not (
        isinstance(audience, list) and expected.audience in audience
    ):
        raise TokenRefused(Fault.AUDIENCE)
    if any(claims.get(name) != value for name, value in expected.saying.items()):
        raise TokenRefused(Fault.KIND)
    if now >= _time(claims.get("exp"), Fault.EXPIRED) + expected.leeway_s:
        raise TokenRefused(Fault.EXPIRED)
    for name in ("nbf", "iat"):
        if now < _time(claims.get(name, 0), Fault.NOT_YET) - expected.leeway_s:
            raise TokenRefused(Fault.NOT_YET)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255 or not subject.isascii():
        raise TokenRefused(Fault.SUBJECT)


def _time(value: object, fault: Fault) -> float:
    """Return a time of a token, in seconds since 1970; NaN and infinity are none."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise TokenRefused(fault)
    return value


def _signed(key: Key, signature: bytes, text: bytes) -> bool:
    """Whether a key signed a text. `keys` has paired key and algorithm: no need to ask again."""
    try:
        match key.algorithm:
            case Algorithm.RS256:
                cast(rsa.RSAPublicKey, key.public).verify(signature, text, _PADDING, _SHA256)
            case Algorithm.EDDSA:
                cast(ed25519.Ed25519PublicKey, key.public).verify(signature, text)
            case Algorithm.ES256:
                if len(signature) != 2 * _P256_BYTES:
                    return False
                halves = signature[:_P256_BYTES], signature[_P256_BYTES:]
                pair = encode_dss_signature(*(int.from_bytes(half) for half in halves))
                cast(ec.EllipticCurvePublicKey, key.public).verify(pair, text, _ECDSA)
    except (InvalidSignature, ValueError):
        return False
    return True


def _object(part: bytes) -> dict[str, Any]:
    try:
        value = json.loads(_decoded(part).decode())
    except (ValueError, RecursionError):
        raise TokenRefused(Fault.MALFORMED) from None
    if not isinstance(value, dict):
        raise TokenRefused(Fault.MALFORMED)
    return value


def _decoded(part: bytes) -> bytes:
    """Decode base64url without padding (RFC 7515), in its one spelling."""
    beyond = len(part) % 4
    if not part or part[-1] not in _LAST.get(beyond, b""):
        raise TokenRefused(Fault.MALFORMED)
    try:
        padded = part.translate(_PLAIN) + b"=="[: -beyond % 4]
        return binascii.a2b_base64(padded, strict_mode=True)
    except ValueError:
        raise TokenRefused(Fault.MALFORMED) from None
