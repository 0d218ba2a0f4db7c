"""The picture: posture by principle, the hosts, and hosts by controls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from holdfast.report.html.markup import Markup, Node, el, foreign
from holdfast.report.html.words import STATUS_WORDS, count, moment, sign, unseen
from holdfast.report.view import Posture, ShownFinding, ShownHost
from holdfast.servers.audit import Status
from holdfast.servers.control import Control, Principle

ABREAST = 10  # hosts in one table: more would be cut off on paper
COUNTED = {
    Status.PASS: "hold",
    Status.GAP: "with gaps",
    Status.UNKNOWN: "unknown",
    Status.EXEMPT: "exempt",
}


def principles(posture: Posture) -> Markup:
    """Return the eight principles, each with the share of its controls that hold."""
    counts = {one: _counts(one, posture) for one in Principle}
    shown = (_principle(one, of) for one, of in counts.items() if any(of.values()))
    rest = [one.value for one, of in counts.items() if not any(of.values())]
    others = f"No control here is about: {', '.join(rest)}."
    return el(
        "section",
        el("h2", "Posture by principle", id="principles"),
        el("ul", *shown, class_="principles"),
        el("p", others, class_="others") if rest else None,
        aria_labelledby="principles",
    )


def _counts(principle: Principle, posture: Posture) -> dict[Status, int]:
    found = [f.status for f in posture.findings if f.control.principle is principle]
    return {status: found.count(status) for status in COUNTED}


def _principle(principle: Principle, counts: dict[Status, int]) -> Markup:
    parts = (
        el("span", sign(status), f"{number} {COUNTED[status]}")
        for status, number in counts.items()
        if number
    )
    name = el("h3", principle.value.capitalize())
    return el("li", name, _bar(counts), el("p", *parts, class_="counts"))


def _bar(counts: dict[Status, int]) -> Markup:
    total, at, parts = sum(counts.values()), 0.0, []
    for status, number in counts.items():
        width = round(100 * number / total, 2)
        if number:
            parts.append(el("rect", x=at, width=width, height=8, class_=f"part {status}"))
        at = round(at + width, 2)
    return el(
        "svg",
        *parts,
        class_="bar",
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        aria_hidden="true",
    )


def hosts(posture: Posture) -> Markup:
    """Return the hosts, and a table of them by controls."""
    groups = [posture.hosts[i : i + ABREAST] for i in range(0, len(posture.hosts), ABREAST)]
    return el(
        "section",
        el("h2", "Hosts and controls", id="hosts"),
        el("ul", *(_host(host, posture) for host in posture.hosts), class_="hosts"),
        el("p", *_legend(), class_="legend"),
        *(_matrix(group, posture, number) for number, group in enumerate(groups)),
        aria_labelledby="hosts",
    )


def _host(host: ShownHost, posture: Posture) -> Markup:
    found = [finding for finding in posture.findings if finding.host == host.name]
    gaps = sum(len(finding.gaps) for finding in found if finding.status is Status.GAP)
    unknown = any(finding.status is Status.UNKNOWN for finding in found)
    status = Status.GAP if gaps else Status.UNKNOWN if unknown else Status.PASS
    words = {
        Status.GAP: f"{count(gaps, 'gap')} open",
        Status.UNKNOWN: "could not be read" if host.trouble else "not wholly judged",
        Status.PASS: "no gap open",
    }
    read: Node = "never read"
    if host.read is not None:
        read = ["last read " if host.trouble else "read ", moment(host.read)]
    facts = [", ".join(host.roles), foreign(host.release, 60) if not host.trouble else None]
    shown = [part for fact in facts if fact for part in (fact, " · ")]
    return el(
        "li",
        el("h3", sign(status), host.name),
        el("p", words[status], class_=f"state {status}"),
        el("p", *shown, read, class_="facts"),
        el("p", foreign(host.trouble, 300), class_="trouble") if host.trouble else None,
    )


def _legend() -> Iterator[Markup]:
    for status, words in STATUS_WORDS.items():
        yield el("span", sign(status), words)


def _matrix(group: Sequence[ShownHost], posture: Posture, number: int) -> Markup:
    cells = {(f.host, f.control.id): f for f in posture.findings}
    names = f"{group[0].name} to {group[-1].name}" if number or len(posture.hosts) > ABREAST else ""
    caption = f"What each control finds on each host{f': {names}' if names else ''}"
    columns = (el("th", host.name, scope="col") for host in group)
    head = el("thead", el("tr", el("th", "Control", scope="col"), *columns))
    bodies = (
        el("tbody", _principle_row(principle, len(group)), *(_row(c, group, cells) for c in of))
        for principle in Principle
        if (of := [c for c in posture.controls if c.principle is principle])
    )
    table = el("table", el("caption", caption), head, *bodies, class_="matrix")
    return el("div", table, class_="scroll", role="region", aria_label=caption, tabindex=0)


def _principle_row(principle: Principle, columns: int) -> Markup:
    name = el("span", principle.value.capitalize())
    return el("tr", el("th", name, scope="rowgroup", colspan=columns + 1), class_="group")


def _row(
    control: Control, group: Sequence[ShownHost], cells: dict[tuple[str, str], ShownFinding]
) -> Markup:
    title = el("a", control.title, href=f"#{control.id}")
    name = el("th", title, el("code", control.id), scope="row")
    return el("tr", name, *(_cell(cells.get((host.name, control.id))) for host in group))


def _cell(finding: ShownFinding | None) -> Markup:
    if finding is None:
        return el("td", sign(Status.NOT_APPLICABLE), unseen("not judged"))
    status = finding.status
    if status in (Status.PASS, Status.NOT_APPLICABLE):
        return el("td", sign(status), unseen(STATUS_WORDS[status]))
    gaps = len(finding.gaps) if status is Status.GAP else 0
    words = f"{count(gaps, 'gap')}" if gaps else STATUS_WORDS[status]
    link = el(
        "a",
        sign(status),
        el("span", str(gaps)) if gaps else None,
        href=f"#{finding.anchor}",
        aria_label=f"{words}: {finding.control.id} on {finding.host}",
    )
    return el("td", link)
