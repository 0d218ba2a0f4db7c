"""Firebase: what `firebase auth:export` writes, JSON or CSV, and the console's hash parameters."""

from __future__ import annotations

import base64
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holdfast.accounts.migration import documents, hashes
from holdfast.accounts.migration.found import Found, Numbered, people, shown
from holdfast.accounts.people.records import LONGEST_LINE, BadLine, Record, read_lines

CELLS = ("localId", "email", "emailVerified", "passwordHash", "salt", "displayName", "photoUrl")
PROVIDERS = ("google.com", "facebook.com", "twitter.com", "github.com")
PROVIDER_CELLS = 4  # id, address, name and picture
LATER_CELLS = ("createdAt", "lastSignedInAt", "phoneNumber", "disabled", "customAttributes")
LEAST_CELLS = len(CELLS) + len(PROVIDERS) * PROVIDER_CELLS + 2  # the first versions wrote no more
_LINE = re.compile(r"\s*([a-z0-9_]+)\s*:\s*([^\s,]+)\s*,?\s*")


class BadParameters(Exception):
    """The parameters of the hashes are not those that the console shows."""


@dataclass(frozen=True)
class HashParameters:
    """How a project hashes; who has these needs no further secret to guess passwords."""

    rounds: int
    memory: int
    signer: str = field(repr=False)
    separator: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> HashParameters:
        """Read `hash_config {…}` as the console shows it. Raises BadParameters."""
        body = re.fullmatch(r"\s*(?:hash_config\s*)?\{(.*)\}\s*", text, re.DOTALL)
        found = {
            match[1]: match[2]
            for line in (body[1] if body else text).splitlines()
            if (match := _LINE.fullmatch(line)) is not None
        }
        if found.get("algorithm", "SCRYPT") != "SCRYPT":
            raise BadParameters("its algorithm is not SCRYPT")
        try:
            return cls(
                rounds=int(found["rounds"]),
                memory=int(found["mem_cost"]),
                signer=_base64(found["base64_signer_key"], "base64_signer_key"),
                separator=_base64(found["base64_salt_separator"], "base64_salt_separator"),
            )
        except KeyError as missing:
            raise BadParameters(f"{missing.args[0]} is missing") from None
        except ValueError:
            raise BadParameters("one of its values is not what the console shows") from None

    def kept(self, salt: str, value: str) -> str:
        """Return somebody's hash as it is kept here. Raises ValueError."""
        parts = (_base64(salt, "salt"), self.separator, self.signer, _base64(value, "hash"))
        return f"firebase${self.rounds}:{self.memory}:{':'.join(parts)}"


def _base64(text: str, what: str) -> str:
    return base64.b64encode(hashes.bytes_of(text, what)).decode()


def read(path: Path, kind: str, parameters: HashParameters | None) -> Iterator[Numbered]:
    """Yield the people of a file, `json` or `csv`."""

    def person(found: Found) -> Record:
        return _person(found, parameters)

    with path.open("rb") as file:
        if kind == "csv":
            with io.TextIOWrapper(file, "utf-8-sig", errors="replace", newline="\n") as text:
                yield from people(_rows(text), person, "localId")
        else:
            values = (value for _, value in documents.parts(file, {"users", ""}))
            yield from people(enumerate(values, 1), person, "localId")


def _rows(text: io.TextIOWrapper) -> Iterator[tuple[int, Any]]:
    for number, line in read_lines(text, LONGEST_LINE):
        if isinstance(line, BadLine):
            yield number, line
            continue
        try:
            (cells,) = csv.reader(io.StringIO(line))
        except (csv.Error, ValueError):
            yield number, BadLine("is no row of CSV")
            continue
        yield (
            number,
            _of_cells(cells)
            if len(cells) >= LEAST_CELLS
            else BadLine(f"has {len(cells)} cells, fewer than {LEAST_CELLS}"),
        )


def _of_cells(cells: list[str]) -> dict[str, Any]:
    later = len(CELLS) + len(PROVIDERS) * PROVIDER_CELLS
    raw: dict[str, Any] = dict(zip(CELLS, cells, strict=False))
    raw |= dict(zip(LATER_CELLS, cells[later:], strict=False))
    for key in ("emailVerified", "disabled"):
        raw[key] = raw.get(key) == "true"
    raw["providerUserInfo"] = [
        {"providerId": provider}
        for place, provider in enumerate(PROVIDERS)
        if cells[len(CELLS) + place * PROVIDER_CELLS]
    ]
    return raw


def _person(found: Found, parameters: HashParameters | None) -> Record:
    email = found.text("email")
    for key in ("phoneNumber", "photoUrl"):
        found.keep(key, found.raw.get(key))
    salt, value = found.text("salt"), found.text("passwordHash")
    if not value:
        found.drop("password: the file has no hash of it")
    elif parameters is None:
        found.drop("password: verifying it takes the project's parameters (--firebase-hash FILE)")
    else:
        found.hashed(lambda: parameters.kept(salt, value))
    for one in found.objects("providerUserInfo"):
        if one.get("providerId") != "password":
            found.drop(f"sign-in by {shown(one.get('providerId'))}: they link it again")
    if found.text("customAttributes") not in ("", "{}"):
        found.drop("custom claims: give roles in the applications instead")
    if found.entries("mfaInfo"):
        found.drop("second factor: they set it up again")
    return found.record(
        id=found.text("localId"),
        email=email,
        verified=found.flag("emailVerified", default=False),
        name=found.text("displayName"),
        created=found.moment("createdAt"),
        active=not found.flag("disabled", default=False),
    )
