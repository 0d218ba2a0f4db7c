"""What `holdfast report` says in a terminal and to programs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from holdfast.report.audits import as_data
from holdfast.report.chronicle import Moment
from holdfast.report.paint import Paint
from holdfast.report.recalled import Recalled
from holdfast.report.text import OUTCOMES, audit_lines
from holdfast.report.view import Report, ShownAttack
from holdfast.servers.attack import Outcome

MOST_MOMENTS = 10  # of the newest, in a terminal


def report_lines(found: Recalled, paint: Paint, *, verbose: bool) -> Iterator[str]:
    """Yield the newest state, since when each gap stands, what changed and how attacks ended."""
    yield from audit_lines(found.audit, paint, verbose=verbose)
    yield from _standing(found.report, paint)
    yield from _moments(found.report.moments or (), paint)
    yield from _attacks(found.report.attacks or (), paint)
    yield from (paint("yellow", note) for note in found.report.notes)


def _standing(report: Report, paint: Paint) -> Iterator[str]:
    gaps = [
        (gap.since, finding, gap)
        for finding in (report.posture.findings if report.posture else ())
        for gap in finding.gaps
        if gap.since
    ]
    if gaps:
        yield ""
        yield paint("bold", "since when")
    for since, finding, gap in sorted(gaps, key=lambda one: one[0]):
        where = paint("dim", f"{finding.host} {finding.control.id}")
        yield f"  {since:%Y-%m-%d}  {paint('bold', gap.what)} {where}"


def _moments(moments: tuple[Moment, ...], paint: Paint) -> Iterator[str]:
    news = [moment for moment in moments if moment.happenings][-MOST_MOMENTS:]
    if news:
        yield ""
        yield paint("bold", "what changed")
    for moment in reversed(news):
        score = "" if moment.score is None else f", score {moment.score}"
        yield f"  {moment.at:%Y-%m-%d %H:%M}  {moment.verb}{score}"
        for one in moment.happenings:
            place = f"{one.host} {one.control}".strip()
            yield f"      {paint('dim', place)} {one.event}{paint('bold', f' {one.what}')}"


def _attacks(attacks: tuple[ShownAttack, ...], paint: Paint) -> Iterator[str]:
    if attacks:
        yield ""
        yield paint("bold", "attacks, first and last")
    for one in attacks:
        first, last = one.story.first, one.story.last
        colour, word = OUTCOMES[last.outcome]
        before = f"{first.outcome} {first.at:%Y-%m-%d} → " if one.story.times > 1 else ""
        where = paint("dim", f"{one.story.target} [{one.story.vantage}] {before}{last.at:%Y-%m-%d}")
        yield f"  {paint(colour, f'{word:<15}')} {paint('bold', one.title)} {where}"


def report_data(found: Recalled) -> dict[str, Any]:
    """Return the audit's shape, and what the past adds to it. Times are ISO 8601 in UTC."""
    report = found.report
    return {
        **as_data(found.audit),
        "standing": [
            {
                "host": finding.host,
                "control": finding.control.id,
                "status": finding.status.value,
                "gap": gap.what,
                "since": _iso(gap.since) if gap.since else None,
            }
            for finding in (report.posture.findings if report.posture else ())
            for gap in finding.gaps
        ],
        "runs": [_moment(moment) for moment in report.moments or ()],
        "attacks": [_attack(one) for one in report.attacks or ()],
        "notes": list(report.notes),
    }


def _moment(moment: Moment) -> dict[str, Any]:
    return {
        "at": _iso(moment.at),
        "verb": moment.verb,
        "score": moment.score,
        "happened": [
            {"event": one.event.value, "host": one.host, "control": one.control, "what": one.what}
            for one in moment.happenings
        ],
    }


def _attack(one: ShownAttack) -> dict[str, Any]:
    story = one.story
    return {
        "attack": story.attack,
        "control": story.control,
        "host": story.host,
        **({"app": story.app} if story.app else {}),
        "vantage": story.vantage,
        "times": story.times,
        "first": _tried(story.first.at, story.first.outcome),
        "last": _tried(story.last.at, story.last.outcome),
        "evidence": story.last.evidence,
    }


def _tried(at: datetime, outcome: Outcome) -> dict[str, str]:
    return {"at": _iso(at), "outcome": outcome.value}


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
