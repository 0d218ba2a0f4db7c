"""Audit: snapshots in, findings out. No input or output here; the same data, the same verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from holdfast.servers.control import Control, Gap, GapFinder, NotApplicable
from holdfast.servers.snapshot import CannotJudge, Snapshot
from holdfast.site import ControlException, Host, Site


class Status(StrEnum):
    """`unknown` could not be judged, with the reason; it never counts as a pass."""

    PASS = "pass"
    GAP = "gap"
    EXEMPT = "exempt"
    NOT_APPLICABLE = "not-applicable"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """What one control says of one host. `reason` belongs to unknown, exempt, not-applicable."""

    control: Control
    status: Status
    gaps: tuple[Gap, ...] = ()
    reason: str = ""

    @property
    def exempt(self) -> bool:
        return self.status is Status.EXEMPT

    @property
    def automatic(self) -> int:
        return sum(gap.automatic for gap in self.gaps)

    @property
    def manual(self) -> int:
        return len(self.gaps) - self.automatic


def judge(
    host: Host,
    snapshots: Mapping[str, Snapshot],
    site: Site,
    controls: Sequence[Control],
    today: date,
) -> tuple[Finding, ...]:
    """Return one finding per control of hosts, for one whose snapshot is among `snapshots`."""
    return tuple(
        _finding(control, find, host, snapshots, site, today)
        for control in controls
        if (find := control.gaps) is not None
    )


def _finding(
    control: Control,
    find: GapFinder,
    host: Host,
    snapshots: Mapping[str, Snapshot],
    site: Site,
    today: date,
) -> Finding:
    if not control.applies_to(host):
        return Finding(control, Status.NOT_APPLICABLE, reason=f"not for role {_roles(host)}")
    exception = site.exception_for(control.id, host.name)
    try:
        gaps = tuple(find(host, snapshots, site))
    except CannotJudge as error:
        return Finding(control, Status.UNKNOWN, reason=str(error))
    except NotApplicable as error:
        return Finding(control, Status.NOT_APPLICABLE, reason=str(error))
    if exception is not None and not exception.expired(today):
        return Finding(control, Status.EXEMPT, gaps, reason=exception.because)
    if exception is not None:
        gaps = (*gaps, _expired(control, exception))
    return Finding(control, Status.GAP if gaps else Status.PASS, gaps)


def _expired(control: Control, exception: ControlException) -> Gap:
    return Gap(
        what=f"the exception for {control.id} ended on {exception.until}",
        evidence=f"because: {exception.because}",
        mend="remove it from the site file, or give it a later date and a reason that still holds",
    )


def _roles(host: Host) -> str:
    return ", ".join(sorted(host.roles))


def unjudged(controls: Sequence[Control], reason: str) -> tuple[Finding, ...]:
    """Return what is known of a host that could not be read: nothing, and why."""
    of_hosts = (control for control in controls if not control.of_applications)
    return tuple(Finding(control, Status.UNKNOWN, reason=reason) for control in of_hosts)


def score(findings: Sequence[Finding]) -> int:
    """Return the share of judged controls that pass, in percent; unknown counts as not passed."""
    return share(finding.status for finding in findings)


def share(statuses: Iterable[Status]) -> int:
    """Return the score of findings of which only the statuses are known."""
    counted = [s for s in statuses if s not in (Status.NOT_APPLICABLE, Status.EXEMPT)]
    if not counted:
        return 0
    return round(100 * sum(status is Status.PASS for status in counted) / len(counted))
