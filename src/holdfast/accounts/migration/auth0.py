"""Auth0: its export of users, the hashes that its support gives, and what its bulk import reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from holdfast.accounts.migration import hashes, lines
from holdfast.accounts.migration.beside import Beside
from holdfast.accounts.migration.found import Found, Numbered, people, shown
from holdfast.accounts.people.records import BadLine, Record

DATABASE = "auth0"
"""What Auth0 calls its own users, before the bar in their ids; others sign in elsewhere."""
KEPT = ("phone_number", "picture")
PHC = re.compile(
    r"\$pbkdf2-([a-z0-9]{3,12})\$(?:i=([0-9]{1,12}))?(?:,?l=([0-9]{1,4}))?"
    r"\$([A-Za-z0-9+/]{0,400})\$([A-Za-z0-9+/]{1,400})"
)
DEFAULT_ROUNDS = 100_000
SALTED = ("md5", "sha1", "sha256", "sha512")


def read(path: Path, hash_file: Path | None = None) -> Iterator[Numbered]:
    """Yield the people of a file; their hashes are in it, or in one beside it."""
    beside = Beside()
    if hash_file is not None:
        beside.fill(
            (user_id(one), "hash", one["passwordHash"])
            for _, one in lines.objects(hash_file)
            if isinstance(one, dict) and isinstance(one.get("passwordHash"), str)
        )

    def person(found: Found) -> Record:
        return _person(found, beside)

    yield from people(lines.objects(path), person, "user_id", "Id", "_id", "email", "Email")


def user_id(raw: dict[str, Any]) -> str:
    """Return Auth0's id of somebody; exports of hashes have it in parts."""
    given = raw.get("user_id", raw.get("Id"))
    if given is not None:
        return str(given) if "|" in str(given) else f"{DATABASE}|{given}"
    own, inner = raw.get("alt_id"), raw.get("_id")
    if own is None and isinstance(inner, dict):
        own = inner.get("$oid")
    return f"{DATABASE}|{own}" if isinstance(own, str) else ""


def _person(found: Found, beside: Beside) -> Record:
    who = user_id(found.raw)
    email, verified = _address(found)
    for key in KEPT:
        found.keep(key, found.raw.get(key))
    for key, value in found.mapping("user_metadata").items():
        found.keep(key, value)
    for key in found.mapping("app_metadata"):
        found.drop(f"app_metadata.{shown(key)}: is the old applications' own")
    _password(found, who, beside)
    for identity in found.objects("identities"):
        if identity.get("provider") != DATABASE:
            found.drop(f"sign-in by {shown(identity.get('provider'))}: they link it again")
    for factor in [*found.entries("mfa_factors"), *found.entries("multifactor")]:
        kind = next(iter(factor), None) if isinstance(factor, dict) else factor
        found.drop(f"second factor {shown(kind)}: they set it up again")
    name = found.text("name", "Name")
    names = (found.text(*keys) for keys in (("given_name",), ("family_name",)))
    whole = found.name("" if name == email else name, *names)
    return found.record(
        id=who,
        email=email,
        verified=verified,
        username=found.username(found.text("username", "Username"), email),
        name=whole,
        language=found.language(found.raw.get("locale")),
        created=_moment(found.raw.get("created_at", found.raw.get("Created At"))),
        active=not found.flag("blocked", default=False),
    )


def _address(found: Found) -> tuple[str, bool]:
    """Return the address; newer exports of hashes have it among the identifiers alone."""
    email = found.text("email", "Email")
    verified = found.raw.get("email_verified", found.raw.get("Email Verified"))
    for one in found.objects("identifiers"):
        if one.get("type") == "email" and (not email or one.get("value") == email):
            email = email or str(one.get("value") or "")
            verified = one.get("verified") if verified is None else verified
    if verified is not None and not isinstance(verified, bool):
        raise BadLine("email_verified: is neither true nor false")
    return email, bool(verified)


def _moment(value: object) -> object:
    return value.get("$date") if isinstance(value, dict) else value


def _password(found: Found, who: str, beside: Beside) -> None:
    held = next((value for _, value in beside.of(who)), None)
    plain = held or found.text("passwordHash", "password_hash")
    custom = found.mapping("custom_password_hash")
    if plain:
        found.hashed(lambda: hashes.bcrypt(plain))
    elif custom:
        found.hashed(lambda: _custom(custom))
    elif who.partition("|")[0] == DATABASE:
        found.drop("password: no hash of it is there: ask Auth0's support for the export of hashes")


def _inner(raw: dict[str, Any], key: str) -> dict[str, Any]:
    value = raw.get(key, {})
    if not isinstance(value, dict):
        raise ValueError(f"its {key} is no object")
    return value


def _custom(raw: dict[str, Any]) -> str:
    """Source: Auth0's schema of bulk imports, `custom_password_hash`."""
    algorithm, value = raw.get("algorithm"), _inner(raw, "hash").get("value")
    if _inner(raw, "password").get("encoding", "utf8") not in ("utf8", "ascii"):
        raise ValueError("its password was not in UTF-8")
    if not isinstance(value, str):
        raise ValueError("its value is missing")
    if algorithm == "bcrypt":
        return hashes.bcrypt(value)
    if algorithm == "argon2" and value.startswith("$argon2"):
        return value
    if algorithm == "ldap" and value.startswith("{"):
        return value
    if algorithm == "pbkdf2":
        return _phc(value)
    if algorithm in SALTED or algorithm == "hmac":
        return _salted(raw, str(algorithm))
    raise ValueError(f"the algorithm {shown(algorithm)} is not known")


def _phc(value: str) -> str:
    found = PHC.fullmatch(value)
    if found is None:
        raise ValueError("it is no PBKDF2 in PHC's form")
    digest, rounds, length, salt, key = found.groups()
    made = hashes.bytes_of(key, "value")
    if length is not None and len(made) != int(length):
        raise ValueError("its value has another length than it says")
    return hashes.pbkdf2(digest, int(rounds or DEFAULT_ROUNDS), hashes.bytes_of(salt, "salt"), made)


def _decoded(raw: dict[str, Any], what: str, default: str) -> bytes:
    value, encoding = raw.get("value"), raw.get("encoding", default)
    if not isinstance(value, str):
        raise ValueError(f"its {what} is missing")
    if encoding == "hex":
        return bytes.fromhex(value)
    if encoding == "base64":
        return hashes.bytes_of(value, what)
    if encoding == "utf8" and what != "value":
        return value.encode()
    raise ValueError(f"its {what} is in an encoding that is not known")


def _salted(raw: dict[str, Any], algorithm: str) -> str:
    inner, salt = _inner(raw, "hash"), _inner(raw, "salt")
    value = _decoded(inner, "value", "")
    if algorithm == "hmac":
        digest = inner.get("digest")
        if salt or digest not in SALTED:
            raise ValueError(f"HMAC with a salt, or with the digest {shown(digest)}")
        return hashes.salted(
            str(digest), "key", 1, _decoded(_inner(inner, "key"), "key", "utf8"), value
        )
    if not salt:
        return hashes.salted(algorithm, "after", 1, b"", value)
    places = {"prefix": "before", "suffix": "after"}
    place = places.get(str(salt.get("position")))
    if place is None:
        raise ValueError("its salt has no position, prefix or suffix")
    return hashes.salted(algorithm, place, 1, _decoded(salt, "salt", "utf8"), value)
