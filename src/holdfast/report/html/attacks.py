"""Attacks before and after: the first time that each was tried on a host, and the last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from holdfast.report.html.markup import Markup, Node, el, foreign
from holdfast.report.html.words import OUTCOME_SIGNS, count, day, sign
from holdfast.report.view import ShownAttack
from holdfast.servers.attack import Outcome

WORST_FIRST = (Outcome.SUCCEEDED, Outcome.INCONCLUSIVE, Outcome.REPELLED)


def attacks(found: Sequence[ShownAttack]) -> Markup:
    """Return the attacks, counted, and one by one: by control, what succeeds first."""
    return el(
        "section",
        el("h2", "Attacks", id="attacks"),
        *(_all(found) if found else [_none()]),
        aria_labelledby="attacks",
    )


def _none() -> Markup:
    how = ["Nothing was attacked yet: ", el("code", "holdfast prove"), " shows what holds."]
    return el("p", *how, class_="about")


def _all(found: Sequence[ShownAttack]) -> Iterator[Markup]:
    yield _tally(found)
    by_control: dict[str, dict[str, list[ShownAttack]]] = {}
    for one in sorted(found, key=_badness):
        by_control.setdefault(one.story.control, {}).setdefault(one.story.attack, []).append(one)
    for control, of in by_control.items():
        yield el("h3", el("code", control), class_="sub")
        yield el("ul", *map(_attack, of.values()), class_="attacks")


def _badness(one: ShownAttack) -> tuple[int, str, str, str]:
    story = one.story
    return WORST_FIRST.index(story.last.outcome), story.control, story.attack, story.host


def _tally(found: Sequence[ShownAttack]) -> Markup:
    """Return how they ended, first and last; once where each was tried only once."""
    last = Counter(one.story.last.outcome for one in found)
    if all(one.story.times == 1 for one in found):
        return el("ul", _count("Each tried once", last), class_="tally")
    first = Counter(one.story.first.outcome for one in found)
    both = (_count("Before: the first time", first), _count("Now: the last time", last))
    return el("ul", *both, class_="tally")


def _count(when: str, outcomes: Counter[Outcome]) -> Markup:
    parts = (
        el("span", sign(OUTCOME_SIGNS[one]), el("b", str(outcomes[one])), f" {one}")
        for one in WORST_FIRST
        if outcomes[one]
    )
    return el("li", el("h3", when), el("p", *parts, class_="counts"))


def _attack(of: Sequence[ShownAttack]) -> Markup:
    """Return one attack with a row per host."""
    return el(
        "li",
        el("p", foreign(of[0].title, 200), class_="what"),
        el("p", el("span", "from ", foreign(of[0].story.vantage, 60)), class_="facts"),
        el("ul", *map(_on_host, of), class_="tried"),
    )


def _on_host(one: ShownAttack) -> Markup:
    first, last = one.story.first, one.story.last
    turn: list[Node] = [_outcome(last.outcome, last.at, "now")]
    told: list[Node] = [el("p", foreign(last.evidence))]
    if one.story.times > 1:
        turn = [_outcome(first.outcome, first.at, "before"), _arrow(), *turn]
        if first.evidence != last.evidence:
            told = [_labelled("Before: ", first.evidence), _labelled("Now: ", last.evidence)]
        told.append(el("p", *_between(one), class_="facts"))
    return el("li", el("strong", one.story.target), el("p", *turn, class_="turn"), el("div", *told))


def _arrow() -> Markup:
    return el("span", "→", aria_hidden="true")


def _labelled(label: str, evidence: str) -> Markup:
    return el("p", el("span", label, class_="label"), foreign(evidence))


def _between(one: ShownAttack) -> Iterator[Node]:
    yield el("span", f"tried {count(one.story.times, 'time')}")
    if one.story.applied:
        when = one.story.applied[-1]
        yield el("span", "changed by Holdfast in between, on ", day(when))


def _outcome(outcome: Outcome, at: datetime, when: str) -> Markup:
    status = OUTCOME_SIGNS[outcome]
    words = (el("span", f"{when} ", class_="unseen"), sign(status), el("b", outcome.value))
    return el("span", *words, " ", day(at), class_=f"outcome {status}")
