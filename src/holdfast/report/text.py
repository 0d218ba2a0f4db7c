"""What a person reads in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from holdfast.report.audits import Audit, HostAudit, release
from holdfast.report.paint import Paint
from holdfast.servers.attack import Outcome
from holdfast.servers.audit import Finding, Status
from holdfast.servers.control import Gap
from holdfast.servers.plan import Plan
from holdfast.servers.prove import Attempt

_MARKS = {
    Status.PASS: ("green", "✔"),
    Status.GAP: ("red", "✘"),
    Status.EXEMPT: ("blue", "○"),
    Status.NOT_APPLICABLE: ("dim", "–"),
    Status.UNKNOWN: ("yellow", "?"),
}
AUTOMATIC, MANUAL = "~", "!"
OUTCOMES = {
    Outcome.REPELLED: ("green", "✔ repelled"),
    Outcome.SUCCEEDED: ("red", "✘ succeeded"),
    Outcome.INCONCLUSIVE: ("yellow", "? inconclusive"),
}


def audit_lines(audit: Audit, paint: Paint, *, verbose: bool) -> Iterator[str]:
    """Yield the lines of an audit: per host its findings, then one summary."""
    for host in audit.hosts:
        yield from _host_lines(host, paint, verbose=verbose)
        yield ""
    yield from _summary(audit, paint)


def _host_lines(host: HostAudit, paint: Paint, *, verbose: bool) -> Iterator[str]:
    if host.snapshot is None:
        reason = host.findings[0].reason if host.findings else "not read"
        message = reason.removeprefix(f"{host.name}: ")
        yield f"{paint('bold', host.name)}  {paint('yellow', f'? {message}')}"
        return
    head = f"{release(host.snapshot)}, read in {host.snapshot.seconds:.2f} s"
    yield f"{paint('bold', host.name)}  {paint('dim', head)}"
    for finding in host.findings:
        colour, mark = _MARKS[finding.status]
        if finding.status is Status.NOT_APPLICABLE and not verbose:
            continue
        line = f"  {paint(colour, mark)} {finding.control.id:<21} {finding.control.title}"
        yield line + (paint("dim", f" ({finding.reason})") if finding.reason else "")
        for gap in finding.gaps if finding.status is not Status.EXEMPT else ():
            yield from _gap_lines(gap, paint)


def _gap_lines(gap: Gap, paint: Paint) -> Iterator[str]:
    mark = paint("yellow", AUTOMATIC) if gap.automatic else paint("red", MANUAL)
    yield f"      {mark} {paint('bold', gap.what)} {paint('dim', f'({gap.evidence})')}"
    if gap.mend:
        yield f"        {paint('yellow', f'do: {gap.mend}')}"


def _summary(audit: Audit, paint: Paint) -> Iterator[str]:
    findings = audit.findings
    counts = {s: sum(f.status is s for f in findings) for s in Status}
    words = [f"{counts[s]} {s}" for s in Status if counts[s] and s is not Status.NOT_APPLICABLE]
    colour = "green" if audit.exit_code == 0 else "red"
    yield f"{paint(colour, f'score {audit.score}')}  {', '.join(words)}"
    automatic, manual = finding_counts(findings)
    if automatic or manual:
        yield f"{automatic} gaps ({AUTOMATIC}) close with `holdfast apply`"
        yield f"{manual} gaps ({MANUAL}) are for a person"


def plan_lines(plan: Plan, paint: Paint, losing: Sequence[str]) -> Iterator[str]:
    """Yield the changes of a plan with their diffs, and what it takes from whom."""
    if plan.empty:
        yield f"{paint('bold', plan.host)}  {paint('green', '0 changes')}"
        return
    count = f"{len(plan.changes)} changes, {plan.phase}"
    yield f"{paint('bold', plan.host)}  {count}"
    for change in plan.changes:
        yield f"  {paint('yellow', '~')} {paint('bold', change.title())}"
        for line in change.diff().splitlines():
            colour = {"+": "green", "-": "red", "@": "blue"}.get(line[:1], "dim")
            yield f"      {paint(colour, line)}"
    if losing:
        yield paint("yellow", f"  these accounts lose their login: {', '.join(losing)}")
    if plan.later:
        resources = sorted({want.resource.split()[0] for want in plan.later})
        yield paint(
            "dim",
            f"  after that is proven by a new login: {len(plan.later)} demands on "
            f"{', '.join(resources)}",
        )


def attempt_lines(attempts: Sequence[Attempt], paint: Paint) -> Iterator[str]:
    """Yield one line per attack and one that counts them."""
    for target in dict.fromkeys(attempt.target for attempt in attempts):
        yield paint("bold", target)
        for attempt in (a for a in attempts if a.target == target):
            colour, word = OUTCOMES[attempt.outcome]
            where = paint("dim", f"[{attempt.vantage}]")
            yield f"  {paint(colour, f'{word:<15}')} {attempt.title} {where}"
            yield f"      {paint('dim', attempt.evidence)}"
    counts = {o: sum(a.outcome is o for a in attempts) for o in Outcome}
    yield ", ".join(f"{number} {outcome}" for outcome, number in counts.items() if number)


def finding_counts(findings: Sequence[Finding]) -> tuple[int, int]:
    """Return automatic and manual gaps that are not exempt."""
    open_ = [finding for finding in findings if not finding.exempt]
    return sum(f.automatic for f in open_), sum(f.manual for f in open_)
