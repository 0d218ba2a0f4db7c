"""What is wrong: gaps, what shows them and what closes them; what is unknown; what is exempt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from holdfast.report.html.markup import Markup, Node, el, foreign
from holdfast.report.html.words import count, date_words, day, sign, unseen
from holdfast.report.view import Posture, ShownChange, ShownFinding, ShownGap
from holdfast.servers.audit import Status
from holdfast.servers.control import Control, Phase

MOST_GAPS = 100  # of one finding
MOST_LINES = 400  # of one diff
LONGEST_LINE = 500  # characters of a diff's line
DIFF_HEAD = 2  # lines that name the file
DIFF_CLASSES = {"+": "added", "-": "removed", "@": "place"}
PHASES = {
    Phase.WIDEN: "Widen: opens new ways in, which a new login must prove",
    Phase.NARROW: "Narrow: closes old ways in, planned anew once a login is proven",
}


def gaps(posture: Posture, at: datetime) -> Markup:
    """Return the findings that are open, the worst first, and what could not be judged."""
    cards = [_card(finding, at) for finding in posture.of(Status.GAP)]
    unknown = list(_unknown(posture))
    return el(
        "section",
        el("h2", "Gaps", id="gaps"),
        *(cards or [el("p", sign(Status.PASS), " No gap is open.", class_="fine")]),
        *([el("h3", "Not judged", class_="sub"), *unknown] if unknown else []),
        aria_labelledby="gaps",
    )


def exceptions(posture: Posture, at: datetime) -> Markup:
    """Return what somebody chose to go without, and why; nothing where that is nothing."""
    found = posture.of(Status.EXEMPT)
    if not found:
        return Markup("")
    return el(
        "section",
        el("h2", "Exceptions", id="exceptions"),
        el(
            "p",
            "Written down in the site file. They count neither for nor against the score.",
            class_="about",
        ),
        *(_exempt(finding, at) for finding in found),
        aria_labelledby="exceptions",
    )


def _card(finding: ShownFinding, at: datetime) -> Markup:
    control = finding.control
    return el(
        "article",
        _title(finding, control.severity.value),
        el("p", f"Without it, {control.stops}.", class_="stops"),
        *_lists(finding.gaps, at),
        *_changes(finding.changes),
        id=finding.anchor,
        class_="card gap",
    )


def _title(finding: ShownFinding, *words: Node) -> Markup:
    control = finding.control
    facts = [el("strong", finding.host), *words, el("a", control.id, href=f"#{control.id}")]
    return el(
        "div",
        el("h3", sign(finding.status), el("span", control.title)),
        el("p", *(el("span", fact) for fact in facts), class_="facts"),
        class_="title",
    )


def _lists(gaps: Sequence[ShownGap], at: datetime) -> Iterator[Markup]:
    """Yield the gaps for a person, each with what to do, and then those that apply closes."""
    for automatic, words in ((False, "For a person"), (True, "Holdfast closes")):
        found = [gap for gap in gaps if gap.automatic is automatic]
        if found:
            yield el("h4", words)
            yield _list(found, at)


def _list(gaps: Sequence[ShownGap], at: datetime) -> Markup:
    more = len(gaps) - MOST_GAPS
    rest = [el("li", f"and {count(more, 'gap')} more")] if more > 0 else []
    return el("ul", *(_gap(gap, at) for gap in gaps[:MOST_GAPS]), *rest, class_="gaps")


def _gap(gap: ShownGap, at: datetime) -> Markup:
    mend = el("p", el("span", "Do: ", class_="label"), foreign(gap.mend)) if gap.mend else None
    seen = el("p", unseen("Seen: "), el("code", foreign(gap.evidence)), class_="seen")
    return el("li", el("p", foreign(gap.what), class_="what"), _since(gap.since, at), seen, mend)


def _since(since: datetime | None, at: datetime) -> Node:
    if since is None:
        return None
    days = (at - since).days
    return el("p", "since ", day(since), f", {count(days, 'day')}" if days else "", class_="since")


def _changes(changes: tuple[ShownChange, ...]) -> Iterator[Markup]:
    if not changes:
        return
    yield el("h4", "What ", el("code", "holdfast apply"), " does about it")
    for phase, words in PHASES.items():
        found = [change for change in changes if change.phase is phase]
        if found:
            yield el("p", words, class_="phase")
            yield el("ul", *(el("li", _change(change)) for change in found), class_="changes")


def _change(change: ShownChange) -> Markup:
    title = foreign(change.title, 300)
    if not change.diff:
        return title
    summary = el("summary", title)
    return el("details", summary, el("pre", *_diff(change.diff), class_="diff"))


def _diff(text: str) -> Iterator[Markup]:
    lines = text.removesuffix("\n").split("\n")  # and at nothing else that a host may write
    for number, line in enumerate(lines[:MOST_LINES]):
        kind = DIFF_CLASSES.get(line[:1], "same") if number >= DIFF_HEAD else "place"
        yield el("span", line.expandtabs(4)[:LONGEST_LINE] or " ", class_=kind)
    if len(lines) > MOST_LINES:
        yield el("span", f"… {len(lines) - MOST_LINES} lines more: holdfast plan", class_="place")


def _unknown(posture: Posture) -> Iterator[Markup]:
    """Yield a card per host and reason: a host that is down is said once."""
    groups: dict[tuple[str, str], list[ShownFinding]] = {}
    for finding in posture.of(Status.UNKNOWN):
        groups.setdefault((finding.host, finding.reason), []).append(finding)
    for (host, reason), found in groups.items():
        words = f"{count(len(found), 'control')} unknown"
        yield el(
            "article",
            el("h4", sign(Status.UNKNOWN), el("span", f"{host}: {words}")),
            el("p", foreign(reason), class_="reason"),
            el("ul", *map(_anchored, found), class_="ids"),
            class_="card unknown",
        )


def _anchored(finding: ShownFinding) -> Markup:
    link = el("a", finding.control.id, href=f"#{finding.control.id}")
    return el("li", link, id=finding.anchor)


def _exempt(finding: ShownFinding, at: datetime) -> Markup:
    until = f"until {date_words(finding.until)}" if finding.until else "without an end"
    hidden = count(len(finding.gaps), "gap")
    held: Node = el("p", "The control would hold: the exception is not needed.", class_="facts")
    if finding.gaps:
        held = el("details", el("summary", f"{hidden} it covers"), _list(finding.gaps, at))
    return el(
        "article",
        _title(finding, until),
        el("p", el("span", "Because: ", class_="label"), foreign(finding.reason)),
        held,
        id=finding.anchor,
        class_="card exempt",
    )


def controls(posture: Posture) -> Markup:
    """Return what each control is about, where it comes from and what attacks it."""
    return el(
        "section",
        el("h2", "The controls", id="controls"),
        *(el("div", *_control(one, posture), class_="control") for one in posture.controls),
        aria_labelledby="controls",
    )


def _control(control: Control, posture: Posture) -> Iterator[Node]:
    inapplicable = [
        f"{f.host} ({f.reason})"
        for f in posture.of(Status.NOT_APPLICABLE)
        if f.control.id == control.id
    ]
    rows = (
        ("Stops", control.stops),
        ("Changes", control.changes),
        ("Deviates", control.deviates),
        ("Source", f"{control.source}, principle: {control.principle}, {control.severity}"),
        ("Attacks", "; ".join(attack.title for attack in control.attacks)),
        ("Not for", ", ".join(inapplicable)),
    )
    yield el("h3", control.title, " ", el("code", control.id), id=control.id)
    terms = (part for term, text in rows if text for part in _row(term, text))
    yield el("dl", *terms)


def _row(term: str, text: str) -> tuple[Markup, Markup]:
    return el("dt", term), el("dd", foreign(text))
