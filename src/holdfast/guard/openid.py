"""Sign-in at the provider: OpenID Connect's code flow with PKCE (Core 3.1, RFC 7636, RFC 9207).

What has to be known again when the browser comes back lies in a cookie of its own, signed, for ten
minutes: no server keeps anything for people who never come back.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from holdfast.guard.answers import Refusal
from holdfast.guard.fetching import Fetch, ProviderDown, fetch, is_safe, post
from holdfast.guard.keys import Keys, Pace
from holdfast.guard.sessions import Person
from holdfast.guard.tokens import Expected, TokenRefused, verified

LIVES_S = 600
MOST_LEADS_ON = 2_000
_OF_ADDRESSES = "/:@!$&'()*+,;=~-._?%#[]"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True)
class Provider:
    """Where people of the application sign in, and what it is called there.

    `access_kinds` and `saying` tell access tokens from others (see `tokens.Expected`); `roles` is
    the claim with a person's roles in this application.
    """

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    roles: str = "roles"
    access_kinds: tuple[str, ...] = ("at+jwt", "application/at+jwt")
    access_saying: Mapping[str, str] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)
    fetch: Fetch = fetch

    @classmethod
    def holdfast(cls, issuer: str, client_id: str, client_secret: str = "") -> Provider:
        """Return `holdfast serve` at an address, whose access tokens say so in a claim."""
        return cls(issuer, client_id, client_secret, access_saying={"token_use": "access"})

    def __post_init__(self) -> None:
        if not is_safe(self.issuer):
            raise ValueError(f"issuer: {self.issuer} is in clear: write https://")


@dataclass(frozen=True)
class SignedIn:
    """What a sign-in at the provider came to."""

    person: Person
    id_token: str = field(repr=False)
    leads_to: str


class SignIn:
    """The application's side of sign-in at one provider."""

    def __init__(
        self,
        provider: Provider,
        key: bytes,
        comes_back_to: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`comes_back_to` is the address that is registered at the provider."""
        self.provider, self._back, self._clock = provider, comes_back_to, clock
        self._key = hmac.digest(key, b"sign-in", "sha256")
        self._known: Mapping[str, Any] | None = None
        self.origins = _origins(provider.issuer)
        """Where people are sent to, as far as that is known by now."""
        self._failed_at = float("-inf")
        self._asking = threading.Lock()
        self.keys = Keys(lambda: str(self.described()["jwks_uri"]), provider.fetch, provider.pace)
        self._id_tokens = Expected(provider.issuer, provider.client_id, kinds=("jwt",), leeway_s=60)

    def described(self) -> Mapping[str, Any]:
        """Return what the provider says of itself (Discovery 4). Raises ProviderDown."""
        with self._asking:
            if self._known is None:
                if time.monotonic() < self._failed_at + self.provider.pace.interval_s:
                    raise ProviderDown("it did not answer a moment ago")
                at = f"{self.provider.issuer.rstrip('/')}/.well-known/openid-configuration"
                try:
                    self._known = _description(self.provider.fetch(at), self.provider.issuer)
                    ends = str(self._known.get("end_session_endpoint", ""))
                    self.origins = _origins(self.provider.issuer, ends)
                except ProviderDown:
                    self._failed_at = time.monotonic()
                    raise
            return self._known

    def begin(self, leads_to: str) -> tuple[str, str]:
        """Return the provider's address to go to, and what to keep for the way back.

        Raises ProviderDown.
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = _text(hashlib.sha256(verifier.encode()).digest())
        asked = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": self._back,
            "scope": " ".join(self.provider.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        kept = {
            "state": state,
            "nonce": nonce,
            "verifier": verifier,
            "to": leads_to[:MOST_LEADS_ON],
            "until": self._clock() + LIVES_S,
        }
        at = str(self.described()["authorization_endpoint"])
        return f"{at}{'&' if '?' in at else '?'}{urlencode(asked)}", self._sealed(kept)

    def finish(self, asked: Mapping[str, str], kept: str) -> SignedIn:
        """Take what the provider sent the browser back with. Raises Refusal, ProviderDown."""
        known = self._opened(kept)
        if known is None or not hmac.compare_digest(
            asked.get("state", "").encode(), str(known["state"]).encode()
        ):
            raise Refusal(HTTPStatus.BAD_REQUEST, "sign-in-not-begun-here")
        if asked.get("iss", self.provider.issuer) != self.provider.issuer:
            raise Refusal(HTTPStatus.BAD_REQUEST, "sign-in-elsewhere")
        if "code" not in asked:
            raise Refusal(HTTPStatus.FORBIDDEN, "sign-in-declined")
        id_token = self._exchanged(asked["code"], str(known["verifier"]))
        try:
            claims = verified(id_token, self.keys.key, self._id_tokens, self._clock())
        except TokenRefused as error:
            raise Refusal(HTTPStatus.BAD_REQUEST, f"id-token-{error.fault}") from error
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), known["nonce"].encode()):
            raise Refusal(HTTPStatus.BAD_REQUEST, "id-token-nonce")
        client = self.provider.client_id
        only_ours = client if claims["aud"] in (client, [client]) else None
        if claims.get("azp", only_ours) != client:  # Core 3.1.3.7: of several it says for whom
            raise Refusal(HTTPStatus.BAD_REQUEST, "id-token-azp")
        return SignedIn(person_of(claims, self.provider.roles), id_token, str(known["to"]))

    def end_address(self, id_token: str, back_to: str) -> str:
        """Return where a browser signs out of the provider too, or `back_to` where it has no such
        place (RP-Initiated Logout 2)."""
        try:
            at = self.described().get("end_session_endpoint")
        except ProviderDown:
            return back_to
        if not isinstance(at, str) or not is_safe(at):
            return back_to
        asked = {"client_id": self.provider.client_id, "post_logout_redirect_uri": back_to}
        if id_token:
            asked["id_token_hint"] = id_token
        return f"{at}?{urlencode(asked)}"

    def _exchanged(self, code: str, verifier: str) -> str:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "code_verifier": verifier,
            "client_id": self.provider.client_id,
        }
        secret = self.provider.client_secret
        client = (self.provider.client_id, secret) if secret else None
        answer = post(str(self.described()["token_endpoint"]), fields, client)
        try:
            token = json.loads(answer)["id_token"]
        except (ValueError, KeyError, TypeError, RecursionError):
            token = None
        if not isinstance(token, str):
            raise ProviderDown("its answer to a code holds no id_token")
        return token

    def _sealed(self, kept: Mapping[str, object]) -> str:
        said = _text(json.dumps(kept).encode())
        return f"{said}.{_text(hmac.digest(self._key, said.encode(), 'sha256'))}"

    def _opened(self, text: str) -> Mapping[str, Any] | None:
        said, _, signature = text.partition(".")
        expected = _text(hmac.digest(self._key, said.encode(), "sha256"))
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            return None
        kept: Mapping[str, Any] = json.loads(_data(said))
        return kept if self._clock() < kept["until"] else None


def person_of(claims: Mapping[str, Any], roles: str) -> Person:
    """Return the person that verified claims speak of."""
    held = claims.get(roles)
    return Person(
        sub=str(claims["sub"]),
        name=str(claims.get("name") or claims.get("preferred_username") or "")[:200],
        email=str(claims.get("email", ""))[:254] if claims.get("email_verified") is True else "",
        roles=frozenset(map(str, held)) if isinstance(held, list) else frozenset(),
    )


def leads_on(path: str) -> str:
    """Return a path of this site, as a header can hold it, or "/" for what would lead away."""
    try:
        parts = urlsplit(path)
    except ValueError:
        return "/"
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\"))
    is_plain = path.isprintable() and "\\" not in path and not (parts.scheme or parts.netloc)
    return quote(path, safe=_OF_ADDRESSES) if is_ours and is_plain else "/"


def _description(document: bytes, issuer: str) -> Mapping[str, Any]:
    try:
        described: Mapping[str, Any] = json.loads(document)
        missing = [name for name in ENDPOINTS if not is_safe(described[name])]
        said = described["issuer"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ProviderDown("what it says of itself is incomplete") from None
    if said != issuer:  # Discovery 4.3
        raise ProviderDown("it calls itself by another name than it was asked by")
    if missing:
        raise ProviderDown(f"its {missing[0]} is in clear")
    return described


def _origins(*addresses: str) -> tuple[str, ...]:
    parts = (urlsplit(address) for address in addresses if is_safe(address))
    return tuple(dict.fromkeys(f"{part.scheme}://{part.netloc}" for part in parts))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _data(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
