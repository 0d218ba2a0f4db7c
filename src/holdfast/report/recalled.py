"""A report from the history alone: nothing is contacted.

The newest snapshot of each host is judged anew, by today's site file and controls, since judging
is a pure function of both. A host that could not be reached after that snapshot is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from holdfast.report.audits import Audit, HostAudit, as_data
from holdfast.report.chronicle import attack_stories, chronicle, last_changed, since
from holdfast.report.past import Dated, KeptAudit, Past, read_past
from holdfast.report.view import Report, posture, shown_attacks
from holdfast.servers.audit import judge, unjudged
from holdfast.servers.control import Control
from holdfast.servers.fleet import Failure
from holdfast.servers.history import History, NotKept
from holdfast.servers.snapshot import LARGEST_SNAPSHOT, Snapshot, SnapshotError, read_snapshot
from holdfast.site import Site

TRIED = 3  # snapshots of a host, the newest first, until one can be read


class NothingKept(Exception):
    """There is no history; the message says where and what to run."""


class NotReached(Exception):
    """Why nothing is known of a host today."""


@dataclass(frozen=True)
class Recalled:
    """The newest state that the history holds, and everything a report shows of it."""

    audit: Audit
    report: Report


@dataclass(frozen=True)
class _Seen:
    at: datetime
    snapshot: Snapshot


def recalled(history: History, site: Site, controls: Sequence[Control], at: datetime) -> Recalled:
    """Read the history of a site and judge it as of `at`. Raises NothingKept."""
    past = read_past(history.runs())
    seen: dict[str, _Seen] = {}
    damaged = list(past.damaged)
    for name in site.hosts:
        newest = _newest(history, name, damaged)
        if newest:
            seen[name] = newest
    if not past.runs and not seen:
        trouble = "".join(f"\n{line}" for line in damaged)
        raise NothingKept(
            f"{history.folder}: no run is kept here yet: start with holdfast audit{trouble}"
        )
    audit = _judged(site, controls, at, past, seen)
    return Recalled(audit, _report(site, controls, past, seen, audit, tuple(damaged)))


def _newest(history: History, host: str, damaged: list[str]) -> _Seen | None:
    for kept in reversed(history.snapshots(host)[-TRIED:]):
        try:
            return _Seen(kept.at, read_snapshot(kept.read(LARGEST_SNAPSHOT)))
        except NotKept as error:
            damaged.append(str(error))
        except SnapshotError as error:
            damaged.append(f"{kept.path}: {error}")
    return None


def _judged(
    site: Site, controls: Sequence[Control], at: datetime, past: Past, seen: dict[str, _Seen]
) -> Audit:
    away = {name: why for name in site.hosts if (why := _away(past, name, seen.get(name)))}
    snapshots = {name: one.snapshot for name, one in seen.items() if name not in away}

    def one(name: str) -> HostAudit:
        if name in away:
            return HostAudit(name, None, unjudged(controls, away[name]))
        findings = judge(site.hosts[name], snapshots, site, controls, at.date())
        return HostAudit(name, snapshots[name], findings)

    failures = tuple(Failure(name, NotReached(f"{name}: {why}")) for name, why in away.items())
    return Audit(site.name, at, tuple(map(one, site.hosts)), failures)


def _away(past: Past, name: str, seen: _Seen | None) -> str:
    """Return why nothing is known of a host, or "" where its snapshot is its newest word."""
    for dated in reversed(past.runs):
        if seen is not None and dated.at <= seen.at:
            return ""
        for host in dated.run.hosts if isinstance(dated.run, KeptAudit) else ():
            if host.name == name and host.unreached:
                return host.reason
    return "" if seen else "no snapshot of it is kept: holdfast audit reads it"


def _report(
    site: Site,
    controls: Sequence[Control],
    past: Past,
    seen: dict[str, _Seen],
    audit: Audit,
    damaged: tuple[str, ...],
) -> Report:
    now = Dated(audit.at, KeptAudit.model_validate(as_data(audit)))
    changed = {name: last_changed(past, name) for name in site.hosts}
    return Report(
        site.name,
        audit.at,
        posture(
            audit,
            site,
            partial(since, past),
            {name: one.at for name, one in seen.items()},
            {name: when for name, when in changed.items() if when},
        ),
        shown_attacks(attack_stories(past, site.hosts), controls),
        chronicle(Past((*past.runs, now)), site.hosts),
        (*_gone(past, site), *damaged),
    )


def _gone(past: Past, site: Site) -> tuple[str, ...]:
    """Say which hosts the history knows and the site does not."""
    names = {host.name for d in past.runs if isinstance(d.run, KeptAudit) for host in d.run.hosts}
    gone = ", ".join(sorted(names - set(site.hosts)))
    return (f"the history also has hosts that are not of the site: {gone}",) if gone else ()
