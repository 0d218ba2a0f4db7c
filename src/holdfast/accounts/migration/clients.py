"""A client of another system becomes an application here: what is safe of it, and no more."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import ValidationError

from holdfast.accounts.configuration import CLIENT_ID, LEAST_CLIENT_SECRET, ROLE, Application
from holdfast.accounts.people.records import BadLine

CODE_FLOW = frozenset({"authorization_code", "refresh_token"})
SHOWN = 120  # characters of what somebody else wrote
MOST = 500  # addresses or roles of one client
LONGEST_TEXT = 2000
MADE_SECRET_BYTES = 32


def shown(text: object) -> str:
    """Return a foreign text as it may stand in a report."""
    return ascii(str(text)[:SHOWN])


@dataclass
class Client:
    """A client under way: `dropped` says what of it does not come along, and why."""

    id: str
    name: str = ""
    redirect: list[str] = field(default_factory=list)
    signed_out: list[str] = field(default_factory=list)
    secret: str = field(default="", repr=False)
    roles: list[str] = field(default_factory=list)
    everyone: list[str] = field(default_factory=list)
    first_party: bool = False
    dropped: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not re.fullmatch(CLIENT_ID, self.id):
            raise BadLine("its id can be none here: letters, digits and . _ - , 60 at most")
        self.name = "".join(letter for letter in self.name if letter.isprintable())[:100]

    def back_to(self, values: object) -> None:
        """Take where people are sent back to. Raises BadLine where nothing is left of it."""
        self.redirect = self._addresses(values, "redirect")
        if not self.redirect:
            raise BadLine("; ".join((*self.dropped, "no address is left to send people back to")))

    def out_to(self, values: object) -> None:
        """Take where people may go after signing out."""
        self.signed_out = self._addresses(values, "signed_out")

    def _addresses(self, values: object, what: str) -> list[str]:
        taken: dict[str, None] = {}
        for one in values[:MOST] if isinstance(values, list) else ():
            if not isinstance(one, str) or len(one) > LONGEST_TEXT:
                self.dropped.append(f"{what}: one is no address")
                continue
            try:
                Application.model_validate({"redirect": (one,)})
                taken[one] = None
            except (ValidationError, ValueError) as error:
                self.dropped.append(f"{what} {shown(one)}: {_reason(error)}")
        return list(taken)

    def known_by(self, secret: object) -> None:
        """Take the secret, or make one where it is not there or could be guessed."""
        good = isinstance(secret, str) and secret.isascii() and secret.isprintable()
        if isinstance(secret, str) and good and LEAST_CLIENT_SECRET <= len(secret) <= LONGEST_TEXT:
            self.secret = secret
            return
        self.secret = secrets.token_urlsafe(MADE_SECRET_BYTES)
        self.dropped.append(
            f"secret: it is hidden in the export or shorter than {LEAST_CLIENT_SECRET} characters: "
            "a new one was made: give it to the application"
        )

    def take_roles(self, roles: Iterable[object], everyone: Iterable[object]) -> None:
        """Take the roles that can be called so here."""
        for role in roles:
            if isinstance(role, str) and re.fullmatch(ROLE, role):
                self.roles.append(role)
            else:
                self.dropped.append(f"role {shown(role)}: none can be called so here")
        self.roles = list(dict.fromkeys(self.roles))[:MOST]
        wanted = set(everyone)
        self.everyone = [role for role in self.roles if role in wanted]

    def grants(self, names: object) -> None:
        """Say which ways to a token are not offered here. Raises BadLine without the code flow."""
        found = [str(name) for name in names] if isinstance(names, list) else []
        for name in sorted(set(found) - CODE_FLOW):
            self.dropped.append(f"grant {shown(name)}: does not come along")
        if "authorization_code" not in found:
            raise BadLine(
                "; ".join((*self.dropped, "people do not sign in to it by the code flow"))
            )

    @property
    def secret_file(self) -> str:
        return f"{self.id}.secret"

    def table(self) -> str:
        """Return its table of the configuration; the secret is in a file of its own."""
        lines = [f"[applications.{_toml(self.id)}]"]
        if self.name:
            lines.append(f"name = {_toml(self.name)}")
        for key in ("redirect", "signed_out"):
            if values := getattr(self, key):
                lines.append(f"{key} = [{', '.join(map(_toml, values))}]")
        if self.secret:
            lines.append(f"secret = {_toml(f'file:{self.secret_file}')}")
        for key in ("roles", "everyone"):
            if values := getattr(self, key):
                lines.append(f"{key} = [{', '.join(map(_toml, values))}]")
        if self.first_party:
            lines.append("first_party = true")
        return "\n".join(lines) + "\n"


def _reason(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return "is no address"
    text = error.errors(include_url=False, include_input=False, include_context=False)[0]["msg"]
    return (
        text.rpartition(": ")[2]
        if "write https" in text
        else "is compared to the letter: no *, # or space"
    )


def _toml(text: str) -> str:
    """Return a basic string of TOML; JSON's escapes are TOML's as well."""
    return json.dumps(text)
