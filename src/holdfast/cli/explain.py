"""`holdfast explain`: what a control is for, what it changes, and how to go without it."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime, timedelta

from holdfast.cli.errors import GOOD, UsageError
from holdfast.cli.options import add_format
from holdfast.cli.work import paint_for, write
from holdfast.report import explained
from holdfast.servers.catalogue import all_controls, nearest
from holdfast.servers.control import Control
from holdfast.site.errors import shown

A_WHILE = timedelta(days=90)  # for how long the exception counts that is ready to paste


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser("explain", help="what a control is for", description=__doc__)
    parser.add_argument("control", nargs="?", metavar="CONTROL", help="default: list all of them")
    add_format(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    chosen = [_named(arguments.control)] if arguments.control else list(all_controls())
    paint = paint_for(arguments)
    until = datetime.now(UTC).date() + A_WHILE
    if arguments.format == "json":
        data = {"controls": [explained.as_data(control, until) for control in chosen]}
        write(arguments, json.dumps(data, indent=2))
    elif arguments.control:
        write(arguments, "\n".join(explained.lines(chosen[0], paint, until)))
    else:
        write(arguments, "\n".join(explained.index_lines(chosen, paint)))
    return GOOD


def _named(control_id: str) -> Control:
    controls = {control.id: control for control in all_controls()}
    if control_id in controls:
        return controls[control_id]
    near = nearest(control_id, tuple(controls))
    mend = f"did you mean {' or '.join(near)}?" if near else "`holdfast explain` lists them all"
    raise UsageError(f"there is no control {shown(control_id)}; {mend}")
