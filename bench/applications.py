"""The guard in front of an application: tokens verified on a core, and what a request is slowed."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from bench.figures import Better, Figure, Peer
from bench.running import Measure, Report, in_turn
from holdfast.guard import Guard, Person, Provider, Sessions
from holdfast.guard.asgi import App, GuardedAsgi, Message, Scope
from holdfast.guard.keys import keys_of
from holdfast.guard.sessions import Memory
from holdfast.guard.tokens import Expected, Key, verified

ISSUER, CLIENT, ORIGIN = "https://accounts.example.com", "todo", "https://todo.example.com"
TOKENS, REQUESTS = 1_000, 3_000
SEVERAL = 4
"""So often each is taken in a turn: what is this short jumps with everything the machine does."""
A_SECOND, OF_RAW, ADDED_US = 20_000.0, 0.40, 60.0
EXPECTED = Expected(ISSUER, CLIENT)
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
KEYS: Mapping[str, PrivateKey] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
_FORMS: Mapping[str, Any] = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}
JWKS = json.dumps(
    {
        "keys": [
            {**_FORMS[name].to_jwk(key.public_key(), as_dict=True), "kid": name, "use": "sig"}
            for name, key in KEYS.items()
        ]
    }
).encode()


def measure(report: Report) -> list[Figure]:
    """Measure one process on one core."""
    report("verifying tokens, beside cryptography alone and PyJWT")
    tokens = [_token("RS256", number) for number in range(TOKENS)]
    ours, raw, library = in_turn(
        Measure(lambda: _a_second(tokens, _ours), SEVERAL),
        Measure(lambda: _a_second(tokens, _raw), SEVERAL),
        Measure(lambda: _a_second(tokens, _pyjwt), SEVERAL),
    )
    higher, unit = Better.HIGHER, "tokens/s"
    figures = [
        Figure(
            "RS256 tokens verified",
            unit,
            ours,
            Peer("the signature alone, by cryptography", raw),
            limit=A_SECOND,
            goal=OF_RAW,
            better=higher,
        ),
        Figure("RS256 tokens verified, beside PyJWT", unit, ours, _peer(library), better=higher),
    ]
    for name in ("ES256", "EdDSA"):
        others = [_token(name, number) for number in range(TOKENS)]
        ours, library = in_turn(
            Measure(partial(_a_second, others, _ours), SEVERAL),
            Measure(partial(_a_second, others, _pyjwt), SEVERAL),
        )
        figures.append(Figure(f"{name} tokens verified", unit, ours, _peer(library), better=higher))
    report("requests to an application that answers at once, with the guard and without")
    return [*figures, *_requests()]


def _peer(runs: tuple[float, ...]) -> Peer:
    return Peer(f"PyJWT {jwt.__version__}", runs)


def _token(algorithm: str, number: int) -> str:
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": CLIENT,
        "sub": f"person-{number}",
        "iat": now,
        "exp": now + 3600,
        "jti": str(number),
        "roles": ["CREATE_TODO"],
        "email": "somebody@example.com",
    }
    headers = {"kid": algorithm, "typ": "at+jwt"}
    return jwt.encode(claims, KEYS[algorithm], algorithm, headers=headers)


PUBLIC: Mapping[str, Key] = keys_of(JWKS)
_RSA = KEYS["RS256"].public_key()
_PADDING, _HASH = PKCS1v15(), SHA256()


def _ours(token: str) -> None:
    verified(token, PUBLIC.get, EXPECTED, time.time())


def _raw(token: str) -> None:
    signed, _, signature = token.rpartition(".")
    assert isinstance(_RSA, rsa.RSAPublicKey)
    _RSA.verify(base64.urlsafe_b64decode(signature + "=="), signed.encode(), _PADDING, _HASH)


def _pyjwt(token: str) -> None:
    name = jwt.get_unverified_header(token)["kid"]
    jwt.decode(token, PUBLIC[name].public, [name], audience=CLIENT, issuer=ISSUER)


def _a_second(tokens: list[str], verify: Callable[[str], None]) -> float:
    began = time.process_time()
    for token in tokens:
        verify(token)
    return len(tokens) / (time.process_time() - began)


def _requests() -> list[Figure]:
    sessions = Sessions(Memory())
    provider = Provider(ISSUER, CLIENT, fetch=_fetched)
    guard = Guard(ORIGIN, b"k" * 32, sessions, provider=provider)
    name, _ = sessions.make(Person("person-1"))
    guarded = GuardedAsgi(_application, guard)
    asked = {
        "nobody in particular": [],
        "a session in memory": [(b"cookie", f"__Host-guard-session={name}".encode())],
        "a bearer token, RS256": [(b"authorization", f"Bearer {_token('RS256', 1)}".encode())],
    }
    figures = []
    for who, headers in asked.items():
        added, token = in_turn(
            Measure(partial(_added_us, guarded, headers), SEVERAL),
            Measure(lambda: 1e6 / _a_second([_token("RS256", 1)] * 200, _ours), SEVERAL),
        )
        if headers and headers[0][0] == b"authorization":
            without = tuple(one - other for one, other in zip(added, token, strict=True))
            figures.append(Figure(f"added to a request: {who}", "µs", added))
            name = "the same, without verifying the token"
            figures.append(Figure(name, "µs", without, limit=ADDED_US))
        else:
            figures.append(Figure(f"added to a request: {who}", "µs", added, limit=ADDED_US))
    return figures


def _fetched(address: str) -> bytes:
    if address.endswith("/jwks"):
        return JWKS
    described = {name: f"{ISSUER}/{name}" for name in ("authorization_endpoint", "token_endpoint")}
    return json.dumps({"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks", **described}).encode()


async def _application(
    scope: Scope, receive: Any, send: Callable[[Message], Awaitable[None]]
) -> None:
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


def _added_us(guarded: App, headers: list[tuple[bytes, bytes]]) -> float:
    return _us(guarded, headers) - _us(_application, headers)


def _us(app: App, headers: list[tuple[bytes, bytes]]) -> float:
    """Return the microseconds of processor that a request takes, server and network left out."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/todos",
        "query_string": b"sort=title",
        "client": ("127.0.0.1", 5000),
        "headers": [
            (b"host", b"todo.example.com"),
            (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101"),
            (b"accept", b"text/html,application/xhtml+xml"),
            (b"accept-language", b"en"),
            (b"sec-fetch-site", b"same-origin"),
            *headers,
        ],
    }
    statuses: set[int] = set()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if "status" in message:
            statuses.add(message["status"])

    async def all_of_them() -> float:
        for _ in range(50):
            await app(scope, receive, send)
        began = time.process_time()
        for _ in range(REQUESTS):
            await app(scope, receive, send)
        return time.process_time() - began

    took_s = asyncio.run(all_of_them())
    assert statuses == {200}
    return 1e6 * took_s / REQUESTS
