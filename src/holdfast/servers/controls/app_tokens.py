"""A token counts when its issuer has signed it, for this application, and until it expires.

Source: guide G4.7, RFC 8725 (the attacks on JSON Web Tokens that it lists).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from holdfast.servers.applications.attack import AppAttack, AppAttacker, Need
from holdfast.servers.applications.http import Request, Unanswered
from holdfast.servers.applications.people import Undecided, header
from holdfast.servers.attack import Verdict, repelled, succeeded
from holdfast.servers.control import Control, Principle, Severity

Claims = dict[str, Any]
HUGE = 1_000_000  # characters
GUESSES = (
    "", "secret", "password", "changeme", "jwt", "key", "your-256-bit-secret", "supersecret",
    "test", "dev", "admin", "123456", "my-secret", "secretkey", "jwt-secret", "default",
)  # fmt: skip
KIDS = (
    "../../../../../../dev/null", "/dev/null", "' UNION SELECT '' -- ", "x' OR '1'='1", "",
    "http://127.0.0.1:9/keys", "key\x00", "|/bin/true",
)  # fmt: skip


def _coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _part(value: Mapping[str, Any]) -> str:
    return _coded(json.dumps(value, separators=(",", ":")).encode())


HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def _hmac(head: Mapping[str, Any], claims: Claims, key: bytes, alg: str = "HS256") -> str:
    body = f"{_part({**head, 'alg': alg})}.{_part(claims)}"
    return f"{body}.{_coded(hmac.new(key, body.encode(), HASHES[alg]).digest())}"


class Sample:
    """A good token of `first`, taken apart."""

    def __init__(self, line: str) -> None:
        kind, _, self.token = line.partition(" ")
        try:
            head, body, self.signature = self.token.split(".")
            self.head: Claims = json.loads(_decoded(head))
            self.claims: Claims = json.loads(_decoded(body))
        except ValueError:
            raise Undecided(
                "trial.token printed no JSON Web Token: let it print Authorization: Bearer TOKEN"
            ) from None
        if kind.lower() != "bearer":
            raise Undecided("trial.token printed no Authorization: Bearer TOKEN")

    @property
    def lasting(self) -> Claims:
        """Its claims, good for longer, and with a role more."""
        return {**self.claims, "exp": int(time.time()) + 86_400}


class Tried:
    """A good token of `first`, and the pages on which it would show that another is believed."""

    def __init__(self, attacker: AppAttacker, sample: Sample, pages: Sequence[str]) -> None:
        self.attacker, self.sample, self._pages = attacker, sample, pages

    async def counts(self, line: str) -> bool:
        """Whether the application takes somebody with this token for `first`, or for anybody."""
        likeness, nobody = self.attacker.likeness, self.attacker.nobody()
        for page in self._pages:
            answer = await nobody.send(Request.get(page, ("Authorization", line)))
            if page != self.attacker.start:
                if answer.status < 300:
                    return True
            elif likeness is not None and likeness.shown_in(answer):
                return True
        return False


async def _pages(attacker: AppAttacker) -> list[str]:
    """Return the start pages that show something to `first` and, but for the first, to them alone.

    Raises Undecided.
    """
    if attacker.likeness is None:
        raise Undecided("nobody is signed in: name first in the trial")
    pages = []
    for page in attacker.trial.start:
        mine = await attacker.first.get(page)
        is_own = page == attacker.start or (await attacker.nobody().get(page)).status >= 300
        if mine.status < 400 and is_own:
            pages.append(page)
    return pages


Forgeries = Callable[[Sample], Iterator[tuple[str, str]]]


def _none(sample: Sample) -> Iterator[tuple[str, str]]:
    for spelled in ("none", "None", "NONE", "nOnE", ""):
        head = f"{_part({**sample.head, 'alg': spelled})}.{_part(sample.lasting)}"
        yield f"alg {spelled or 'empty'}", f"{head}."
        yield f"alg {spelled or 'empty'} with the old signature", f"{head}.{sample.signature}"
    without = {name: value for name, value in sample.head.items() if name != "alg"}
    yield "no alg", f"{_part(without)}.{_part(sample.lasting)}."


def _changed(sample: Sample) -> Iterator[tuple[str, str]]:
    """The signature of another text: of one that is good longer, says more, or is for all."""
    ways: Mapping[str, Claims] = {
        "a later expiry": {"exp": int(time.time()) + 86_400},
        "another person": {"sub": "holdfast-nobody"},
        "a role": {"roles": ["admin"], "scope": "admin"},
        "no audience": {"aud": None},
    }
    for what, more in ways.items():
        body = _part({**sample.claims, **more})
        yield what, f"{_part(sample.head)}.{body}.{sample.signature}"
    first = _part(sample.head)
    yield "no signature", f"{first}.{_part(sample.claims)}."
    yield "half a signature", f"{first}.{_part(sample.claims)}.{sample.signature[:20]}"


def _guessed(sample: Sample) -> Iterator[tuple[str, str]]:
    said = str(sample.head.get("alg"))
    alg = said if said in HASHES else "HS256"
    for guess in GUESSES:
        yield f"the key {guess!r}", _hmac(sample.head, sample.lasting, guess.encode(), alg)


def _kid(sample: Sample) -> Iterator[tuple[str, str]]:
    for kid in KIDS:
        for key in (b"", b"\n", b"\0"):
            yield f"kid {kid!r}", _hmac({**sample.head, "kid": kid}, sample.lasting, key)


def _own_key(sample: Sample) -> Iterator[tuple[str, str]]:
    """A key of the attacker's, in the token itself or at an address that it names."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    numbers = key.public_key().public_numbers()
    mine = {
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "mine",
        "n": _coded(numbers.n.to_bytes(256)), "e": _coded(numbers.e.to_bytes(3)),
    }  # fmt: skip
    elsewhere = "https://attacker.invalid/keys"
    ways: Mapping[str, Claims] = {
        "jwk": {"jwk": mine, "kid": "mine"},
        "jwk and the known kid": {"jwk": mine},
        "jku": {"jku": elsewhere, "kid": "mine"},
        "x5u": {"x5u": elsewhere, "kid": "mine"},
        "nothing but its kid": {},
        "an unknown kid": {"kid": "mine"},
    }
    for what, more in ways.items():
        head = {**sample.head, **more, "alg": "RS256"}
        body = f"{_part(head)}.{_part(sample.lasting)}"
        signed = key.sign(body.encode(), padding.PKCS1v15(), hashes.SHA256())
        yield f"a key of its own by {what}", f"{body}.{_coded(signed)}"


def _malformed(sample: Sample) -> Iterator[tuple[str, str]]:
    yield "nothing", ""
    yield "two parts", sample.token.rpartition(".")[0]
    yield "another word before it", f"x.y.z {sample.token}"
    yield "no JSON", f"{_coded(b'[')}.{_coded(b'{}')}.{sample.signature}"
    yield "claims twice", _twice(sample)
    yield "half of it", sample.token[: len(sample.token) // 2]


def _twice(sample: Sample) -> str:
    said = json.dumps(sample.claims, separators=(",", ":"))
    body = said[:-1] + f',"exp":{int(time.time()) + 86_400}}}'
    return f"{_part(sample.head)}.{_coded(body.encode())}.{sample.signature}"


def _attempt(forgeries: Forgeries) -> Callable[[AppAttacker], Awaitable[Verdict]]:
    async def attempt(attacker: AppAttacker) -> Verdict:
        trial = await _good(attacker)
        tried = 0
        for what, token in forgeries(trial.sample):
            tried += 1
            if await trial.counts(f"Bearer {token}".strip()):
                return succeeded(f"a token with {what} was believed")
        return repelled(f"none of {tried} forged tokens was believed")

    return attempt


async def _good(attacker: AppAttacker) -> Tried:
    """Return the trial of a good token, which must be believed: the canary of every forgery."""
    sample = Sample(header("token", await attacker.sources["token"]())[1])
    trial = Tried(attacker, sample, await _pages(attacker))
    if not await trial.counts(f"Bearer {sample.token}"):
        raise Undecided(
            "the good token of the trial shows first on none of the start pages: let start name "
            "one that takes tokens"
        )
    return trial


async def _public_key(attacker: AppAttacker) -> Verdict:
    """The public key, in every spelling that a server may have it in, as the key of an HMAC."""
    trial = await _good(attacker)
    sample, keys = trial.sample, await _keys_of(attacker)
    tried = 0
    for key in keys:
        for spelled in _spelled(key):
            tried += 1
            token = _hmac(sample.head, sample.lasting, spelled)
            if await trial.counts(f"Bearer {token}"):
                return succeeded("HS256 with the public key was believed")
    return repelled(f"HS256 with the public key, in {tried} spellings, was not believed")


def _spelled(key: rsa.RSAPublicKey) -> Iterator[bytes]:
    for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER):
        for form in (
            serialization.PublicFormat.SubjectPublicKeyInfo,
            serialization.PublicFormat.PKCS1,
        ):
            data = key.public_bytes(encoding, form)
            yield data
            if encoding is serialization.Encoding.PEM:
                yield data.strip()


async def _keys_of(attacker: AppAttacker) -> list[rsa.RSAPublicKey]:
    try:
        kept = json.loads((await attacker.sources["keys"]()).reveal())
    except ValueError:
        raise Undecided(
            "trial.keys printed no key set: let it print what jwks_uri answers"
        ) from None
    found = []
    for one in kept.get("keys", [])[:20] if isinstance(kept, dict) else []:
        try:
            if one["kty"] == "RSA":
                n, e = (int.from_bytes(_decoded(one[name])) for name in ("n", "e"))
                found.append(rsa.RSAPublicNumbers(e, n).public_key())
        except (KeyError, TypeError, ValueError):
            continue
    if not found:
        raise Undecided("trial.keys has no RSA key")
    return found


def _one(name: str, what: str) -> Callable[[AppAttacker], Awaitable[Verdict]]:
    """A token that was good once or elsewhere, as the trial has it."""

    async def attempt(attacker: AppAttacker) -> Verdict:
        trial = await _good(attacker)
        if await trial.counts(header(name, await attacker.sources[name]())[1]):
            return succeeded(f"{what} was believed")
        return repelled(f"{what} was not believed")

    return attempt


async def _huge(attacker: AppAttacker) -> Verdict:
    """Longer than any header that a server takes; whoever reads it all is slow for everybody."""
    await _good(attacker)
    line = ("Authorization", "Bearer " + "A" * HUGE)
    try:
        answer = await attacker.nobody().send(Request.get(attacker.start, line))
    except Unanswered:  # the canary tells whether it goes on
        return repelled("a token of a megabyte ended the connection, and nothing else")
    if answer.status >= 500:
        return succeeded(f"a token of a megabyte breaks the application: {answer.status}")
    return repelled(f"a token of a megabyte was answered with {answer.status}")


TOKEN = frozenset({Need.FIRST, Need.TOKEN})

APP_TOKENS = Control(
    id="app.tokens",
    title="A token counts when its issuer has signed it, for this application, until it expires",
    principle=Principle.IDENTIFY_USERS,
    source="guide G4.7, RFC 8725",
    severity=Severity.CRITICAL,
    stops="Whoever writes a token for themselves is anybody they like.",
    changes="Fix the algorithms on the server, take keys from the issuer's key set only, and check "
    "issuer, audience, expiry and type, as `holdfast.guard` does.",
    app_attacks=(
        AppAttack("none", "bring a token that says that it is not signed", _attempt(_none),
                  needs=TOKEN),
        AppAttack("changed", "change what a token says", _attempt(_changed), needs=TOKEN),
        AppAttack("public-key", "sign with the public key as if it were a secret", _public_key,
                  needs=TOKEN | {Need.KEYS}),
        AppAttack("guessed-key", "sign with a secret that is often used", _attempt(_guessed),
                  needs=TOKEN),
        AppAttack("kid", "have a token name a file or a query as its key", _attempt(_kid),
                  needs=TOKEN),
        AppAttack("own-key", "bring a key of one's own with the token", _attempt(_own_key),
                  needs=TOKEN),
        AppAttack("malformed", "bring what is no token, or half of one", _attempt(_malformed),
                  needs=TOKEN),
        AppAttack("expired", "bring a token that has run out", _one("expired", "an expired token"),
                  needs=TOKEN | {Need.EXPIRED}),
        AppAttack("foreign", "bring a token that is for another application",
                  _one("foreign", "a token for another application"), needs=TOKEN | {Need.FOREIGN}),
        AppAttack("huge", "bring a token of a megabyte", _huge, needs=TOKEN),
    ),
)  # fmt: skip
