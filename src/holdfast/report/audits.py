"""An audit as data: what `audit --format json` prints and what is kept in the history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from holdfast.servers.audit import Finding, Status, score
from holdfast.servers.control import Gap
from holdfast.servers.fleet import Failure
from holdfast.servers.snapshot import Snapshot, Unreadable


@dataclass(frozen=True)
class HostAudit:
    """The findings of one host, with the snapshot they were judged from.

    `snapshot` is None where the host could not be read: then every finding is unknown.
    """

    name: str
    snapshot: Snapshot | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Audit:
    """One audit of a site."""

    site: str
    at: datetime
    hosts: tuple[HostAudit, ...]
    failures: tuple[Failure, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for host in self.hosts for finding in host.findings)

    @property
    def read(self) -> dict[str, Snapshot]:
        """The snapshots of the hosts that could be read."""
        return {h.name: h.snapshot for h in self.hosts if h.snapshot is not None}

    @property
    def exit_code(self) -> int:
        """0 clean, 1 gaps, 3 a host could not be reached or judged."""
        return 3 if self.failures else exit_code(self.findings)

    @property
    def score(self) -> int:
        """Percent of the controls that pass; what could not be judged does not."""
        return score(self.findings)


def exit_code(findings: Sequence[Finding]) -> int:
    """Return 0 where all is well, 1 for gaps, 3 where something could not be judged."""
    found = {finding.status for finding in findings}
    return 3 if Status.UNKNOWN in found else 1 if Status.GAP in found else 0


def as_data(audit: Audit) -> dict[str, Any]:
    """Return the audit in the shape of the command line's contract."""
    return {
        "site": audit.site,
        "at": audit.at.isoformat(timespec="seconds"),
        "hosts": [_host(host) for host in audit.hosts],
        "score": audit.score,
    }


def _host(host: HostAudit) -> dict[str, Any]:
    return {
        "name": host.name,
        "release": release(host.snapshot),
        "seconds": round(host.snapshot.seconds, 3) if host.snapshot else 0,
        "findings": [_finding(finding) for finding in host.findings],
    }


def release(snapshot: Snapshot | None) -> str:
    """Return `debian 12`, or `unknown`."""
    if snapshot is None or isinstance(snapshot.release, Unreadable):
        return "unknown"
    return f"{snapshot.release.id} {snapshot.release.version}"


def _finding(finding: Finding) -> dict[str, Any]:
    control = finding.control
    return {
        "control": control.id,
        "status": finding.status.value,
        "severity": control.severity.value,
        "principle": control.principle.value,
        "source": control.source,
        "evidence": [*map(_evidence, finding.gaps), *([finding.reason] if finding.reason else [])],
        "automatic": finding.automatic,
        "manual": finding.manual,
    }


def _evidence(gap: Gap) -> str:
    seen = f"{gap.what} ({gap.evidence})"
    return f"{seen}: {gap.mend}" if gap.mend else seen
