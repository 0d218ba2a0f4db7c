"""Plan: the wants of all automatic gaps of a host, folded into the changes of one transaction.

Widen comes before narrow, and narrow only when nothing is left to widen and the host holds proof
that an admin of the site can log in and use sudo: closing the old ways in is safe only then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from holdfast.servers.audit import Finding
from holdfast.servers.changes import Change, InstallPackages
from holdfast.servers.control import Phase, Want
from holdfast.servers.resources import changes_for
from holdfast.servers.snapshot import CannotJudge, Snapshot, judged
from holdfast.site import Site

LOGIN_PROVEN = "login"  # the kind of evidence that a confirmed transaction leaves


class PlanConflict(Exception):
    """Two controls want different things of one resource; the message names both."""


@dataclass(frozen=True)
class Plan:
    """The changes of one transaction on one host, in the order in which they run.

    `wants` is what they fulfil; `later` what waits until this transaction has been proven.
    """

    host: str
    phase: Phase
    changes: tuple[Change, ...]
    wants: tuple[Want, ...]
    later: tuple[Want, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.changes


@dataclass(frozen=True)
class Demand:
    """A want together with the control that makes it."""

    control: str
    want: Want


def make_plan(host: str, findings: Sequence[Finding], snapshot: Snapshot, site: Site) -> Plan:
    """Return the next transaction of a host. Raises PlanConflict."""
    demands = wanted(findings)
    wide = [demand for demand in demands if demand.want.phase is Phase.WIDEN]
    narrow = [demand for demand in demands if demand.want.phase is Phase.NARROW]
    widening = changes(wide, snapshot)
    if widening:
        return Plan(host, Phase.WIDEN, widening, _wants(wide), _wants(narrow))
    return Plan(host, Phase.NARROW, changes(narrow, snapshot), _wants(narrow))


def wanted(findings: Iterable[Finding]) -> list[Demand]:
    """Return every want of the gaps that are not exempt."""
    return [
        Demand(finding.control.id, want)
        for finding in findings
        if not finding.exempt
        for gap in finding.gaps
        for want in gap.wants
    ]


def changes(demands: Iterable[Demand], snapshot: Snapshot) -> tuple[Change, ...]:
    """Fold the wants per resource and return the changes in the order in which they run."""
    folded = fold(demands)
    found = [
        change
        for resource, wants in sorted(folded.items())
        for change in changes_for(resource, wants, snapshot)
    ]
    packages = sorted({n for c in found if isinstance(c, InstallPackages) for n in c.names})
    others = [change for change in found if not isinstance(change, InstallPackages)]
    joined = [InstallPackages(tuple(packages))] if packages else []
    return tuple(sorted([*joined, *others], key=lambda change: (change.order, change.resource)))


def fold(demands: Iterable[Demand]) -> dict[str, dict[str, str]]:
    """Return resource → key → value. Raises PlanConflict naming both controls."""
    folded: dict[str, dict[str, str]] = {}
    origin: dict[tuple[str, str], str] = {}
    for control, want in ((demand.control, demand.want) for demand in demands):
        wants = folded.setdefault(want.resource, {})
        held = wants.setdefault(want.key, want.value)
        first = origin.setdefault((want.resource, want.key), control)
        if held != want.value:
            raise PlanConflict(
                f"{first} wants {want.resource} {want.key!r} to be {held!r}, {control} wants "
                f"{want.value!r}: make an exception for one of them in the site file"
            )
    return folded


def login_proven(snapshot: Snapshot, site: Site) -> bool:
    """Whether this host holds proof of an admin's login and sudo, with a key the site still has."""
    keys = {(name, key.fingerprint) for name, admin in site.admins.items() for key in admin.keys}
    try:
        return any(
            record.kind == LOGIN_PROVEN and (record.subject, record.bound_to) in keys
            for record in judged(snapshot.evidence)
        )
    except CannotJudge:
        return False


def _wants(demands: Iterable[Demand]) -> tuple[Want, ...]:
    return tuple(sorted({demand.want for demand in demands}))
