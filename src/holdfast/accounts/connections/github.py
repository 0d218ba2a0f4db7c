"""Signing in with GitHub, which speaks OAuth 2.0 and has addresses of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from allauth.socialaccount.providers.oauth2.utils import generate_code_challenge

from holdfast.accounts.connections import fetching
from holdfast.accounts.connections.identity import Identity, Refused, identity
from holdfast.accounts.connections.models import ISSUERS, Connection, Kind

SCOPES = "read:user user:email"
MOST_ADDRESSES = 200


def begin(connection: Connection, back: str, state: str) -> tuple[str, dict[str, str]]:
    """Return where to lead somebody, and what has to be remembered until they come back."""
    proof = generate_code_challenge()
    asked = {
        "client_id": connection.client_id,
        "redirect_uri": back,
        "scope": SCOPES,
        "state": state,
        "code_challenge": proof["code_challenge"],
        "code_challenge_method": "S256",
    }
    place = f"{connection.issuer}/login/oauth/authorize"
    if not fetching.is_safe(place):
        raise Refused("the server's address is not https")
    return f"{place}?{urlencode(asked)}", {"verifier": proof["code_verifier"]}


def finish(
    connection: Connection, back: str, answer: Mapping[str, str], kept: Mapping[str, str]
) -> Identity:
    """Return who came back. Raises Refused."""
    form = {
        "client_id": connection.client_id,
        "client_secret": connection.revealed(),
        "code": answer.get("code", ""),
        "redirect_uri": back,
        "code_verifier": kept["verifier"],
    }
    tokens = fetching.asked(f"{connection.issuer}/login/oauth/access_token", form=form)
    token = tokens.get("access_token") if isinstance(tokens, dict) else None
    if not isinstance(token, str) or not token:
        raise Refused("the provider gave no token")
    person = _asked(connection, "/user", token)
    number = person.get("id") if isinstance(person, dict) else None
    if not isinstance(number, int) or isinstance(number, bool):
        raise Refused("the provider does not say who it is")
    email, is_verified = _primary(_asked(connection, "/user/emails", token))
    return identity(
        connection,
        subject=str(number),
        email=email,
        verified=is_verified,
        name=person.get("name") or person.get("login"),
    )


def _asked(connection: Connection, path: str, token: str) -> Any:
    own = connection.issuer != ISSUERS[Kind.GITHUB]
    place = f"{connection.issuer}/api/v3" if own else "https://api.github.com"
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
    return fetching.asked(f"{place}{path}", headers=headers)


def _primary(addresses: Any) -> tuple[str, bool]:
    """Return the address that mails go to, and whether it is verified; no other counts."""
    if not isinstance(addresses, list):
        return "", False
    for one in addresses[:MOST_ADDRESSES]:
        if isinstance(one, dict) and one.get("primary") is True:
            return str(one.get("email") or ""), one.get("verified") is True
    return "", False
