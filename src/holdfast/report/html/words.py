"""The words and signs that every part of the page uses alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from holdfast.report.html.markup import Markup, el
from holdfast.servers.attack import Outcome
from holdfast.servers.audit import Status

STATUS_WORDS = {
    Status.PASS: "holds",
    Status.GAP: "has gaps",
    Status.EXEMPT: "exempt",
    Status.NOT_APPLICABLE: "not applicable",
    Status.UNKNOWN: "unknown",
}
OUTCOME_SIGNS = {
    Outcome.REPELLED: Status.PASS,
    Outcome.SUCCEEDED: Status.GAP,
    Outcome.INCONCLUSIVE: Status.UNKNOWN,
}

# One sign per status, told apart by its shape alone; drawn on a grid of 16 by 16.
_SIGNS = {
    Status.PASS: (
        el("circle", cx=8, cy=8, r=7.5, class_="body"),
        el("path", d="M4.6 8.4 7 10.8 11.6 5.6", class_="cut"),
    ),
    Status.GAP: (
        el("path", d="M8 .2 15.8 8 8 15.8.2 8Z", class_="body"),
        el("path", d="M5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6", class_="cut"),
    ),
    Status.EXEMPT: (
        el("circle", cx=8, cy=8, r=6.4, class_="ring"),
        el("path", d="M5 8h6", class_="ring"),
    ),
    Status.NOT_APPLICABLE: (el("path", d="M5.5 8h5", class_="ring"),),
    Status.UNKNOWN: (
        el("path", d="M8 .8 15.8 14.8H.2Z", class_="body"),
        el("path", d="M6.3 7.6c.2-2.4 3.6-2 3.4.1-.1 1.1-1.6 1.2-1.7 2.6", class_="cut"),
        el("path", d="M8 12.7v.01", class_="cut"),
    ),
}


def drawings() -> Markup:
    """Return the signs' drawings, once per page; `sign` refers to them."""
    symbols = (
        el("symbol", *parts, id=f"sign-{status}", viewBox="0 0 16 16")
        for status, parts in _SIGNS.items()
    )
    return el("svg", *symbols, class_="drawings", width=0, height=0, aria_hidden="true")


def sign(status: Status) -> Markup:
    """Return a status's sign, which says nothing to who cannot see it: words stand beside it."""
    drawing = el("use", href=f"#sign-{status}")
    return el("svg", drawing, class_=f"sign {status}", viewBox="0 0 16 16", aria_hidden="true")


def unseen(text: str) -> Markup:
    """Return words for who listens to the page."""
    return el("span", text, class_="unseen")


def moment(at: datetime) -> Markup:
    """Return a time, to the minute."""
    return _time(at, f"{date_words(at)}, {at:%H:%M}")


def day(at: datetime) -> Markup:
    return _time(at, date_words(at))


def date_words(when: date) -> str:
    """Return `3 Jan 2026`."""
    return f"{when.day} {when:%b %Y}"


def _time(at: datetime, text: str) -> Markup:
    return el("time", text, datetime=at.isoformat(timespec="seconds"))


def count(number: int, one: str, many: str = "") -> str:
    """Return `1 gap`, `2 gaps`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def listed(names: Sequence[str], most: int = 4) -> str:
    """Return `a, b and c`, or `a, b, c, d and 3 more`."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
