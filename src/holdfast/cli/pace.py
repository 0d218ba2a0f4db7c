"""`--at-once` and `--host-timeout`: how many hosts at the same time, and how long each may take."""

from __future__ import annotations

import argparse

from holdfast.cli.options import seconds_between
from holdfast.servers.each_host import AT_ONCE

READ_S = 60.0  # per host, to log in and read it
MOST_AT_ONCE = 200
LONGEST_S = 86_400.0


def add_pace(parser: argparse.ArgumentParser, host_s: float, counting: str = "") -> None:
    """`--at-once` and `--host-timeout`, whose default is `host_s`."""
    parser.add_argument(
        "--at-once",
        type=_count,
        default=AT_ONCE,
        metavar="N",
        help=f"work on so many hosts at the same time (default {AT_ONCE})",
    )
    parser.add_argument(
        "--host-timeout",
        type=_host_seconds,
        metavar="SECONDS",
        help=f"give up on a host that takes longer{counting} (default {host_s:g})",
    )


def _host_seconds(text: str) -> float:
    return seconds_between(text, 1, LONGEST_S)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_AT_ONCE:
        raise argparse.ArgumentTypeError(f"must be between 1 and {MOST_AT_ONCE}")
    return int(text)
