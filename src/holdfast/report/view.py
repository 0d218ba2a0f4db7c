"""What a report shows, as plain data: made from an audit, from attacks and from the past.

Nothing in it is formatted and nothing is escaped: that is for whoever renders it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from holdfast.report import explained
from holdfast.report.audits import Audit, HostAudit, release
from holdfast.report.chronicle import AttackStory, Moment, Tried
from holdfast.servers.audit import Finding, Status
from holdfast.servers.changes import Change
from holdfast.servers.control import Control, Gap, Phase, Severity
from holdfast.servers.plan import Demand, PlanConflict, fold, wanted
from holdfast.servers.prove import Attempt
from holdfast.servers.resources import changes_for
from holdfast.servers.snapshot import CannotJudge, Snapshot
from holdfast.site import Site

WORST_FIRST = tuple(Severity)
PRESSING = (Status.GAP, Status.UNKNOWN, Status.EXEMPT, Status.PASS, Status.NOT_APPLICABLE)

Since = Callable[[str, str, str], datetime | None]
"""(host, control, words of the gap) → since when it stands, None where only now is known."""


@dataclass(frozen=True)
class ShownChange:
    """One change that `apply` would make, in which transaction, and its unified diff."""

    title: str
    diff: str
    phase: Phase


@dataclass(frozen=True)
class ShownGap:
    """A gap; `mend` is "" where apply closes it. `since` None: this is the first time."""

    what: str
    evidence: str
    mend: str
    automatic: bool
    since: datetime | None


@dataclass(frozen=True)
class ShownFinding:
    """What one control says of one host; `until` is the last day of an exception."""

    host: str
    control: Control
    status: Status
    gaps: tuple[ShownGap, ...] = ()
    changes: tuple[ShownChange, ...] = ()
    reason: str = ""
    until: date | None = None

    @property
    def anchor(self) -> str:
        """Where its details stand in a document."""
        return f"{self.host}.{self.control.id}"


@dataclass(frozen=True)
class ShownHost:
    """A host; `read` is when its snapshot was taken, `trouble` why nothing is known of it now,
    `changed` whether Holdfast has changed it since it was read.
    """

    name: str
    roles: tuple[str, ...]
    release: str
    read: datetime | None
    trouble: str = ""
    changed: bool = False


@dataclass(frozen=True)
class Posture:
    """The hosts, and one finding per host and control, as they were judged."""

    score: int
    hosts: tuple[ShownHost, ...]
    findings: tuple[ShownFinding, ...]

    @property
    def controls(self) -> tuple[Control, ...]:
        return tuple({f.control.id: f.control for f in self.findings}.values())

    def of(self, *statuses: Status) -> tuple[ShownFinding, ...]:
        """Return the findings of these statuses, the worst first."""
        found = (finding for finding in self.findings if finding.status in statuses)
        return tuple(sorted(found, key=_badness))


@dataclass(frozen=True)
class ShownAttack:
    """An attack with the words of its control's file; the last outcome, and the first."""

    title: str
    story: AttackStory


@dataclass(frozen=True)
class Report:
    """One document. `posture`, `attacks` and `moments` are None where it is not about them."""

    site: str
    at: datetime
    posture: Posture | None = None
    attacks: tuple[ShownAttack, ...] | None = None
    moments: tuple[Moment, ...] | None = None
    notes: tuple[str, ...] = ()


def never(host: str, control: str, what: str) -> datetime | None:
    """Nothing is known of the past."""
    return None


def posture(
    audit: Audit,
    site: Site,
    since: Since = never,
    read: Mapping[str, datetime] | None = None,
    changed: Mapping[str, datetime] | None = None,
) -> Posture:
    """Return an audit as it is shown.

    `read` is when the newest snapshot of each host was taken, where that was not in this audit;
    `changed` when Holdfast last changed it.
    """
    times = dict.fromkeys(audit.read, audit.at) if read is None else read
    hosts = tuple(_host(host, audit, site, times, changed or {}) for host in audit.hosts)
    findings = (shown for host in audit.hosts for shown in _findings(host, site, since))
    return Posture(audit.score, hosts, tuple(findings))


def _host(
    host: HostAudit,
    audit: Audit,
    site: Site,
    read: Mapping[str, datetime],
    changed: Mapping[str, datetime],
) -> ShownHost:
    known = site.hosts.get(host.name)
    trouble = next((f.message for f in audit.failures if f.host == host.name), "")
    seen, touched = read.get(host.name), changed.get(host.name)
    return ShownHost(
        host.name,
        tuple(known.roles) if known else (),
        release(host.snapshot),
        seen,
        trouble.removeprefix(f"{host.name}: "),
        seen is not None and touched is not None and touched >= seen,
    )


def _findings(host: HostAudit, site: Site, since: Since) -> Iterable[ShownFinding]:
    planned = {} if host.snapshot is None else _planned(host.findings, host.snapshot)
    for finding in host.findings:
        control = finding.control
        exception = site.exceptions.get(control.id) if finding.exempt else None
        resources = dict.fromkeys(
            (want.phase, want.resource)
            for gap in finding.gaps
            for want in gap.wants
            if not finding.exempt
        )
        yield ShownFinding(
            host.name,
            control,
            finding.status,
            tuple(_gap(gap, since(host.name, control.id, gap.what)) for gap in finding.gaps),
            tuple(change for place in resources for change in planned.get(place, ())),
            finding.reason.removeprefix(f"{host.name}: "),
            exception.until if exception else None,
        )


def _gap(gap: Gap, since: datetime | None) -> ShownGap:
    return ShownGap(gap.what, gap.evidence, gap.mend, gap.automatic, since)


def _planned(
    findings: Sequence[Finding], snapshot: Snapshot
) -> dict[tuple[Phase, str], tuple[ShownChange, ...]]:
    """Return the changes of both transactions by resource, as they look from this snapshot.

    The second is planned anew once the first is proven; this is what it would be today. What
    cannot be planned has no changes here: `holdfast plan` says why.
    """
    planned = {}
    for phase in Phase:
        for resource, wants in _folded(d for d in wanted(findings) if d.want.phase is phase):
            try:
                found = tuple(changes_for(resource, wants, snapshot))
            except CannotJudge:
                continue
            planned[phase, resource] = tuple(_change(change, phase) for change in found)
    return planned


def _folded(demands: Iterable[Demand]) -> Iterable[tuple[str, Mapping[str, str]]]:
    try:
        return fold(demands).items()
    except PlanConflict:
        return ()


def _change(change: Change, phase: Phase) -> ShownChange:
    return ShownChange(change.title(), change.diff(), phase)


def shown_attacks(
    stories: Iterable[AttackStory], controls: Iterable[Control]
) -> tuple[ShownAttack, ...]:
    """Return the stories with the titles that the controls give their attacks."""
    titles = {f"{c.id}/{one.name}": one.title for c in controls for one in explained.attacks(c)}
    return tuple(ShownAttack(titles.get(one.attack, one.attack), one) for one in stories)


def attempted(attempts: Iterable[Attempt], at: datetime) -> tuple[ShownAttack, ...]:
    """Return the attacks of one run."""
    return tuple(
        ShownAttack(
            one.title,
            AttackStory(one.attack, one.control, one.host, one.vantage, t, t, 1, app=one.app),
        )
        for one in attempts
        for t in (Tried(at, one.outcome, one.evidence),)
    )


def _badness(finding: ShownFinding) -> tuple[int, int, str, str]:
    severity = WORST_FIRST.index(finding.control.severity)
    return PRESSING.index(finding.status), severity, finding.control.id, finding.host
