"""What a scan finds: one line of one file, and why that is one."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class ScanError(Exception):
    """A tree cannot be scanned; the message says what, where and the mend."""


class Rule(StrEnum):
    """What is looked for."""

    SQL = "sql"
    SECRET = "secret"  # noqa: S105
    DEBUG = "debug"
    COOKIE = "cookie"
    READABLE = "readable"


MENDS = {
    Rule.SQL: "write a prepared statement; take a column to sort by from a list",
    Rule.SECRET: "give it to the program from outside, and make a new one: this one is known now",
    Rule.DEBUG: "log what went wrong, and show a number",
    Rule.COOKIE: "set Secure, HttpOnly and SameSite",
    Rule.READABLE: "chmod go= it",
}
SEVERE = frozenset({Rule.SQL, Rule.SECRET})


@dataclass(frozen=True)
class Finding:
    """One place. `line` is 0 for a whole file; `commit` is where in the history, "" for now."""

    rule: Rule
    path: str
    line: int
    what: str
    commit: str = ""
    because: str = ""
    """Why it is let be, as the tree's list of exceptions says; "" where it is not in there."""

    @property
    def mend(self) -> str:
        return MENDS[self.rule]


@dataclass(frozen=True)
class Scanned:
    """What came of a scan. `unjudged` are files that could not be read as what they are."""

    findings: tuple[Finding, ...] = ()
    unjudged: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def open(self) -> tuple[Finding, ...]:
        """Those that nobody has let be."""
        return tuple(finding for finding in self.findings if not finding.because)
