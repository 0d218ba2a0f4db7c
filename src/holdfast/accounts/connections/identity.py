"""Who somebody is at a provider, and whether what it says of their address counts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.core.exceptions import ValidationError

from holdfast.accounts.connections.models import Connection, Kind
from holdfast.accounts.people.names import folded_address

LONGEST_SUBJECT = 1024
LONGEST_NAME = 150
GMAIL = frozenset(("gmail.com", "googlemail.com"))
ASKED_ALONE = frozenset((Kind.GOOGLE, Kind.GITHUB, Kind.APPLE))
"""They send a mail themselves before they call an address verified."""


class Refused(Exception):
    """A provider's answer that nobody is let in by; the message is for the log."""


@dataclass(frozen=True)
class Identity:
    """What a provider said of somebody, after all of it was verified."""

    subject: str
    email: str = ""
    proven: bool = False
    """Whether the address counts as shown to be theirs."""
    name: str = ""


def uid(subject: str) -> str:
    """Return what an identity is kept under.

    A digest, since databases differ in which letters they take for the same.
    """
    return hashlib.sha256(subject.encode()).hexdigest()


def identity(
    connection: Connection,
    *,
    subject: object,
    email: object = "",
    verified: bool = False,
    workspace: object = "",
    name: object = "",
) -> Identity:
    """Return who somebody is, by what a provider said. Raises Refused where that is nobody.

    `workspace` is Google's `hd`: the domain whose accounts Google itself keeps.
    """
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise Refused("no subject, or one that is too long")
    if any("\ud800" <= letter <= "\udfff" for letter in subject):
        raise Refused("a subject that is no text")
    address = _address(email)
    proven = verified and _counts(connection, address, str(workspace or ""))
    return Identity(subject, address, proven, _name(name))


def domain_of(address: str) -> str:
    """Return the domain of an address; "" for what is none."""
    return _address(address).rpartition("@")[2]


def _address(email: object) -> str:
    try:
        return folded_address(email) if isinstance(email, str) else ""
    except ValidationError:
        return ""


def _name(name: object) -> str:
    text = name if isinstance(name, str) else ""
    return "".join(letter for letter in text if letter.isprintable()).strip()[:LONGEST_NAME]


def _counts(connection: Connection, address: str, workspace: str) -> bool:
    """Whether the provider may say whose this address is."""
    domain = address.rpartition("@")[2]
    if not domain:
        return False
    if connection.kind == Kind.GOOGLE and (domain in GMAIL or domain == workspace.lower()):
        return True
    if not connection.trusts_addresses:
        return False
    if connection.domains:
        return domain in connection.domains
    return connection.kind in ASKED_ALONE
