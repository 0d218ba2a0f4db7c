"""What the past says: since when a gap stands, what changed between runs, how attacks ended.

Pure functions of the runs that were kept. A gap is known again by its host, its control and its
words; what was seen may differ each time. A host that could not be reached says nothing about its
gaps: they neither close nor open while it is away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from holdfast.report.past import (
    Dated,
    KeptApplied,
    KeptApply,
    KeptAttempt,
    KeptAudit,
    KeptFinding,
    KeptHost,
    KeptProve,
    KeptUndo,
    Past,
)
from holdfast.servers.attack import Outcome
from holdfast.servers.audit import Status, share
from holdfast.site.errors import escaped


class Event(StrEnum):
    APPEARED = "audited for the first time"
    UNREACHED = "could not be reached"
    BACK = "can be reached again"
    OPENED = "gap opened"
    CLOSED = "gap closed"
    EXEMPTED = "exempt now"
    COUNTS_AGAIN = "not exempt any more"
    CHANGED = "changed"
    FAILED = "not changed"
    UNDONE = "taken back"
    BROKEN_INTO = "attack succeeded"
    REPELLED = "attack repelled"


@dataclass(frozen=True)
class Happening:
    """One thing that changed; `control` is "" where it is about the whole host."""

    event: Event
    host: str
    control: str
    what: str


@dataclass(frozen=True)
class Moment:
    """One run: what was different from before, and the site's score after an audit."""

    at: datetime
    verb: str
    happenings: tuple[Happening, ...]
    score: int | None = None


@dataclass(frozen=True)
class Tried:
    """One attack at one time."""

    at: datetime
    outcome: Outcome
    evidence: str


@dataclass(frozen=True)
class AttackStory:
    """An attack the first time and the last time; `applied` is when the host changed between."""

    attack: str
    control: str
    host: str
    vantage: str
    first: Tried
    last: Tried
    times: int
    applied: tuple[datetime, ...] = ()
    app: str = ""

    @property
    def target(self) -> str:
        """What was attacked, in words: as `Attempt.target`."""
        return f"{escaped(self.app)} on {self.host}" if self.app else self.host


def gap_key(text: str) -> str:
    """Return what a gap is known by: its words, without what was seen."""
    return text.partition(" (")[0]


def since(past: Past, host: str, control: str, what: str) -> datetime | None:
    """Return when the gap was first found of the audits that found it without a break."""
    found = None
    for dated in reversed(past.runs):
        finding = _finding(dated, host, control)
        if finding is None or finding.status is Status.UNKNOWN:
            continue
        if gap_key(what) not in _gaps(finding):
            break
        found = dated.at
    return found


def _finding(dated: Dated, name: str, control: str) -> KeptFinding | None:
    if not isinstance(dated.run, KeptAudit):
        return None
    return next(
        (f for h in dated.run.hosts if h.name == name for f in h.findings if f.control == control),
        None,
    )


def _gaps(finding: KeptFinding) -> Counter[str]:
    if finding.status is Status.EXEMPT:
        return Counter(map(gap_key, finding.evidence[:-1]))  # the last one is the reason
    return Counter(map(gap_key, finding.evidence if finding.status is Status.GAP else ()))


def chronicle(past: Past, hosts: Collection[str]) -> tuple[Moment, ...]:
    """Return every run on these hosts as what it changed, the oldest first."""
    known = _Known()
    return tuple(_moment(dated, known, hosts) for dated in past.runs)


@dataclass
class _Known:
    """What was last known, while the past is read from its beginning.

    `statuses` are those of the last audit of each host, `judged` the last finding per host and
    control that was not unknown.
    """

    statuses: dict[str, tuple[Status, ...]] = field(default_factory=dict)
    judged: dict[str, dict[str, KeptFinding]] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    attacks: dict[tuple[str, str], Outcome] = field(default_factory=dict)

    @property
    def score(self) -> int:
        return share(status for statuses in self.statuses.values() for status in statuses)


def _moment(dated: Dated, known: _Known, hosts: Collection[str]) -> Moment:
    run = dated.run
    if isinstance(run, KeptAudit):
        found = [h for host in run.hosts if host.name in hosts for h in _audited(host, known)]
        return Moment(dated.at, "audit", tuple(found), known.score)
    if isinstance(run, KeptProve):
        tried = [h for a in run.attacks if a.host in hosts for h in _attacked(a, known)]
        return Moment(dated.at, "prove", tuple(tried))
    if isinstance(run, KeptApply):
        done = [h for host in run.hosts if host.name in hosts for h in _applied(host)]
        return Moment(dated.at, "apply", tuple(done))
    undone = Happening(Event.UNDONE, run.host, "", run.undone)
    return Moment(dated.at, "undo", (undone,) if run.host in hosts else ())


def _audited(host: KeptHost, known: _Known) -> Iterator[Happening]:
    known.statuses[host.name] = tuple(finding.status for finding in host.findings)
    if host.unreached:
        if host.name not in known.away:
            yield Happening(Event.UNREACHED, host.name, "", host.reason)
        known.away.add(host.name)
        return
    if host.name in known.away:
        yield Happening(Event.BACK, host.name, "", "")
        known.away.discard(host.name)
    judged = known.judged.get(host.name)
    if judged is None:
        gaps = sum(_gaps(f).total() for f in host.findings if f.status is Status.GAP)
        yield Happening(Event.APPEARED, host.name, "", f"{gaps} gap{'' if gaps == 1 else 's'}")
        judged = known.judged.setdefault(host.name, {})
    else:
        for finding in host.findings:
            yield from _differences(host.name, judged.get(finding.control), finding)
    judged |= {f.control: f for f in host.findings if f.status is not Status.UNKNOWN}


def _differences(host: str, before: KeptFinding | None, now: KeptFinding) -> Iterator[Happening]:
    if now.status is Status.UNKNOWN:
        return
    was_exempt = before is not None and before.status is Status.EXEMPT
    is_exempt = now.status is Status.EXEMPT
    if is_exempt and not was_exempt:
        yield Happening(Event.EXEMPTED, host, now.control, now.evidence[-1] if now.evidence else "")
    if was_exempt and not is_exempt:
        yield Happening(Event.COUNTS_AGAIN, host, now.control, "")
    earlier: Counter[str] = Counter() if before is None else _gaps(before)
    later = _gaps(now)
    for what in later - earlier:
        yield Happening(Event.OPENED, host, now.control, what)
    for what in earlier - later:
        yield Happening(Event.CLOSED, host, now.control, what)


def _attacked(attempt: KeptAttempt, known: _Known) -> Iterator[Happening]:
    """An attack is news when it ends otherwise than the last time that it ended at all."""
    if attempt.outcome is Outcome.INCONCLUSIVE:
        return
    place = (attempt.target, attempt.attack)
    if known.attacks.get(place) is not attempt.outcome:
        won = attempt.outcome is Outcome.SUCCEEDED
        event = Event.BROKEN_INTO if won else Event.REPELLED
        yield Happening(event, attempt.host, attempt.control, attempt.attack)
    known.attacks[place] = attempt.outcome


def _applied(host: KeptApplied) -> Iterator[Happening]:
    if host.error:
        yield Happening(Event.FAILED, host.name, "", host.error.removeprefix(f"{host.name}: "))
    elif host.transactions:
        ids = ", ".join(host.transactions)
        yield Happening(Event.CHANGED, host.name, "", f"{host.changes} changes, transactions {ids}")


def attack_stories(past: Past, hosts: Collection[str]) -> tuple[AttackStory, ...]:
    """Return each attack on these hosts, first and last, by control, attack and host."""
    tried: dict[tuple[str, str, str, str], list[tuple[datetime, KeptAttempt]]] = {}
    changed: dict[str, list[datetime]] = {}
    for dated in past.runs:
        if isinstance(dated.run, KeptProve):
            for one in dated.run.attacks:
                if one.host in hosts:
                    place = (one.control, one.attack, one.host, one.app)
                    tried.setdefault(place, []).append((dated.at, one))
        if isinstance(dated.run, KeptApply):
            for host in dated.run.hosts:
                if host.transactions:
                    changed.setdefault(host.name, []).append(dated.at)
    return tuple(_story(tried[place], changed.get(place[2], [])) for place in sorted(tried))


def _story(tried: list[tuple[datetime, KeptAttempt]], changed: list[datetime]) -> AttackStory:
    (began, first), (ended, last) = tried[0], tried[-1]
    return AttackStory(
        last.attack,
        last.control,
        last.host,
        last.vantage,
        Tried(began, first.outcome, first.evidence),
        Tried(ended, last.outcome, last.evidence),
        len(tried),
        tuple(at for at in changed if began <= at <= ended),
        last.app,
    )


def last_changed(past: Past, host: str) -> datetime | None:
    """Return when this host was last changed, or taken back, by Holdfast."""
    return max(
        (
            dated.at
            for dated in past.runs
            if (isinstance(dated.run, KeptUndo) and dated.run.host == host)
            or (
                isinstance(dated.run, KeptApply)
                and any(h.name == host and (h.transactions or h.error) for h in dated.run.hosts)
            )
        ),
        default=None,
    )
