"""The head of the page: is it good, what is wrong, what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from holdfast.report.html.markup import Markup, Node, el, foreign, join
from holdfast.report.html.words import count, date_words, day, listed, moment, sign
from holdfast.report.view import Posture, Report, ShownAttack
from holdfast.servers.attack import Outcome
from holdfast.servers.audit import Status

SOON = timedelta(days=30)  # an exception that ends by then is worth a line


def head(report: Report) -> Markup:
    """Return the site, the verdict, and the score where there is one."""
    words = el(
        "div",
        el("p", "Holdfast report on ", el("strong", report.site), class_="overline"),
        el("h1", verdict(report)),
        *(el("p", text, class_="lead") for text in _sentences(report)),
        el("p", "As of ", moment(report.at), " UTC", class_="asof"),
    )
    return el("header", words, _score(report), class_="head")


def verdict(report: Report) -> str:
    """Return the one sentence that who reads nothing else should read."""
    won = sum(one.story.last.outcome is Outcome.SUCCEEDED for one in report.attacks or ())
    if report.posture is None:
        lost = sum(one.story.last.outcome is Outcome.INCONCLUSIVE for one in report.attacks or ())
        if not report.attacks:
            return "Nothing was attacked"
        if won:
            return f"{count(won, 'attack')} succeeded"
        return f"{count(lost, 'attack')} showed nothing" if lost else "Every attack was repelled"
    gaps = _open(report.posture)
    away = [host.name for host in report.posture.hosts if host.trouble]
    if gaps:
        hosts = {finding.host for finding in report.posture.of(Status.GAP)}
        verb = "is" if gaps == 1 else "are"
        return f"{count(gaps, 'gap')} {verb} open on {_hosts(len(hosts), report.posture)}"
    if away:
        return f"No gap is known, but {listed(away)} could not be read"
    if report.posture.of(Status.UNKNOWN):
        return "No gap is known, but not everything could be judged"
    return "No gap is open" + (f", yet {count(won, 'attack')} succeeded" if won else "")


def _hosts(number: int, posture: Posture) -> str:
    every = len(posture.hosts)
    if every == 1:
        return posture.hosts[0].name
    return f"all {every} hosts" if number == every else f"{number} of {every} hosts"


def _open(posture: Posture) -> int:
    return sum(len(finding.gaps) for finding in posture.of(Status.GAP))


def _sentences(report: Report) -> Iterator[Node]:
    posture = report.posture
    if posture is None:
        tried = report.attacks or ()
        targets = sorted({one.story.target for one in tried})
        if tried:
            yield f"{count(len(tried), 'attack')} on {listed(targets)}."
        return
    holding, gaps, unknown = (len(posture.of(s)) for s in (Status.PASS, Status.GAP, Status.UNKNOWN))
    judged = holding + gaps + unknown
    rest = (
        f"{gaps} {'has' if gaps == 1 else 'have'} gaps" if gaps else "",
        f"{unknown} {'is' if unknown == 1 else 'are'} unknown" if unknown else "",
    )
    others = f"; {' and '.join(filter(None, rest))}" if any(rest) else ""
    yield f"{holding} of {count(judged, 'control')} hold, each host counted{others}."
    ends = {one.story.last.outcome for one in report.attacks or ()}
    if ends == {Outcome.REPELLED}:
        yield "Every attack was repelled when it was last tried."
    away = [host.name for host in posture.hosts if host.trouble]
    if away:
        told = ", and what is unknown counts as not protected."
        yield ["Nothing is known of ", el("strong", listed(away)), told]


def _score(report: Report) -> Node:
    if report.posture is None:
        return None
    score = report.posture.score
    scores = [moment.score for moment in report.moments or () if moment.score is not None]
    change = score - scores[0] if len(scores) > 1 else 0
    first = next((m.at for m in report.moments or () if m.score is not None), None)
    since = (
        el("p", f"{change:+d} since ", day(first), class_="change") if change and first else None
    )
    return el(
        "div",
        el(
            "p",
            el("span", "Score ", class_="unseen"),
            el("span", str(score), class_="number"),
            el("span", " of 100", class_="of"),
        ),
        el(
            "svg",
            el("rect", width=100, height=4, class_="track"),
            el("rect", width=score, height=4, class_="level"),
            viewBox="0 0 100 4",
            preserveAspectRatio="none",
            aria_hidden="true",
        ),
        since,
        class_="score",
    )


def steps(report: Report) -> Markup:
    """Return what to do next, the most pressing first."""
    found = list(_steps(report))
    if not found:
        found = [_step(Status.PASS, "Nothing", "Audit again whenever something changes.")]
    return el(
        "section",
        el("h2", "What to do", id="do"),
        el("ol", *found, class_="steps"),
        aria_labelledby="do",
    )


def _steps(report: Report) -> Iterator[Markup]:
    if report.posture is not None:
        yield from _for_gaps(report.posture)
        yield from _for_hosts(report.posture)
    if report.attacks is not None:
        yield from _for_attacks(report.attacks, report.posture)
    if report.posture is not None:
        yield from _for_exceptions(report, report.posture)


def _against(won: Sequence[ShownAttack], posture: Posture | None) -> list[Node]:
    """Say what to do about attacks that succeeded; on applications only their developers can."""
    targets = listed(sorted({one.story.target for one in won}))
    of_apps = sorted({one.story.control for one in won if one.story.app})
    if of_apps:
        return [f"On {targets}: see what to change: ", _run(f"explain {of_apps[0]}")]
    if posture is not None:
        return [f"On {targets}: close the gaps and attack again: ", _run("prove")]
    return [f"On {targets}: find the gap that lets it in: ", _run("audit")]


def _for_attacks(found: Sequence[ShownAttack], posture: Posture | None) -> Iterator[Markup]:
    if not found:
        how = ["Show that it holds: ", _run("prove")]
        yield _step(Status.UNKNOWN, "Nothing was attacked yet", how)
    won = [one for one in found if one.story.last.outcome is Outcome.SUCCEEDED]
    if won:
        link = el("a", f"{count(len(won), 'attack')} succeeded", href="#attacks")
        yield _step(Status.GAP, [link, " when last tried"], _against(won, posture))
    lost = sum(one.story.last.outcome is Outcome.INCONCLUSIVE for one in found)
    if lost:
        link = el("a", f"{count(lost, 'attack')} showed nothing", href="#attacks")
        how = ["Each says why; then attack again: ", _run("prove")]
        yield _step(Status.UNKNOWN, [link, " when last tried"], how)


def _for_gaps(posture: Posture) -> Iterator[Markup]:
    for automatic in (True, False):
        found = [
            (finding, gap)
            for finding in posture.of(Status.GAP)
            for gap in finding.gaps
            if gap.automatic is automatic
        ]
        if not found:
            continue
        hosts = sorted({finding.host for finding, _ in found})
        gaps = count(len(found), "gap")
        link = el("a", f"{gaps} on {listed(hosts)}", href="#gaps")
        if automatic:
            see = ["See the changes with ", _run("plan"), ", then: ", _run("apply")]
            yield _step(Status.GAP, ["Let Holdfast close ", link], see)
        else:
            worst, gap = found[0]
            first = el("a", foreign(gap.what, 200), href=f"#{worst.anchor}")
            yield _step(Status.GAP, ["Close ", link, " by hand"], ["The worst first: ", first])


def _for_hosts(posture: Posture) -> Iterator[Markup]:
    away = [host for host in posture.hosts if host.trouble]
    if away:
        names = [host.name for host in away]
        why: Node = el("a", "Each says why", href="#hosts")
        if len(away) == 1:
            why = foreign(away[0].trouble, 300)
        again = _run(f"audit {names[0]}" if len(away) == 1 else "audit")
        what = ["Find out why ", el("strong", listed(names)), " could not be read"]
        yield _step(Status.UNKNOWN, what, [why, ". Mend that, then: ", again])
    stale = [host.name for host in posture.hosts if host.changed and not host.trouble]
    if stale:
        again = _run(f"audit {stale[0]}" if len(stale) == 1 else "audit")
        why = "Holdfast has worked on it since it was last read: "
        what = ["Audit ", el("strong", listed(stale)), " again"]
        yield _step(Status.UNKNOWN, what, [why, again])


def _for_exceptions(report: Report, posture: Posture) -> Iterator[Markup]:
    limit = (report.at + SOON).date()
    ending = {f.control.id: f.until for f in posture.of(Status.EXEMPT) if f.until}
    for control, until in sorted(ending.items(), key=lambda one: (one[1], one[0])):
        if until <= limit:
            what = ["Decide about the exception for ", el("a", control, href="#exceptions")]
            yield _step(
                Status.EXEMPT,
                what,
                f"It ends on {date_words(until)}; after that its gaps count again.",
            )


def _step(status: Status, what: Node, how: Node) -> Markup:
    return el("li", sign(status), el("div", el("p", what, class_="what"), el("p", how)))


def _run(words: str) -> Markup:
    return el("code", f"holdfast {words}")


def notes(report: Report) -> Markup:
    """Return what could not be told, or nothing."""
    if not report.notes:
        return Markup("")
    lines = (el("li", foreign(note, 400)) for note in report.notes)
    return join([el("h2", "What this report could not use"), el("ul", *lines, class_="notes")])
