"""The token endpoint: what an application gets for a code, a refresh token, a secret, a device."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from holdfast.accounts.applications import claims, devices, grants, registration, tokens
from holdfast.accounts.applications.clients import Refused
from holdfast.accounts.applications.configured import Named
from holdfast.accounts.applications.models import Grant
from holdfast.accounts.applications.signed_in import SignedIn, standard
from holdfast.accounts.configuration import STANDARD_SCOPES
from holdfast.accounts.headless.sessions import session_of
from holdfast.accounts.trail.events import note

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105
SESSION_TOKEN = "urn:holdfast:session-token"  # noqa: S105
NO_MEMBER = "not registered in this application"
NO_TOKEN = "no such refresh token, or it was used"  # noqa: S105
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
Fields = Mapping[str, str]
Said = dict[str, object]


def of_code(client: Named, fields: Fields) -> Said:
    """Exchange a code (RFC 6749, 4.1.3; RFC 7636, 4.6). It counts once, whatever comes of it."""
    code = _needed(fields, "code")
    with transaction.atomic():
        grant = grants.of_code(code, client.id)
        pending = grant.pending if grant is not None else None
        if grant is not None and pending is None:
            grants.stolen(grant)
            grant = None
        problem = _problem(client, fields, grant, pending or {})
        if grant is not None and problem:
            grants.end(Grant.objects.filter(pk=grant.pk))
        elif grant is not None and pending is not None:
            grants.exchanged(grant, client.known)
            return tokens_of(client, grant, nonce=pending["nonce"])
    raise Refused("invalid_grant", problem)


def _problem(client: Named, fields: Fields, grant: Grant | None, pending: Mapping[str, str]) -> str:
    """Return why a code is not exchanged; "" where it is."""
    if grant is None or grant.ends <= timezone.now():
        return "no such code, or it was used"
    if fields.get("redirect_uri") != pending["redirect"]:
        return "redirect_uri is another one than before"
    if not _is_bound(fields.get("code_verifier", ""), pending["challenge"]):
        return "code_verifier is another one than before"
    if not grant.person.is_active:
        return "the person may not sign in any more"
    return "" if registration.may_enter(client, grant.person) else NO_MEMBER


def _is_bound(verifier: str, challenge: str) -> bool:
    """Whether a verifier is of a challenge; without the one there must be none of the other."""
    if not challenge or not VERIFIER.fullmatch(verifier):
        return not challenge and not verifier
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    return hmac.compare_digest(made.decode().rstrip("="), challenge)


def of_refresh_token(client: Named, fields: Fields) -> Said:
    """Exchange a refresh token for its successor and an access token (RFC 6749, 6)."""
    token = _needed(fields, "refresh_token")
    held = grants.held(token, client.id)
    if held is None:
        raise Refused("invalid_grant", NO_TOKEN)
    scopes = _of(fields, held.grant.scopes.split())
    if not held.standing.may_enter(client.known):
        raise Refused("invalid_grant", NO_MEMBER)
    following = grants.rotate(held, client.known)
    if following is None:
        raise Refused("invalid_grant", NO_TOKEN)
    said = _signed(client, held.grant, scopes, held.standing.roles(client.known))
    return {**said, "refresh_token": following}


def of_client(client: Named, fields: Fields) -> Said:
    """Give an application a token that is its own (RFC 6749, 4.4)."""
    if client.is_public:
        raise Refused("unauthorized_client", "only for an application with a secret")
    scopes = _of(fields, client.known.scopes)
    said: Said = {"sub": client.id, **_about(client, scopes)}
    return _bearer(said, client, scopes)


def of_device(client: Named, fields: Fields) -> Said:
    """Give a device its tokens, once somebody has allowed it (RFC 8628, 3.4)."""
    with transaction.atomic():
        grant = devices.take(_needed(fields, "device_code"), client.id)
        if not isinstance(grant, str) and registration.may_enter(client, grant.person):
            return tokens_of(client, grant)
    raise Refused(grant if isinstance(grant, str) else "access_denied", "")


def of_session(client: Named, fields: Fields) -> Said:
    """Give tokens for who has signed in by the application's own form (RFC 8693)."""
    if _needed(fields, "subject_token_type") != SESSION_TOKEN:
        raise Refused("invalid_request", f"subject_token_type must be {SESSION_TOKEN}")
    found = session_of(_needed(fields, "subject_token"), client.id)
    if found is None:
        raise Refused("invalid_grant", "nobody is signed in by this token")
    shown = SignedIn(
        int(found.at.timestamp()), standard(found.methods), tokens.digest(found.session_key)
    )
    if client.known.second_factor and not shown.twice:
        raise Refused("invalid_grant", "a second factor is needed")
    if not registration.may_enter(client, found.person):
        raise Refused("invalid_grant", NO_MEMBER)
    scopes = _of(fields, [*STANDARD_SCOPES, *client.known.scopes])
    with transaction.atomic():
        grant = grants.begin(found.person, client.id, client.known, scopes, shown, since=found.at)
        said = tokens_of(client, grant)
    return {**said, "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}


def tokens_of(client: Named, grant: Grant, nonce: str = "") -> Said:
    """Return the first tokens of a sign-in."""
    roles = registration.roles(client.id, grant.person_id)
    said = _signed(client, grant, grant.scopes.split(), roles, nonce=nonce)
    if "refresh_token" in client.known.grants:
        said["refresh_token"] = grants.first_token(grant, client.known)
    details = {"application": client.id, "by": ", ".join(grant.methods)}
    note("application.signed-in", who=str(grant.person_id), details=details)
    return said


def _signed(
    client: Named, grant: Grant, scopes: list[str], roles: list[str], *, nonce: str = ""
) -> Said:
    """Return an access token, and for whom `openid` is asked an ID token."""
    about: Said = {"sub": str(grant.person_id), "roles": roles, "grant": str(grant.pk)}
    said = _bearer({**about, **_about(client, scopes)}, client, scopes)
    if "openid" in scopes:
        person = claims.of_person(grant.person_id, scopes, roles)
        said["id_token"] = _identity(client, grant, person, nonce, str(said["access_token"]))
    return said


def _about(client: Named, scopes: list[str]) -> Said:
    takers = [client.id, *client.known.audience]
    return {
        "aud": takers if len(takers) > 1 else client.id,
        "client_id": client.id,
        "scope": " ".join(scopes),
    }


def _bearer(said: Said, client: Named, scopes: list[str]) -> Said:
    lives_s = int(client.known.access_token.total_seconds())
    return {
        "access_token": tokens.access_token(said, lives_s),
        "token_type": "Bearer",
        "expires_in": lives_s,
        "scope": " ".join(scopes),
    }


def _identity(
    client: Named, grant: Grant, person: Mapping[str, Any], nonce: str, access_token: str
) -> str:
    """Return the ID token of a sign-in (OpenID Connect Core, 2 and 3.1.3.6).

    One that a refresh brings has no nonce, and is as old as the sign-in (12.2).
    """
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    said: dict[str, Any] = {
        **person,
        "aud": client.id,
        "auth_time": int(grant.signed_in.timestamp()),
        "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
    }
    if grant.methods:
        said["amr"] = grant.methods
    if nonce:
        said["nonce"] = nonce
    return tokens.id_token(said)


def _needed(fields: Fields, name: str) -> str:
    if name not in fields:
        raise Refused("invalid_request", f"{name} is missing")
    return fields[name]


def _of(fields: Fields, allowed: Iterable[str]) -> list[str]:
    """Return the scopes that are asked for, all that may be where none is named."""
    known = list(allowed)
    asked = fields.get("scope", "").split() or known
    if set(asked) - set(known):
        raise Refused("invalid_scope", "more than may be had")
    return list(dict.fromkeys(asked))


EXCHANGES: Mapping[str, tuple[str, Callable[[Named, Fields], Said]]] = {
    "authorization_code": ("authorization_code", of_code),
    "refresh_token": ("refresh_token", of_refresh_token),
    "client_credentials": ("client_credentials", of_client),
    "urn:ietf:params:oauth:grant-type:device_code": ("device_code", of_device),
    TOKEN_EXCHANGE: ("token_exchange", of_session),
}
"""By the name of a grant in a request, what an application's configuration calls it."""


def exchange(client: Named, fields: Fields) -> Said:
    """Return what a request for tokens gets. Raises Refused."""
    asked = _needed(fields, "grant_type")
    if asked not in EXCHANGES:
        raise Refused("unsupported_grant_type", "not offered here")
    name, make = EXCHANGES[asked]
    may = client.known.own_form if asked == TOKEN_EXCHANGE else name in client.known.grants
    if not may:
        raise Refused("unauthorized_client", f"{name} is none of its grants")
    return make(client, fields)
