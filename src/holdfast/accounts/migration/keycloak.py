"""Keycloak: the export of a realm, with its people or in files of their own (`kc.sh export`)."""

from __future__ import annotations

import base64
import json
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from holdfast.accounts.migration import documents, hashes
from holdfast.accounts.migration.found import Found, Numbered, people, shown
from holdfast.accounts.people.records import LONGEST_LINE, BadLine, Record

OWN_CLIENTS = frozenset(
    {
        *("account", "account-console", "admin-cli", "broker", "realm-management"),
        "security-admin-console",
    }
)
OWN_ROLES = frozenset({"offline_access", "uma_authorization"})
DEFAULT_ROLES = "default-roles-"
REALM = "realm:"
"""What the roles of a realm are called here, so that no application's own is mistaken for one."""
DIGESTS = {
    "pbkdf2": "sha1",
    "pbkdf2-sha1": "sha1",
    "pbkdf2-sha256": "sha256",
    "pbkdf2-sha512": "sha512",
}
MOST_GROUPS = 50_000

Role = tuple[str, str]
"""A client and the role in it; "" is the realm."""


class Realm:
    """What the file says of the realm itself: which roles hold others, and what groups give."""

    def __init__(self) -> None:
        self.roles: list[Role] = []
        self.held: dict[Role, set[Role]] = {}
        self.groups: dict[str, set[Role]] = {}

    @classmethod
    def of(cls, path: Path) -> Realm:
        """Read a file for it; files of people alone have none."""
        realm = cls()
        with path.open("rb") as file:
            for key, value in documents.parts(file, {"roles", "groups"}):
                if not isinstance(value, dict):
                    continue
                if key == "roles":
                    realm._add_roles(value)
                else:
                    realm._add_group(value, "", set())
        return realm

    def _add_roles(self, roles: dict[str, Any]) -> None:
        for role in dicts(roles.get("realm")):
            self._add_role("", role)
        clients = roles.get("client")
        for client, own in clients.items() if isinstance(clients, dict) else ():
            for role in dicts(own):
                self._add_role(client, role)

    def _add_role(self, client: str, role: dict[str, Any]) -> None:
        name, held = role.get("name"), role.get("composites")
        if isinstance(name, str):
            self.roles.append((client, name))
            if isinstance(held, dict):
                self.held[client, name] = set(_roles(held.get("realm"), held.get("client")))

    def _add_group(self, group: dict[str, Any], above: str, given: set[Role]) -> None:
        name = group.get("name")
        if not isinstance(name, str) or len(self.groups) >= MOST_GROUPS:
            return
        path = f"{above}/{name}"
        roles = given | set(_roles(group.get("realmRoles"), group.get("clientRoles")))
        self.groups[path] = roles
        for one in dicts(group.get("subGroups")):
            self._add_group(one, path, roles)

    def whole(self, roles: Iterable[Role]) -> list[Role]:
        """Return roles with all that they hold, each once."""
        found: dict[Role, None] = {}
        waiting = list(roles)
        while waiting:
            role = waiting.pop()
            if role not in found:
                found[role] = None
                waiting += self.held.get(role, ())
        return sorted(found)


def dicts(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list; nothing of what is none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _roles(realm: object, clients: object) -> Iterator[Role]:
    for name in realm if isinstance(realm, list) else ():
        if isinstance(name, str):
            yield "", name
    for client, names in clients.items() if isinstance(clients, dict) else ():
        for name in names if isinstance(names, list) else ():
            if isinstance(name, str):
                yield client, name


def read(
    path: Path, known: Mapping[str, Container[str]], realm_file: Path | None = None
) -> Iterator[Numbered]:
    """Yield the people of a file; `known` are the applications here with their roles.

    The realm itself is in the same file, or in one beside it.
    """
    realm = Realm.of(realm_file or path)

    def person(found: Found) -> Record:
        return _person(found, realm, known)

    with path.open("rb") as file:
        values = (value for _, value in documents.parts(file, {"users", ""}))
        yield from people(enumerate(values, 1), person, "id", "username")


def _person(found: Found, realm: Realm, known: Mapping[str, Container[str]]) -> Record:
    if "realm" in found.raw:
        raise BadLine("is a realm: export one alone, kc.sh export --realm NAME")
    if service := found.text("serviceAccountClientId"):
        raise BadLine(f"is the service account of client {shown(service)}: no person")
    email = found.text("email")
    attributes = found.mapping("attributes")
    for key, value in attributes.items():
        if key != "locale":
            found.keep(key, value)
    locale = attributes.get("locale")
    actions = [str(action) for action in found.entries("requiredActions")]
    _credentials(found, actions)
    _memberships(found, realm, known)
    for provider in found.objects("federatedIdentities"):
        found.drop(f"sign-in by {shown(provider.get('identityProvider'))}: they link it again")
    if found.text("federationLink"):
        found.drop("password: it is in a directory that Keycloak asked")
    return found.record(
        id=found.text("id"),
        email=email,
        verified=found.flag("emailVerified", default=False) and "VERIFY_EMAIL" not in actions,
        username=found.username(found.text("username"), email),
        name=found.name("", found.text("firstName"), found.text("lastName")),
        language=found.language(locale[0] if isinstance(locale, list) and locale else locale),
        created=found.moment("createdTimestamp"),
        active=found.flag("enabled", default=True),
    )


def _credentials(found: Found, actions: list[str]) -> None:
    for one in found.objects("credentials"):
        kind = one.get("type")
        if kind == "password" and ("UPDATE_PASSWORD" in actions or one.get("temporary") is True):
            found.drop("password: it had to be changed: they set a new one by mail")
        elif kind == "password":
            found.hashed(lambda one=one: _hash(one))  # type: ignore[misc]
        elif kind == "otp" and not found.totp:
            _totp(found, one)
        else:
            found.drop(f"credential {shown(kind)}: they set it up again")


def _inner(one: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the object that stands as text in a field."""
    text = one.get(key)
    if not isinstance(text, str) or len(text) > LONGEST_LINE:
        raise ValueError(f"its {key} is missing: only exports of Keycloak 8 and later have it")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"its {key} is no JSON") from None
    if not isinstance(value, dict):
        raise ValueError(f"its {key} is no object")
    return value


def _hash(one: dict[str, Any]) -> str:
    secret, data = _inner(one, "secretData"), _inner(one, "credentialData")
    scheme = data.get("algorithm")
    if scheme == "bcrypt":
        return hashes.bcrypt(secret.get("value"))
    salt = hashes.bytes_of(secret.get("salt"), "salt")
    key = hashes.bytes_of(secret.get("value"), "value")
    rounds = hashes.number(data.get("hashIterations"), "count of iterations")
    if scheme == "argon2":
        further = data.get("additionalParameters")
        memory, lanes = (
            hashes.number(_first(further, name), name) for name in ("memory", "parallelism")
        )
        kind, version = _first(further, "type"), _first(further, "version")
        return hashes.argon2(str(kind), str(version), (memory, rounds, lanes), salt, key)
    if not isinstance(scheme, str) or scheme not in DIGESTS:
        raise ValueError(f"the scheme {shown(scheme)} is not known")
    return hashes.pbkdf2(DIGESTS[scheme], rounds, salt, key)


def _first(further: object, name: str) -> object:
    value = further.get(name) if isinstance(further, dict) else None
    return value[0] if isinstance(value, list) and value else value


def _totp(found: Found, one: dict[str, Any]) -> None:
    try:
        secret, data = _inner(one, "secretData"), _inner(one, "credentialData")
        usual = (data.get("subType"), data.get("digits"), data.get("period"), data.get("algorithm"))
        if usual != ("totp", 6, 30, "HmacSHA1"):
            raise ValueError("it is not of the usual kind (SHA-1, six digits, 30 seconds)")
        found.totp = _secret(secret.get("value"), data.get("secretEncoding"))
    except ValueError as error:
        found.drop(f"app for codes: {error}: they set it up again")


def _secret(value: object, encoding: object) -> str:
    """Return a secret in base32; Keycloak has its bytes as text, unless it says otherwise."""
    if not isinstance(value, str) or not 8 <= len(value) <= 200 or not value.isascii():
        raise ValueError("its secret is missing, or too short")
    if encoding is None:
        return base64.b32encode(value.encode()).decode()
    if encoding != "BASE32":
        raise ValueError(f"its encoding {shown(encoding)} is not known")
    plain = value.replace(" ", "").upper().rstrip("=")
    padded = plain + "=" * (-len(plain) % 8)
    return base64.b32encode(base64.b32decode(padded)).decode()  # binascii.Error is a ValueError


def _memberships(found: Found, realm: Realm, known: Mapping[str, Container[str]]) -> None:
    own = list(_roles(found.entries("realmRoles"), found.mapping("clientRoles")))
    for group in found.entries("groups"):
        if not isinstance(group, str) or group not in realm.groups:
            found.drop(f"group {shown(group)}: what it gives is not in this file")
        else:
            own += realm.groups[group]
    for client, role in realm.whole(own):
        if client and client not in OWN_CLIENTS:
            found.may(client, [role])
        elif not client and role not in OWN_ROLES and not role.startswith(DEFAULT_ROLES):
            _realm_role(found, role, known)


def _realm_role(found: Found, role: str, known: Mapping[str, Container[str]]) -> None:
    wanting = [client for client, roles in known.items() if REALM + role in roles]
    for client in wanting:
        found.may(client, [REALM + role])
    if not wanting:
        found.drop(f"role {shown(role)} of the realm: no application here has it as {REALM}…")
