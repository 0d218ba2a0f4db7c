"""`holdfast report`: the newest state, since when, and what changed, from the history alone.

Nothing is contacted. The newest snapshot of each host is judged by today's site file. Without
`--output` the page is written to ./holdfast-report.html; text and JSON are printed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from holdfast.cli.options import Work, add_output, add_site
from holdfast.report.html.page import document
from holdfast.report.paint import Paint
from holdfast.report.recalled import Recalled, recalled
from holdfast.report.summary import report_data, report_lines
from holdfast.servers.catalogue import all_controls

PAGE = Path("holdfast-report.html")


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser(
        "report", help="a page of the last runs, and what changed", description=__doc__
    )
    add_site(parser)
    add_output(parser, tuple(FORMATS))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    work = Work.load(arguments)
    found = recalled(work.history, work.site, all_controls(), work.at)
    if arguments.format == "html" and arguments.output is None:
        arguments.output = PAGE
    work.write(FORMATS[arguments.format](work, found))
    if arguments.format == "html" and not arguments.quiet:
        paint = Paint.on(sys.stderr)
        for note in found.report.notes:
            print(paint("yellow", note), file=sys.stderr)
        print(paint("bold", f"{arguments.output}: score {found.audit.score}"), file=sys.stderr)
    return found.audit.exit_code


def _html(work: Work, found: Recalled) -> str:
    return document(found.report)


def _text(work: Work, found: Recalled) -> str:
    return "\n".join(report_lines(found, work.paint(), verbose=work.arguments.verbose))


def _json(work: Work, found: Recalled) -> str:
    return json.dumps(report_data(found), indent=2)


FORMATS: Mapping[str, Callable[[Work, Recalled], str]] = {
    "html": _html,
    "text": _text,
    "json": _json,
}
