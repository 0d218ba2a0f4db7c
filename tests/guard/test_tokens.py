"""Tokens that are forged, old, somebody else's or broken are refused, each for its own reason."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from jwt.algorithms import RSAAlgorithm

from guard.provider import provider
from guard.signing import (
    CLIENT,
    DER,
    EXPECTED,
    ISSUER,
    KEYS,
    PEM,
    PRIVATE,
    STRANGER,
    by_key,
    claims,
    fault,
    jwk,
    key_set,
    spelled,
    token,
)
from holdfast.guard import Guard, Provider, Sessions
from holdfast.guard.fetching import fetch
from holdfast.guard.request import Request
from holdfast.guard.sessions import Memory
from holdfast.guard.tokens import MOST_CHARACTERS, Expected, Fault, TokenRefused, verified

NOW = time.time()
FAR = 10_000


def naive(text: str) -> Any:
    """A verifier as they were published: it believes the header, and has one key for everything."""
    head, body, signature = text.split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    sent = base64.urlsafe_b64decode(signature + "==")
    signed = f"{head}.{body}".encode()
    match str(header["alg"]).lower():
        case "none":
            pass
        case "hs256":
            secret = PEM if header.get("kid") != "/dev/null" else b""
            if not hmac.compare_digest(hmac.digest(secret, signed, "sha256"), sent):
                raise ValueError
        case _:
            brought = header.get("jwk")
            at = header.get("jku") or header.get("x5u")
            if at:
                brought = json.loads(fetch(at))["keys"][0]
            key = jwt.PyJWK(brought).key if brought else PRIVATE["RS256"].public_key()
            key.verify(sent, signed, PKCS1v15(), SHA256())
    return json.loads(base64.urlsafe_b64decode(body + "=="))


def hs256(secret: bytes, header: dict[str, Any]) -> str:
    unsigned = spelled({"alg": "HS256", "typ": "at+jwt", **header}, claims(sub="admin"))
    signature = hmac.digest(secret, unsigned.rstrip(".").encode(), "sha256")
    return unsigned + base64.urlsafe_b64encode(signature).decode().rstrip("=")


def by_stranger(header: dict[str, Any]) -> str:
    headers = {"kid": "RS256", "typ": "at+jwt", **header}
    return jwt.encode(claims(sub="admin"), STRANGER, "RS256", headers=headers)


def none(word: str) -> Callable[[], str]:
    return lambda: spelled({"alg": word, "kid": "RS256", "typ": "at+jwt"}, claims(sub="admin"))


STRANGERS_JWK = RSAAlgorithm.to_jwk(STRANGER.public_key(), as_dict=True)
FORGED: dict[str, tuple[Callable[[], str], Fault]] = {
    "alg none": (none("none"), Fault.ALGORITHM),
    "alg None": (none("None"), Fault.ALGORITHM),
    "alg NONE": (none("NONE"), Fault.ALGORITHM),
    "alg nOnE": (none("nOnE"), Fault.ALGORITHM),
    "HS256 with the public key as text": (lambda: hs256(PEM, {"kid": "RS256"}), Fault.ALGORITHM),
    "a kid that names an empty file": (lambda: hs256(b"", {"kid": "/dev/null"}), Fault.ALGORITHM),
    "a key brought along (jwk)": (lambda: by_stranger({"jwk": STRANGERS_JWK}), Fault.SIGNATURE),
}


def twice(name: str, first: str, last: str) -> str:
    """A good token's claims with one of them twice: the last is what everybody reads."""
    rest = json.dumps({key: value for key, value in claims().items() if key != name})[1:]
    header = {"alg": "RS256", "kid": "RS256", "typ": "at+jwt"}
    body = f'{{"{name}": {first}, "{name}": {last}, {rest}'
    return by_key(PRIVATE["RS256"], "RS256", header, body)


def mixed(algorithm: str, kid: str) -> str:
    """A token that one key signed and that names another."""
    header = {"alg": algorithm, "kid": kid, "typ": "at+jwt"}
    return by_key(PRIVATE[algorithm], algorithm, header, claims(sub="admin"))


def signed(kid: object = "RS256", **changed: object) -> str:
    """A token of the provider that says what no library lets it say."""
    header = {"alg": "RS256", "kid": kid, "typ": "at+jwt"}
    return by_key(PRIVATE["RS256"], "RS256", header, claims(**changed))


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_token_is_taken_by_a_naive_verifier_and_refused_here(name: str) -> None:
    make, reason = FORGED[name]
    assert naive(make())["sub"] == "admin"
    assert fault(make()) is reason


MORE: dict[str, tuple[Callable[[], str], Fault]] = {
    "HS256 with the public key as bytes": (lambda: hs256(DER, {"kid": "RS256"}), Fault.ALGORITHM),
    "HS256 with the key set's own text": (
        lambda: hs256(json.dumps(jwk("RS256")).encode(), {"kid": "RS256"}),
        Fault.ALGORITHM,
    ),
    "a stranger's signature": (lambda: by_stranger({}), Fault.SIGNATURE),
    "an address for the key (jku)": (lambda: by_stranger({"jku": ISSUER}), Fault.SIGNATURE),
    "an address for the certificate (x5u)": (lambda: by_stranger({"x5u": ISSUER}), Fault.SIGNATURE),
    "a certificate brought along (x5c)": (lambda: by_stranger({"x5c": ["AAAA"]}), Fault.SIGNATURE),
    "RS256 for the key of ES256": (lambda: mixed("RS256", "ES256"), Fault.ALGORITHM),
    "ES256 for the key of RS256": (lambda: mixed("ES256", "RS256"), Fault.ALGORITHM),
    "EdDSA for the key of ES256": (lambda: mixed("EdDSA", "ES256"), Fault.ALGORITHM),
    "a kid that is a number": (lambda: signed(7), Fault.KEY),
    "a kid that is a list": (lambda: signed(["RS256"]), Fault.KEY),
    "a kid that is nothing": (lambda: signed(None), Fault.KEY),
    "a kid that is no text": (lambda: signed("\ud800"), Fault.KEY),
    "alg twice": (
        lambda: spelled('{"alg": "RS256", "kid": "RS256", "typ": "at+jwt", "alg": "none"}', "{}"),
        Fault.ALGORITHM,
    ),
    "an end twice": (lambda: twice("exp", "9999999999", "1"), Fault.EXPIRED),
    "an audience twice": (lambda: twice("aud", '"todo"', '"bank"'), Fault.AUDIENCE),
    "an end beyond all numbers": (lambda: twice("exp", "1", "1e400"), Fault.EXPIRED),
    "an end of five thousand digits": (lambda: twice("exp", "1", "9" * 5_000), Fault.MALFORMED),
    "a kid that nobody has": (lambda: token("RS256", {"kid": "RS256' --"}), Fault.KEY),
    "a kid that is a path": (lambda: token("RS256", {"kid": "../../dev/null"}), Fault.KEY),
    "no kid": (lambda: jwt.encode(claims(), PRIVATE["RS256"], "RS256"), Fault.KEY),
    "a kid that is long": (lambda: token("RS256", {"kid": "R" * 300}), Fault.KEY),
    "a demand that must be understood (crit)": (
        lambda: token("RS256", {"crit": ["exp"], "exp": 1}),
        Fault.MALFORMED,
    ),
    "an ID token": (lambda: token("RS256", {"typ": "JWT"}), Fault.KIND),
    "a logout token": (lambda: token("RS256", {"typ": "logout+jwt"}), Fault.KIND),
    "no end": (lambda: token(exp=None), Fault.EXPIRED),
    "an end long ago": (lambda: token(exp=int(NOW) - FAR), Fault.EXPIRED),
    "an end as text": (lambda: token(exp=str(int(NOW) + 300)), Fault.EXPIRED),
    "an end that is true": (lambda: token(exp=True), Fault.EXPIRED),
    "an end that is no number": (lambda: token(exp=float("nan")), Fault.EXPIRED),
    "an end without end": (lambda: token(exp=float("inf")), Fault.EXPIRED),
    "a beginning tomorrow (nbf)": (lambda: token(nbf=int(NOW) + 90_000), Fault.NOT_YET),
    "made tomorrow (iat)": (lambda: token(iat=int(NOW) + 90_000), Fault.NOT_YET),
    "made at true (iat)": (lambda: token(iat=True), Fault.NOT_YET),
    "no audience": (lambda: token(aud=None), Fault.AUDIENCE),
    "another audience": (lambda: token(aud="bank"), Fault.AUDIENCE),
    "an audience that ours is part of": (lambda: token(aud="todo-admin"), Fault.AUDIENCE),
    "many audiences without ours": (lambda: token(aud=["bank", "todos"]), Fault.AUDIENCE),
    "an audience that holds ours as a name": (lambda: token(aud={"todo": 1}), Fault.AUDIENCE),
    "no issuer": (lambda: token(iss=None), Fault.ISSUER),
    "an issuer with one stroke more": (lambda: token(iss=ISSUER + "/"), Fault.ISSUER),
    "an issuer that ours begins with": (lambda: token(iss=ISSUER[:-1]), Fault.ISSUER),
    "issuers, ours among them": (lambda: signed(iss=[ISSUER]), Fault.ISSUER),
    "another issuer": (lambda: token(iss="https://accounts.example.com.evil.org"), Fault.ISSUER),
    "no subject": (lambda: token(sub=None), Fault.SUBJECT),
    "a subject in letters that stores fold": (lambda: token(sub="\u00c4nn"), Fault.SUBJECT),
    "an empty subject": (lambda: token(sub=""), Fault.SUBJECT),
    "five parts, encrypted": (lambda: "a.b.c.d.e", Fault.MALFORMED),
    "two parts": (lambda: token().rpartition(".")[0], Fault.MALFORMED),
    "an empty signature": (lambda: token().rpartition(".")[0] + ".", Fault.MALFORMED),
    "a space around": (lambda: f" {token()}", Fault.MALFORMED),
    "a line's end after it": (lambda: f"{token()}\n", Fault.MALFORMED),
    "padding": (lambda: f"{token()}==", Fault.MALFORMED),
    "letters of another alphabet": (lambda: token()[:-1] + "é", Fault.MALFORMED),
    "a header that is a list": (lambda: spelled([], claims(), b"x"), Fault.MALFORMED),
    "a header that is no JSON": (lambda: spelled("{", claims(), b"x"), Fault.MALFORMED),
    "a header that is deep": (lambda: spelled("[" * 3_000, claims(), b"x"), Fault.MALFORMED),
    "a million letters": (lambda: "e" * 1_000_000, Fault.MALFORMED),
    "a million letters in three parts": (lambda: f"e.{'e' * 1_000_000}.e", Fault.MALFORMED),
}


@pytest.mark.parametrize("name", MORE)
def test_it_is_refused(name: str) -> None:
    make, reason = MORE[name]
    assert fault(make()) is reason


@pytest.mark.parametrize("name", ["jku", "x5u"])
def test_an_address_in_a_token_is_asked_by_a_naive_verifier_and_never_here(name: str) -> None:
    with provider() as evil, provider() as honest:
        evil.keys = key_set({**STRANGERS_JWK, "kid": "RS256"})
        text = by_stranger({name: f"{evil.address}/keys", "iss": honest.address})
        assert naive(text)["sub"] == "admin"
        assert evil.asked == ["/keys"]
        known = Provider(honest.address, CLIENT)
        guard = Guard("https://todo.example.com", b"k" * 32, Sessions(Memory()), provider=known)
        headers = {"host": "todo.example.com", "authorization": f"Bearer {text}"}
        answer = guard.arrive(Request("GET", "/", headers=headers)).answer
        assert answer is not None
        assert answer.status == 401
        assert evil.asked == ["/keys"]
        assert "/keys" in honest.asked


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_a_good_token_is_taken(algorithm: str) -> None:
    assert fault(token(algorithm)) is None


def test_a_token_for_several_applications_is_taken_by_each() -> None:
    assert fault(token(aud=["bank", CLIENT])) is None


def test_a_token_ends_half_a_minute_after_it_says() -> None:
    now = int(time.time())
    text = token(exp=now + 100)
    assert [fault(text, now=now + after) for after in (129, 130)] == [None, Fault.EXPIRED]


def test_a_claim_that_tells_kinds_apart_has_to_be_there() -> None:
    expected = Expected(ISSUER, CLIENT, kinds=("jwt",), saying={"token_use": "access"})
    asked = [token("RS256", {"typ": "JWT"}, token_use=use) for use in ("access", "id", None)]
    assert [fault(text, expected) for text in asked] == [None, Fault.KIND, Fault.KIND]


def test_what_is_refused_is_not_repeated_in_the_reason() -> None:
    with pytest.raises(TokenRefused) as refused:
        verified("secret.secret.secret", KEYS.get, EXPECTED, NOW)
    assert "secret" not in str(refused.value)


def test_a_token_is_as_long_as_a_header_may_be_and_no_longer() -> None:
    assert fault(token(note="x" * (MOST_CHARACTERS // 2))) is None
    assert fault(token(note="x" * MOST_CHARACTERS)) is Fault.MALFORMED
