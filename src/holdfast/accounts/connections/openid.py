"""Signing in by OpenID Connect: with Google, Apple, or whoever has an issuer's address."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import jwt
from allauth.socialaccount.providers.oauth2.utils import generate_code_challenge
from django.core.cache import cache

from holdfast.accounts.connections import fetching
from holdfast.accounts.connections.identity import Identity, Refused, identity
from holdfast.accounts.connections.models import Connection, Kind

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Signatures alone: with a shared secret, whoever knows it could sign."""
SKEW_S = 60
KEPT_S = 300
KEYS_AT_MOST = 50
SCOPES = "openid profile email"
APPLE_SECRET_S = 300


@dataclass(frozen=True)
class Described:
    """What a provider says of itself (OpenID Connect Discovery 3)."""

    authorize: str
    token: str
    keys: str
    userinfo: str
    by_form: bool
    """Whether the secret goes into the form, not into a header."""
    names_itself: bool
    """Whether each answer says who it is from (RFC 9207)."""


def described(connection: Connection) -> Described:
    """Ask a provider for its addresses. Raises Refused."""
    issuer = connection.issuer
    said = _kept(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if not isinstance(said, dict) or said.get("issuer") != issuer:
        raise Refused("the provider calls itself something else than its issuer")
    places = [said.get(f"{name}_endpoint") for name in ("authorization", "token")]
    places.append(said.get("jwks_uri"))
    if not all(fetching.is_safe(place) and fetching.is_of(place, issuer) for place in places):
        raise Refused("the provider names an address that is not https, or of the inside")
    authorize, token, keys = (str(place) for place in places)
    userinfo = str(said.get("userinfo_endpoint") or "")
    methods = said.get("token_endpoint_auth_methods_supported")
    return Described(
        authorize,
        token,
        keys,
        userinfo=userinfo if fetching.is_of(userinfo, issuer) else "",
        by_form=isinstance(methods, list) and "client_secret_post" in methods,
        names_itself=said.get("authorization_response_iss_parameter_supported") is True,
    )


def begin(connection: Connection, back: str, state: str) -> tuple[str, dict[str, str]]:
    """Return where to lead somebody, and what has to be remembered until they come back."""
    place = described(connection)
    proof = generate_code_challenge()
    kept = {"verifier": proof["code_verifier"], "nonce": secrets.token_urlsafe(32)}
    asked = {
        "response_type": "code",
        "client_id": connection.client_id,
        "redirect_uri": back,
        "scope": "openid name email" if connection.kind == Kind.APPLE else SCOPES,
        "state": state,
        "nonce": kept["nonce"],
        "code_challenge": proof["code_challenge"],
        "code_challenge_method": "S256",
    }
    if connection.kind == Kind.APPLE:
        asked["response_mode"] = "form_post"  # it insists on that
    joint = "&" if "?" in place.authorize else "?"
    return f"{place.authorize}{joint}{urlencode(asked)}", kept


def finish(
    connection: Connection, back: str, answer: Mapping[str, str], kept: Mapping[str, str]
) -> Identity:
    """Return who came back. Raises Refused."""
    place = described(connection)
    came_from = answer.get("iss")
    if came_from != connection.issuer and (came_from or place.names_itself):
        raise Refused("the answer is another provider's")
    tokens = _exchange(connection, place, back, answer.get("code", ""), kept["verifier"])
    claims = verified(connection, place, tokens.get("id_token"), kept["nonce"])
    if "email" not in claims and place.userinfo:
        claims = {**_userinfo(place, claims["sub"], tokens.get("access_token")), **claims}
    said = claims.get("email_verified")
    return identity(
        connection,
        subject=claims["sub"],
        email=claims.get("email"),
        verified=said is True or (connection.kind == Kind.APPLE and said == "true"),
        workspace=claims.get("hd"),
        name=claims.get("name"),
    )


def verified(connection: Connection, place: Described, token: object, nonce: str) -> dict[str, Any]:
    """Return what an ID token says (OpenID Connect Core 3.1.3.7). Raises Refused."""
    if not isinstance(token, str) or len(token) > fetching.MOST_BYTES:
        raise Refused("no ID token")
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS or "crit" in header:
            raise Refused("an ID token that is signed in a way we do not take")
        said: dict[str, Any] = jwt.decode(
            token,
            _key(place.keys, header),
            [header["alg"]],
            audience=connection.client_id,
            issuer=connection.issuer,
            leeway=SKEW_S,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except (jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
        raise Refused(f"the ID token does not hold: {type(error).__name__}") from None
    several = isinstance(said["aud"], list) and len(said["aud"]) > 1
    if said.get("azp", None if several else connection.client_id) != connection.client_id:
        raise Refused("the ID token is for somebody else")
    given = said.get("nonce")
    if not isinstance(given, str) or not hmac.compare_digest(
        given.encode(errors="replace"), nonce.encode()
    ):
        raise Refused("the ID token belongs to another sign-in")
    return said


def _key(place: str, header: Mapping[str, Any]) -> Any:
    """Return the key that a token names; a key that is new is looked for once more."""
    for fresh in (False, True):
        said = _kept(place, fresh=fresh)
        keys = said.get("keys") if isinstance(said, dict) else None
        if not isinstance(keys, list) or len(keys) > KEYS_AT_MOST:
            raise Refused("the provider's keys cannot be read")
        fitting = [one for one in keys if _fits(one, header.get("kid"))]
        if len(fitting) == 1:
            return jwt.PyJWK(fitting[0], algorithm=str(header["alg"])).key
    raise Refused("the ID token is signed by a key that the provider does not name")


def _fits(key: object, kid: object) -> bool:
    if not isinstance(key, dict) or key.get("use", "sig") != "sig" or key.get("kty") == "oct":
        return False
    return kid is None or key.get("kid") == kid


def _kept(url: str, *, fresh: bool = False) -> Any:
    """What is at an address, asked for again after some minutes."""
    name = f"connection {url}".replace(" ", "-")
    said = None if fresh else cache.get(name)
    if said is None:
        said = fetching.asked(url)
        cache.set(name, said, KEPT_S)
    return said


def _exchange(
    connection: Connection, place: Described, back: str, code: str, verifier: str
) -> dict[str, Any]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": back,
        "code_verifier": verifier,
        "client_id": connection.client_id,
    }
    secret = client_secret(connection)
    auth = None
    if secret and (place.by_form or connection.kind == Kind.APPLE):
        form["client_secret"] = secret
    elif secret:
        auth = (connection.client_id, secret)
    tokens = fetching.asked(place.token, form=form, auth=auth)
    if not isinstance(tokens, dict):
        raise Refused("the provider gave no tokens")
    return tokens


def client_secret(connection: Connection) -> str:
    """Return what shows that it is us: for Apple, a token that its key signs for some minutes."""
    secret = connection.revealed()
    if connection.kind != Kind.APPLE:
        return secret
    now = int(time.time())
    claims = {"iss": connection.team_id, "sub": connection.client_id, "aud": connection.issuer}
    claims |= {"iat": now, "exp": now + APPLE_SECRET_S}  # type: ignore[dict-item]
    return jwt.encode(claims, secret, "ES256", headers={"kid": connection.key_id})


def _userinfo(place: Described, subject: str, token: object) -> dict[str, Any]:
    said = fetching.asked(place.userinfo, headers={"Authorization": f"Bearer {token}"})
    if not isinstance(said, dict) or said.get("sub") != subject:
        raise Refused("what the provider says of somebody is of somebody else")
    return said
