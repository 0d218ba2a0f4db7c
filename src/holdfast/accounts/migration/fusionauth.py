"""FusionAuth: its people as its API imports and returns them, `{"users": [...]}`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from holdfast.accounts.migration import documents, hashes
from holdfast.accounts.migration.found import Found, Numbered, people, shown
from holdfast.accounts.people.records import Record

OWN_APPLICATION = "3c219e58-ed0e-4b18-ad48-f4f92793ae32"
"""FusionAuth's own console, the same everywhere."""
KEPT = ("birthDate", "imageUrl", "middleName", "mobilePhone", "timezone")
PBKDF2 = {
    "salted-pbkdf2-hmac-sha256": "sha256",
    "salted-pbkdf2-hmac-sha256-512": "sha256",
    "salted-pbkdf2-hmac-sha512-512": "sha512",
}
DIGESTS = {"salted-md5": "md5", "salted-sha256": "sha256"}
USABLE = ", ".join((*PBKDF2, *DIGESTS, "salted-hmac-sha256", "bcrypt"))


def read(path: Path) -> Iterator[Numbered]:
    """Yield the people of a file."""
    with path.open("rb") as file:
        values = (value for _, value in documents.parts(file, {"users", ""}))
        yield from people(enumerate(values, 1), _person, "id", "email")


def _person(found: Found) -> Record:
    email = found.text("email")
    for key in KEPT:
        found.keep(key, found.raw.get(key))
    for key, value in found.mapping("data").items():
        found.keep(key, value)
    if found.flag("passwordChangeRequired", default=False):
        found.drop("password: it had to be changed: they set a new one by mail")
    elif found.raw.get("password") is None:
        found.drop("password: the file has no hash of it")
    else:
        found.hashed(lambda: _hash(found))
    _registrations(found)
    _factors(found)
    for group in found.objects("memberships"):
        found.drop(f"group {shown(group.get('groupId'))}: what it gives is not in this file")
    for link in found.entries("identityProviderLinks"):
        found.drop(f"sign-in by another: {shown(link)}: they link it again")
    if found.raw.get("expiry") is not None:
        found.drop("expiry: accounts do not expire here")
    languages = found.entries("preferredLanguages")
    names = (found.text(key) for key in ("firstName", "lastName"))
    return found.record(
        id=found.text("id"),
        email=email,
        verified=found.flag("verified", default=False),
        username=found.username(found.text("username"), email),
        name=found.name(found.text("fullName"), *names),
        language=found.language(languages[0] if languages else None),
        created=found.moment("insertInstant"),
        active=found.flag("active", default=True),
    )


def _hash(found: Found) -> str:
    """Source: FusionAuth's reference of password hashing algorithms."""
    scheme, salt, value = (found.text(key) for key in ("encryptionScheme", "salt", "password"))
    if scheme == "bcrypt":
        return _bcrypt(found, salt, value)
    if scheme not in (*PBKDF2, *DIGESTS, "salted-hmac-sha256"):
        raise ValueError(f"the scheme {shown(scheme)} is not known, but for {USABLE}")
    salt_bytes, value_bytes = hashes.bytes_of(salt, "salt"), hashes.bytes_of(value, "password")
    if scheme == "salted-hmac-sha256":
        return hashes.salted("sha256", "key", 1, salt_bytes, value_bytes)
    rounds = hashes.number(found.raw.get("factor"), "factor")
    if scheme in DIGESTS:
        return hashes.salted(DIGESTS[scheme], "after", rounds, salt_bytes, value_bytes)
    return hashes.pbkdf2(PBKDF2[scheme], rounds, salt_bytes, value_bytes)


def _bcrypt(found: Found, salt: str, value: str) -> str:
    if value.startswith("$2"):
        return hashes.bcrypt(value)
    factor = hashes.number(found.raw.get("factor"), "factor")
    if not re.fullmatch(r"[./A-Za-z0-9]{22}", salt) or factor > 99:
        raise ValueError("its salt is none of bcrypt's")
    return hashes.bcrypt(f"$2a${factor:02d}${salt}{value}")


def _registrations(found: Found) -> None:
    for one in found.objects("registrations"):
        client = str(one.get("applicationId", "")).lower()
        if client == OWN_APPLICATION:
            continue
        roles = one.get("roles")
        found.may(client, roles if isinstance(roles, list) else [])
        if one.get("username") not in (None, "", found.raw.get("username")):
            found.drop(f"user name in application {client}: there is one for all here")
        if one.get("data"):
            found.drop(f"data of application {client}")


def _factors(found: Found) -> None:
    two = found.mapping("twoFactor")
    methods = two.get("methods")
    for method in methods if isinstance(methods, list) else ():
        kind = method.get("method") if isinstance(method, dict) else None
        found.drop(f"second factor {shown(kind)}: they set it up again")
    if two.get("recoveryCodes"):
        found.drop("recovery codes: they get new ones")
    if found.raw.get("twoFactorEnabled") is True and not methods:
        found.drop("second factor: they set it up again")
