"""The page: one file, without a script, that may load nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from holdfast import __version__
from holdfast.report.html import attacks, gaps, history, posture, summary
from holdfast.report.html.markup import Markup, Node, el, join
from holdfast.report.html.words import drawings
from holdfast.report.view import Report

TITLES = {
    "do": "What to do",
    "principles": "Principles",
    "hosts": "Hosts",
    "gaps": "Gaps",
    "exceptions": "Exceptions",
    "attacks": "Attacks",
    "history": "History",
    "controls": "Controls",
}


def document(report: Report) -> str:
    """Return the report as an HTML document."""
    body = join(_body(report))
    page = el("html", _head(report), el("body", body), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def _head(report: Report) -> Markup:
    text = _style()
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="referrer", content="no-referrer"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", f"{report.site}: {summary.verdict(report)}"),
        el("style", Markup(text)),
    )


@cache
def _style() -> str:
    return files("holdfast.report.html").joinpath("style.css").read_text(encoding="utf-8")


def _body(report: Report) -> Iterator[Node]:
    sections = {name: part for name, part in _sections(report) if part}
    links = (el("li", el("a", TITLES[name], href=f"#{name}")) for name in sections)
    yield drawings()
    yield el("a", "Skip to what to do", href="#do", class_="skip")
    yield summary.head(report)
    yield el("nav", el("ul", *links), aria_label="Sections")
    yield el("main", *sections.values())
    yield el(
        "footer",
        summary.notes(report),
        el(
            "p",
            f"Written by Holdfast {__version__}. It says where these servers are weak: keep it to "
            "those who look after them.",
        ),
    )


def _sections(report: Report) -> Iterator[tuple[str, Markup]]:
    yield "do", summary.steps(report)
    if report.posture is not None:
        yield "principles", posture.principles(report.posture)
        yield "hosts", posture.hosts(report.posture)
        yield "gaps", gaps.gaps(report.posture, report.at)
        yield "exceptions", gaps.exceptions(report.posture, report.at)
    if report.attacks is not None:
        yield "attacks", attacks.attacks(report.attacks)
    if report.moments is not None:
        yield "history", history.history(report.moments, report.at)
    if report.posture is not None:
        yield "controls", gaps.controls(report.posture)
