"""The clients of FusionAuth, Keycloak and Auth0, as their exports and APIs list them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from holdfast.accounts.migration import documents
from holdfast.accounts.migration.clients import Client, shown
from holdfast.accounts.migration.fusionauth import OWN_APPLICATION
from holdfast.accounts.migration.keycloak import (
    DEFAULT_ROLES,
    OWN_CLIENTS,
    OWN_ROLES,
    REALM,
    Realm,
    dicts,
)
from holdfast.accounts.people.records import BadLine

Read = tuple[str, Client | BadLine]


def clients(system: str, path: Path) -> Iterator[Read]:
    """Yield the clients of a file, or why one is none here, each with what it is called."""
    match system:
        case "fusionauth":
            return _each(path, {"applications", "application"}, "id", _fusionauth)
        case "keycloak":
            realm = Realm.of(path)
            return _each(path, {"clients"}, "clientId", lambda raw: _keycloak(raw, realm))
        case _:
            return _each(path, {"clients", ""}, "client_id", _auth0)


def _each(
    path: Path, keys: set[str], name: str, client: Callable[[dict[str, Any]], Client | None]
) -> Iterator[Read]:
    taken: set[str] = set()
    with path.open("rb") as file:
        for number, (_, raw) in enumerate(documents.parts(file, keys), 1):
            who = f"client {number}"
            try:
                if isinstance(raw, BadLine):
                    raise raw
                if not isinstance(raw, dict):
                    raise BadLine("is no object")
                if isinstance(raw.get(name), str):
                    who = shown(raw[name]).strip("'")
                made = client(raw)
                if made is None:
                    continue
                if made.id.lower() in taken:
                    raise BadLine("another one is called so, but for capital letters")
                taken.add(made.id.lower())
                yield who, made
            except BadLine as bad:
                yield who, bad


def _text(raw: dict[str, Any], key: str) -> str:
    value = raw.get(key)
    return value if isinstance(value, str) else ""


def _fusionauth(raw: dict[str, Any]) -> Client | None:
    if _text(raw, "id").lower() == OWN_APPLICATION:
        return None
    if raw.get("active") is False or raw.get("state") == "Inactive":
        raise BadLine("is switched off")
    oauth = raw.get("oauthConfiguration")
    oauth = oauth if isinstance(oauth, dict) else {}
    number = _text(raw, "id").lower()
    made = Client(_text(oauth, "clientId") or number, _text(raw, "name"))
    if made.id.lower() != number:
        made.dropped.append(f"id {shown(number)}: people are registered by it: change it there")
    made.grants(oauth.get("enabledGrants"))
    made.back_to(oauth.get("authorizedRedirectURLs"))
    made.out_to([oauth["logoutURL"]] if oauth.get("logoutURL") else [])
    policy = oauth.get("clientAuthenticationPolicy")
    required = policy == "Required" or (policy is None and oauth.get("requireClientAuthentication"))
    if required:
        made.known_by(oauth.get("clientSecret"))
    elif oauth.get("clientSecret"):
        made.dropped.append("secret: it need not show one: it is a public client here")
    roles = dicts(raw.get("roles"))
    usual = [_text(role, "name") for role in roles if role.get("isDefault") is True]
    made.take_roles([_text(role, "name") for role in roles], usual)
    made.first_party = oauth.get("relationship", "FirstParty") == "FirstParty"
    return made


def _keycloak(raw: dict[str, Any], realm: Realm) -> Client | None:
    name = _text(raw, "clientId")
    if name in OWN_CLIENTS:
        return None
    if raw.get("enabled") is False:
        raise BadLine("is switched off")
    if raw.get("protocol", "openid-connect") != "openid-connect":
        raise BadLine(f"speaks {shown(raw.get('protocol'))}: only OpenID is offered here")
    if raw.get("bearerOnly") is True:
        raise BadLine("verifies tokens only, for which it needs no table here")
    title = _text(raw, "name")
    made = Client(name, "" if title.startswith("${") else title)
    offered = {
        "authorization_code": "standardFlowEnabled",
        "implicit": "implicitFlowEnabled",
        "password": "directAccessGrantsEnabled",
        "client_credentials": "serviceAccountsEnabled",
    }
    usual = {"standardFlowEnabled": True}
    made.grants([grant for grant, key in offered.items() if raw.get(key, usual.get(key)) is True])
    made.back_to(_whole(raw, raw.get("redirectUris")))
    made.out_to(_signed_out(raw))
    if raw.get("publicClient") is not True:
        made.known_by(raw.get("secret"))
    _realm_roles(made, raw, realm)
    made.first_party = raw.get("consentRequired") is not True
    return made


def _whole(raw: dict[str, Any], values: object) -> list[object]:
    """Return addresses; those that begin with a path stand under the client's own."""
    root = _text(raw, "rootUrl")
    return [
        urljoin(root, one) if isinstance(one, str) and one.startswith("/") and root else one
        for one in (values if isinstance(values, list) else [])
    ]


def _signed_out(raw: dict[str, Any]) -> list[object]:
    attributes = raw.get("attributes")
    text = _text(attributes, "post.logout.redirect.uris") if isinstance(attributes, dict) else ""
    values: list[object] = []
    for one in text.split("##"):
        if one == "+":
            values += _whole(raw, raw.get("redirectUris"))
        elif one not in ("", "-"):
            values += _whole(raw, [one])
    return values


def _realm_roles(made: Client, raw: dict[str, Any], realm: Realm) -> None:
    """Take its own roles, and those of the realm that its tokens held."""
    roles = [role for client, role in realm.roles if client == made.id]
    whole = raw.get("fullScopeAllowed", True) is True
    for client, role in realm.roles if whole else ():
        if not client and role not in OWN_ROLES and not role.startswith(DEFAULT_ROLES):
            roles.append(REALM + role)
    usual = [one for one in realm.roles if not one[0] and one[1].startswith(DEFAULT_ROLES)]
    everyone = [
        role if client else REALM + role
        for client, role in realm.whole(usual)
        if client in ("", made.id)
    ]
    made.take_roles(roles, everyone)


def _auth0(raw: dict[str, Any]) -> Client | None:
    if raw.get("global") is True:
        return None
    made = Client(_text(raw, "client_id"), _text(raw, "name"))
    made.grants(raw.get("grant_types", ["authorization_code"]))
    made.back_to(raw.get("callbacks"))
    made.out_to(raw.get("allowed_logout_urls"))
    if raw.get("token_endpoint_auth_method") != "none":
        made.known_by(raw.get("client_secret"))
    made.first_party = raw.get("is_first_party") is True
    return made
