"""Django: `manage.py dumpdata` of its users, with allauth's addresses where they are there."""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from holdfast.accounts.migration import lines
from holdfast.accounts.migration.beside import Beside
from holdfast.accounts.migration.found import Found, Numbered, people, shown
from holdfast.accounts.people.records import MOST_ADDRESSES, BadLine, Record

DEFAULT_MODEL = "auth.user"
ADDRESS, SOCIAL, FACTOR = (
    "account.emailaddress",
    "socialaccount.socialaccount",
    "mfa.authenticator",
)
STANDARD = frozenset(
    (
        *("password", "username", "email", "first_name", "last_name", "name", "full_name"),
        *("is_active", "is_staff", "is_superuser", "date_joined", "created", "last_login"),
        *("groups", "user_permissions", "id", "language"),
    )
)
UNUSABLE = "!"


def read(
    path: Path, model: str = DEFAULT_MODEL, profile: Container[str] = ()
) -> Iterator[Numbered]:
    """Yield the people of a dump, in JSON or JSON Lines; `model` is the project's own user.

    Of further fields only those of a profile here come along: others may be secrets.
    """
    wanted = model.lower()
    beside = Beside()
    beside.fill(_further(path))

    def person(found: Found) -> Record | None:
        name = found.raw.get("model")
        if not isinstance(name, str):
            raise BadLine("has no model: dump with manage.py dumpdata")
        return _person(found, beside, profile) if name.lower() == wanted else None

    yield from people(lines.objects(path), person, "pk")


def _further(path: Path) -> Iterator[tuple[str, str, Any]]:
    """Yield what other models hold of people; it stands behind them in a dump."""
    for _, one in lines.objects(path):
        fields = one.get("fields") if isinstance(one, dict) else None
        name = str(one.get("model")).lower() if isinstance(fields, dict) else ""
        if name in (ADDRESS, SOCIAL, FACTOR) and isinstance(fields, dict):
            yield _key(fields.get("user")), name, fields


def _key(user: object) -> str:
    """Return what a row says whom it is about: a number, or a natural key, a list."""
    return repr(user[0]) if isinstance(user, list) and len(user) == 1 else repr(user)


def _person(outer: Found, beside: Beside, profile: Container[str]) -> Record:
    found = Found(outer.mapping("fields"))
    number = outer.raw.get("pk")
    name = found.text("username")
    held = beside.of(_key(number)) or (beside.of(_key(name)) if number is None else [])
    email = found.text("email")
    addresses = [fields for kind, fields in held if kind == ADDRESS]
    email, verified, others = _addresses(found, email, addresses)
    for kind, fields in held:
        if kind == SOCIAL:
            found.drop(f"sign-in by {shown(fields.get('provider'))}: they link it again")
        elif kind == FACTOR:
            found.drop(f"second factor {shown(fields.get('type'))}: they set it up again")
    password = found.text("password")
    if password and not password.startswith(UNUSABLE):
        found.hashed(lambda: password)
    else:
        found.drop("password: there is none that fits")
    _rights(found)
    for key in sorted(found.raw.keys() - STANDARD):
        if key in profile:
            found.keep(key, found.raw[key])
        elif found.raw[key] not in (None, "", [], {}, False):
            found.drop(f"field {shown(key)}: is none of sign_up.fields")
    return found.record(
        id="" if number is None else f"{outer.text('model').lower()}:{number}",
        email=email,
        verified=verified,
        other_emails=others,
        username=found.username(name, email),
        name=found.name(found.text("name", "full_name"), *_names(found)),
        language=found.language(found.raw.get("language")),
        created=found.raw.get("date_joined", found.raw.get("created")),
        active=found.flag("is_active", default=True),
    )


def _names(found: Found) -> tuple[str, str]:
    return found.text("first_name"), found.text("last_name")


def _addresses(found: Found, email: str, rows: list[dict[str, Any]]) -> tuple[str, bool, list[str]]:
    """Return the primary address, whether it is verified, and the further verified ones.

    Without allauth's rows nothing says whether an address is verified: it is not.
    """
    texts = [row for row in rows if isinstance(row.get("email"), str)]
    first = next((row for row in texts if row.get("primary") is True), None)
    if first is None:
        first = next((row for row in texts if row["email"].lower() == email.lower()), None)
    if first is not None:
        email = first["email"]
    others: list[str] = []
    for row in texts:
        if row is first:
            continue
        if row.get("verified") is True and len(others) < MOST_ADDRESSES:
            others.append(row["email"])
        else:
            found.drop(f"address {shown(row['email'])}: is not verified")
    return email, first is not None and first.get("verified") is True, others


def _rights(found: Found) -> None:
    for key in ("is_staff", "is_superuser"):
        if found.flag(key, default=False):
            found.drop(f"{key}: give them a role in the console")
    for group in found.entries("groups"):
        found.drop(f"group {shown(group)}: give them roles in the applications")
    if found.entries("user_permissions"):
        found.drop("permissions of their own: give them roles in the applications")
