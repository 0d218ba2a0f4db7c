"""What a control is: a gap-finder, with what it says about itself and the attacks it stops."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from holdfast.servers.snapshot import Snapshot
from holdfast.site import Host, Role, Site

if TYPE_CHECKING:
    from holdfast.servers.applications.attack import AppAttack
    from holdfast.servers.attack import Attack


class Principle(StrEnum):
    """The eight principles of the guide to user-data security."""

    LEAST_PRIVILEGE = "least privilege"
    PREVENT_DIRECT_ACCESS = "prevent direct access"
    AUTOMATE_CHECKS = "automate checks"
    NOTIFY = "notify of all activity"
    IDENTIFY_USERS = "identify users"
    ENCRYPT = "encrypt all communications"
    CLEANSE_INPUT = "cleanse input"
    KEEP_ON_SERVER = "keep it on the server"


class Severity(StrEnum):
    """How much an attacker gains from the gap, the worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Phase(StrEnum):
    """Widen opens new ways in; narrow closes old ones, and only after a new way was proven."""

    WIDEN = "widen"
    NARROW = "narrow"


@dataclass(frozen=True, order=True)
class Want:
    """One demand on one resource: `Want("account alice", "group sudo", "present")`.

    What a resource's keys mean stands in `resources.py`. A value of the form `secret NAME` is
    a reference, resolved only when the transaction is sent.
    """

    resource: str
    key: str
    value: str
    phase: Phase


@dataclass(frozen=True)
class Gap:
    """One difference between what was seen and the site.

    With wants it is automatic: they close it. Without, it is manual, and `mend` tells a person
    what to do. `evidence` shows what was seen; it may hold text from the host.
    """

    what: str
    evidence: str
    mend: str = ""
    wants: tuple[Want, ...] = ()

    def __post_init__(self) -> None:
        if not self.wants and not self.mend:
            raise ValueError(f"a manual gap says what a person does: {self.what!r} does not")

    @property
    def automatic(self) -> bool:
        return bool(self.wants)


class NotApplicable(Exception):
    """Raised by a control that has nothing to protect on this host; the message is the reason."""


GapFinder = Callable[[Host, Mapping[str, Snapshot], Site], Iterable[Gap]]


@dataclass(frozen=True)
class Control:
    """One protection.

    `source` is the guide's section. In a person's words: `stops` what goes wrong without it,
    `changes` what `apply` does about it, `deviates` where the source or common advice is wrong or
    outdated, and what is done instead ("" where it is followed).

    What protects an application may show nowhere on its host: such a control has no `gaps`, is
    judged by its `app_attacks` alone, and `changes` says what its developers do.
    """

    id: str
    title: str
    principle: Principle
    source: str
    severity: Severity
    stops: str
    changes: str
    gaps: GapFinder | None = None
    roles: frozenset[Role] = frozenset(Role)
    attacks: Sequence[Attack] = field(default=())
    app_attacks: Sequence[AppAttack] = field(default=())
    deviates: str = ""

    @property
    def of_applications(self) -> bool:
        """Whether it is about applications alone, so that no host has it or lacks it."""
        return self.gaps is None

    def applies_to(self, host: Host) -> bool:
        return bool(self.roles & frozenset(host.roles))
