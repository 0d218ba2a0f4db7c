"""History: the score over time, and what changed from run to run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from holdfast.report.chronicle import Event, Happening, Moment
from holdfast.report.html.markup import Markup, Node, el, foreign
from holdfast.report.html.words import count, day, moment, sign
from holdfast.servers.audit import Status

MOST_MOMENTS = 60  # of the newest
APART = 3  # happenings of one kind on one host that are told one by one
MOST_TOLD = 50  # happenings of one kind on one host
WIDE, HIGH = 1000, 200

SIGNS = {
    Event.APPEARED: Status.NOT_APPLICABLE,
    Event.UNREACHED: Status.UNKNOWN,
    Event.BACK: Status.PASS,
    Event.OPENED: Status.GAP,
    Event.CLOSED: Status.PASS,
    Event.EXEMPTED: Status.EXEMPT,
    Event.COUNTS_AGAIN: Status.EXEMPT,
    Event.CHANGED: Status.PASS,
    Event.FAILED: Status.GAP,
    Event.UNDONE: Status.NOT_APPLICABLE,
    Event.BROKEN_INTO: Status.GAP,
    Event.REPELLED: Status.PASS,
}
MANY = {
    Event.OPENED: "gaps opened",
    Event.CLOSED: "gaps closed",
    Event.EXEMPTED: "controls exempt now",
    Event.COUNTS_AGAIN: "controls not exempt any more",
    Event.BROKEN_INTO: "attacks succeeded",
    Event.REPELLED: "attacks repelled",
}


def history(moments: Sequence[Moment], at: datetime) -> Markup:
    """Return the score's chart and the runs that changed something, the newest first."""
    news = [one for one in moments if one.happenings]
    quiet = sum(not one.happenings and one.at != at for one in moments)
    told = [_moment(one, at) for one in reversed(news[-MOST_MOMENTS:])]
    more = len(news) - MOST_MOMENTS
    rest = [
        f"{count(quiet, 'run')} changed nothing." if quiet else "",
        f"{count(more, 'earlier run')} not shown." if more > 0 else "",
    ]
    return el(
        "section",
        el("h2", "History", id="history"),
        *_chart(moments),
        el("h3", "What changed", class_="sub"),
        el("ol", *told, class_="moments") if told else el("p", "Nothing yet.", class_="about"),
        el("p", " ".join(filter(None, rest)), class_="about") if any(rest) else None,
        aria_labelledby="history",
    )


def _moment(one: Moment, at: datetime) -> Markup:
    verb = "judged for this report" if one.at == at else f"holdfast {one.verb}"
    title = [moment(one.at), " ", el("code", verb)]
    if one.score is not None:
        title += [" ", el("span", f"score {one.score}", class_="facts")]
    groups: dict[tuple[Event, str], list[Happening]] = {}
    for happening in one.happenings:
        groups.setdefault((happening.event, happening.host), []).append(happening)
    lines = (line for (event, host), of in groups.items() for line in _lines(event, host, of))
    return el("li", el("h4", *title), el("ul", *lines, class_="happenings"))


def _lines(event: Event, host: str, of: Sequence[Happening]) -> Iterator[Markup]:
    if len(of) <= APART or event not in MANY:
        for one in of:
            yield el("li", sign(SIGNS[event]), el("div", *_told(one)))
        return
    items = [el("li", *_what(one)) for one in of[:MOST_TOLD]]
    if len(of) > MOST_TOLD:
        items.append(el("li", f"and {len(of) - MOST_TOLD} more"))
    summary = el("summary", el("strong", host), f" {len(of)} {MANY[event]}")
    yield el("li", sign(SIGNS[event]), el("details", summary, el("ul", *items)))


def _told(one: Happening) -> Iterator[Node]:
    yield from (el("strong", one.host), " ", one.event.value)
    if one.what or one.control:
        yield from (": ", *_what(one))


def _what(one: Happening) -> Iterator[Node]:
    yield foreign(one.what, 300)
    if one.control and one.event not in (Event.BROKEN_INTO, Event.REPELLED):
        yield from (" ", el("code", one.control))


def _chart(moments: Sequence[Moment]) -> Iterator[Markup]:
    points = [(one.at, one.score) for one in moments if one.score is not None]
    if len(points) < 2:
        return
    begin, end = points[0][0], points[-1][0]
    span = (end - begin).total_seconds() or 1.0

    def across(at: datetime) -> float:
        return round(WIDE * (at - begin).total_seconds() / span, 1)

    changes = [
        (one.at, across(one.at))
        for one in moments
        if any(h.event is Event.CHANGED for h in one.happenings) and begin <= one.at <= end
    ]
    plot = el(
        "svg",
        *(el("path", d=f"M0 {_up(level)}H{WIDE}", class_="grid") for level in (0, 50, 100)),
        *(el("path", d=f"M{x} 0V{HIGH}", class_="applied") for _, x in changes),
        el("path", d=_steps([(across(at), score) for at, score in points]), class_="score-line"),
        *(el("path", d=f"M{across(at)} {_up(score)}h.01", class_="dot") for at, score in points),
        viewBox=f"0 0 {WIDE} {HIGH}",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"Score over time, from {points[0][1]} to {points[-1][1]}; the table has all",
    )
    levels = el(
        "div", *(el("span", str(n)) for n in (100, 50, 0)), class_="levels", aria_hidden="true"
    )
    when = moment if begin.date() == end.date() else day
    ends = el("div", el("span", when(begin)), el("span", when(end)), class_="ends")
    key = "Score after each audit, of 100."
    if changes:
        key += " A dashed line is a change by holdfast apply."
    chart = el("div", levels, el("div", plot, class_="plot"), ends, class_="chart")
    yield el("figure", chart, el("figcaption", key))
    yield el("details", el("summary", "The score as a table"), _table(points))


def _up(score: float) -> float:
    return round(HIGH - HIGH * score / 100, 1)


def _steps(points: Sequence[tuple[float, int]]) -> str:
    """A score holds until the next audit says otherwise."""
    return f"M0 {_up(points[0][1])}" + "".join(f"H{x}V{_up(score)}" for x, score in points[1:])


def _table(points: Sequence[tuple[datetime, int]]) -> Markup:
    head = el("tr", el("th", "Audit", scope="col"), el("th", "Score", scope="col"))
    rows = (el("tr", el("td", moment(at)), el("td", str(score))) for at, score in points)
    caption = el("caption", f"{count(len(points), 'audit')}, times in UTC")
    return el("table", caption, el("thead", head), el("tbody", *rows), class_="scores")
