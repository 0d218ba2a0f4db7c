"""Keys and tokens of a provider, made for the tests; also the wrong ones."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from holdfast.guard.keys import keys_of
from holdfast.guard.tokens import Expected, Fault, Key, TokenRefused, verified

ISSUER, CLIENT = "https://accounts.example.com", "todo"
EXPECTED = Expected(ISSUER, CLIENT)
PRIVATE: Mapping[str, Any] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
STRANGER = rsa.generate_private_key(65537, 2048)
_FORMS: Mapping[str, Any] = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}
_HASHES = {"RS256": (RSAAlgorithm.SHA256,), "ES256": (ECAlgorithm.SHA256,)}


def jwk(name: str, kid: str = "") -> dict[str, Any]:
    """The public key of an algorithm as it stands in a key set."""
    found: dict[str, Any] = _FORMS[name].to_jwk(PRIVATE[name].public_key(), as_dict=True)
    return {**found, "kid": kid or name, "use": "sig"}


def key_set(*entries: Mapping[str, Any]) -> bytes:
    return json.dumps({"keys": list(entries)}).encode()


KEYS: Mapping[str, Key] = keys_of(key_set(*map(jwk, PRIVATE)))
PEM: bytes = (
    PRIVATE["RS256"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
)
DER: bytes = (
    PRIVATE["RS256"].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
)


def claims(**changed: Any) -> dict[str, Any]:
    """What a good token says; a change of None takes a claim out."""
    now = int(time.time())
    good = {"iss": ISSUER, "aud": CLIENT, "sub": "7", "iat": now, "exp": now + 300, "roles": ["A"]}
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def token(algorithm: str = "RS256", header: Mapping[str, Any] | None = None, **changed: Any) -> str:
    """A token that is signed by the provider."""
    headers = {"kid": algorithm, "typ": "at+jwt", **(header or {})}
    return jwt.encode(claims(**changed), PRIVATE[algorithm], algorithm, headers=headers)


def part(value: object) -> str:
    """A part of a token, of whatever is given: text as it is, anything else as JSON."""
    data = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(data.encode()).decode().rstrip("=")


def by_key(key: Any, algorithm: str, header: object, body: object) -> str:
    """A token whose two parts are put together by hand, and signed by a key."""
    unsigned = f"{part(header)}.{part(body)}"
    signature = _FORMS[algorithm](*_HASHES.get(algorithm, ())).sign(unsigned.encode(), key)
    return f"{unsigned}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def spelled(header: object, body: object, signature: bytes = b"") -> str:
    """A token put together by hand."""
    tail = base64.urlsafe_b64encode(signature).decode().rstrip("=")
    return f"{part(header)}.{part(body)}.{tail}"


def fault(text: str, expected: Expected = EXPECTED, now: float | None = None) -> Fault | None:
    """Why a token is refused; None where it is taken."""
    try:
        verified(text, KEYS.get, expected, time.time() if now is None else now)
    except TokenRefused as error:
        return error.fault
    return None
