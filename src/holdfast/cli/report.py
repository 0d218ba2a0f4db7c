"""`holdfast report`: the newest state, since when, and what changed, from the history alone.

Nothing is contacted. The newest snapshot of each host is judged by today's site file. Without
`--output` the page is written to ./holdfast-report.html; text and JSON are printed.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from holdfast.cli.options import add_output, add_site_file
from holdfast.cli.work import Work
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
    add_site_file(parser)
    add_output(parser, formats=("html", "text", "json"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    work = Work.load(arguments)
    found = recalled(work.history, work.site, all_controls(), work.at)
    if arguments.format == "html" and arguments.output is None:
        arguments.output = PAGE
    work.write(_shown(work, found))
    if arguments.format == "html" and not arguments.quiet:
        paint = Paint.on(sys.stderr)
        for note in found.report.notes:
            print(paint("yellow", note), file=sys.stderr)
        print(paint("bold", f"{arguments.output}: score {found.audit.score}"), file=sys.stderr)
    return found.audit.exit_code


def _shown(work: Work, found: Recalled) -> str:
    match work.arguments.format:
        case "html":
            return document(found.report)
        case "json":
            return json.dumps(report_data(found), indent=2)
        case _:
            return "\n".join(report_lines(found, work.paint(), verbose=work.arguments.verbose))
