"""`holdfast doctor`: how keys and secrets are kept on this machine; contacts nothing."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from holdfast.cli.errors import FOUND, GOOD
from holdfast.cli.options import add_site_file
from holdfast.cli.work import Work
from holdfast.report.paint import Paint
from holdfast.site.this_machine import Check, examined


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser(
        "doctor", help="how keys and secrets are kept on this machine", description=__doc__
    )
    add_site_file(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write there, not to stdout")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    work = Work.load(arguments)
    checks = examined(work.site)
    if arguments.format == "json":
        data = {
            "site": work.site.name,
            "at": work.at.isoformat(timespec="seconds"),
            "admin": work.site.operator,
            "checks": [_data(check) for check in checks],
        }
        work.write(json.dumps(data, indent=2))
    else:
        work.write("\n".join(_lines(checks, work.paint())))
    return GOOD if all(check.good for check in checks) else FOUND


def _data(check: Check) -> dict[str, str]:
    status = "pass" if check.good else "gap"
    return {"what": check.subject, "status": status, "evidence": check.seen, "mend": check.mend}


def _lines(checks: Sequence[Check], paint: Paint) -> Iterator[str]:
    for check in checks:
        mark = paint("green", "✔") if check.good else paint("red", "✘")
        yield f"{mark} {paint('bold', check.subject)} {paint('dim', f'({check.seen})')}"
        if not check.good:
            yield f"    {paint('yellow', f'do: {check.mend}')}"
    bad = sum(not check.good for check in checks)
    yield paint("red" if bad else "green", f"{bad} of {len(checks)} checks found something")
