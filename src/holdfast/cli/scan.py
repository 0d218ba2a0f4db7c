"""`holdfast scan`: look through code for what lets attackers in."""

from __future__ import annotations

import argparse
import importlib.util
from datetime import UTC, datetime
from pathlib import Path

from holdfast.cli.errors import FOUND, GOOD, UNREACHED, UsageError
from holdfast.cli.options import add_format
from holdfast.report import code as report
from holdfast.scan.code import scan
from holdfast.scan.finding import ScanError, Scanned

NEEDED = ("bandit", "detect_secrets", "semgrep")


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser("scan", help="look through code", description=__doc__)
    kinds = parser.add_subparsers(title="what is scanned", metavar="WHAT", required=True)
    code = kinds.add_parser("code", help="a folder of code and its history")
    code.add_argument("folder", type=Path, metavar="DIR")
    code.add_argument("--no-history", action="store_true", help="leave out what git remembers")
    add_format(code, formats=("text", "json", "sarif"))
    code.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(f"scan needs {missing[0]}: pip install 'holdfast[scan]'")
    today = datetime.now(UTC).date()
    try:
        scanned = scan(arguments.folder, today, history=not arguments.no_history)
    except ScanError as error:
        raise UsageError(str(error)) from None
    match arguments.format:
        case "json":
            shown = report.as_json(report.data(scanned))
        case "sarif":
            shown = report.as_json(report.sarif(scanned))
        case _:
            shown = report.text(scanned)
    if arguments.output:
        arguments.output.write_text(shown + "\n", encoding="utf-8")
    else:
        print(shown)
    return _code(scanned)


def _code(scanned: Scanned) -> int:
    if scanned.open:
        return FOUND
    return UNREACHED if scanned.unjudged else GOOD
