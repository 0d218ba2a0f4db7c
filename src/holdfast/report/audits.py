"""An audit as data: what `audit --format json` prints and what is kept in the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from holdfast.servers.audit import Finding, Status, score
from holdfast.servers.fleet import Failure
from holdfast.servers.snapshot import Snapshot, Unreadable


@dataclass(frozen=True)
class HostAudit:
    """The findings of one host, with the snapshot they were judged from."""

    name: str
    snapshot: Snapshot
    findings: tuple[Finding, ...]
    seconds: float


@dataclass(frozen=True)
class Audit:
    """One audit of a site."""

    site: str
    at: datetime
    hosts: tuple[HostAudit, ...]
    failures: tuple[Failure, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 clean, 1 gaps, 3 a host could not be reached or judged."""
        if self.failures:
            return 3
        return exit_code([finding for host in self.hosts for finding in host.findings])

    @property
    def score(self) -> int:
        """Percent of the judged controls that pass; a host that failed passes none."""
        if self.failures and not self.hosts:
            return 0
        return score([finding for host in self.hosts for finding in host.findings])


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
        "failures": [{"name": f.host, "error": f.message} for f in audit.failures],
        "score": audit.score,
    }


def _host(host: HostAudit) -> dict[str, Any]:
    return {
        "name": host.name,
        "release": release(host.snapshot),
        "seconds": round(host.seconds, 3),
        "findings": [_finding(finding) for finding in host.findings],
    }


def release(snapshot: Snapshot) -> str:
    """Return `debian 12`, or `unknown`."""
    held = snapshot.release
    return "unknown" if isinstance(held, Unreadable) else f"{held.id} {held.version}"


def _finding(finding: Finding) -> dict[str, Any]:
    control = finding.control
    data: dict[str, Any] = {
        "control": control.id,
        "status": finding.status.value,
        "severity": control.severity.value,
        "principle": control.principle.value,
        "source": control.source,
        "evidence": [f"{gap.what} ({gap.evidence})" for gap in finding.gaps],
        "automatic": finding.automatic,
        "manual": finding.manual,
    }
    if finding.reason:
        data["reason"] = finding.reason
    if finding.manual:
        data["mend"] = [gap.mend for gap in finding.gaps if not gap.automatic]
    return data


def plans_wanted(hosts: Sequence[HostAudit]) -> Mapping[str, int]:
    """Return how many automatic gaps each host has, exempt ones left out."""
    return {h.name: sum(f.automatic for f in h.findings if not f.exempt) for h in hosts}
