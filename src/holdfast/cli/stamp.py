"""`holdfast stamp`: Hashcash stamps, work done for one recipient, worth something once."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from holdfast.cli.errors import FOUND, GOOD, UNREACHED, UsageError
from holdfast.work import speed
from holdfast.work.spent import Memory, SqliteFile, StoreDown
from holdfast.work.stamp import (
    EXPIRY,
    LONGEST,
    MOST_BITS,
    USUAL_BITS,
    Refused,
    StampError,
    check,
    mint,
    parse,
)

LONGEST_EXPIRY_DAYS = 36_500
SHOWN_EVERY_S = 0.2
MEASURED_S = 0.5


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser(
        "stamp", help="proof-of-work stamps as of hashcash", description=__doc__
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    minting = actions.add_parser("mint", help="do the work for a recipient, and print the stamp")
    minting.add_argument("resource", metavar="RESOURCE", help="such as an address of mail")
    minting.add_argument("--ext", default="", metavar="TEXT", help="the stamp's extension")
    minting.set_defaults(run=mint_stamp)
    checking = actions.add_parser("check", help="whether a stamp is good; then it is spent")
    checking.add_argument("stamp", metavar="STAMP", help='the stamp; "-" reads a line of stdin')
    checking.add_argument("-r", "--resource", help="for whom it must have been made")
    checking.add_argument(
        "-e",
        "--expiry",
        type=_days,
        default=EXPIRY,
        metavar="DAYS",
        help=f"for how long it is good (default {EXPIRY.days})",
    )
    checking.add_argument("--spent", type=Path, metavar="FILE", help="where spent ones are kept")
    checking.set_defaults(run=check_stamp)
    for action in (minting, checking):
        action.add_argument(
            "-b", "--bits", type=_bits, default=USUAL_BITS, help=f"how much work ({USUAL_BITS})"
        )
    measuring = actions.add_parser("speed", help="how fast this machine works, and in which way")
    measuring.add_argument("--format", choices=("text", "json"), default="text")
    measuring.set_defaults(run=measure_speed)


def _bits(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text[:9]) <= MOST_BITS:
        raise argparse.ArgumentTypeError(f"a number from 0 to {MOST_BITS}")
    return int(text)


def _days(text: str) -> timedelta:
    if not text.isdecimal() or not 0 < int(text[:9]) <= LONGEST_EXPIRY_DAYS:
        raise argparse.ArgumentTypeError(f"a number from 1 to {LONGEST_EXPIRY_DAYS}")
    return timedelta(days=int(text))


def mint_stamp(arguments: argparse.Namespace) -> int:
    watched = _progress(arguments.bits) if sys.stderr.isatty() else None
    try:
        stamp = mint(arguments.resource, arguments.bits, ext=arguments.ext, progress=watched)
    except StampError as error:
        raise UsageError(f"such a stamp cannot be minted: {error}") from None
    finally:
        if watched is not None:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    print(stamp)
    return GOOD


def _progress(bits: int) -> Callable[[int], None]:
    """Return what shows how many hashes were tried, and of how many on average."""
    shown_at = 0.0

    def show(tried: int) -> None:
        nonlocal shown_at
        now = time.monotonic()
        if now - shown_at >= SHOWN_EVERY_S:
            shown_at = now
            line = f"{_count(tried)} hashes, {_count(2**bits)} on average"
            print(f"\r{line}\x1b[K", end="", file=sys.stderr, flush=True)

    return show


def _count(number: float) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:,.1f} {unit}"
    return f"{number:.0f}"


def check_stamp(arguments: argparse.Namespace) -> int:
    text = _line_of_stdin() if arguments.stamp == "-" else arguments.stamp
    spent = Memory(most=1) if arguments.spent is None else SqliteFile(arguments.spent)
    now = datetime.now(UTC)
    try:
        stamp = parse(text)
        resource = stamp.resource if arguments.resource is None else arguments.resource
        check(text, resource, arguments.bits, now, spent, expiry=arguments.expiry)
    except (StampError, Refused) as error:
        print(f"refused: {error}")
        return FOUND
    except StoreDown as error:
        print(f"holdfast: {arguments.spent}: {error}", file=sys.stderr)
        return UNREACHED
    print(f"good: {stamp.bits} bits for {stamp.resource}")
    if arguments.resource is None:
        print("not checked: for whom it was made (--resource)")
    if arguments.spent is None:
        print("not checked: whether it was used before (--spent)")
    return GOOD


def _line_of_stdin() -> str:
    try:
        return sys.stdin.readline(LONGEST + 2).strip()
    except UnicodeDecodeError:
        return "\ufffd"  # which is refused as whatever is no stamp


def measure_speed(arguments: argparse.Namespace) -> int:
    rows = speed.measured(MEASURED_S)
    if arguments.format == "json":
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return GOOD
    print(f"{'algorithm':<10} {'method':<10} {'hashes/s per core':>18}")
    for row in rows:
        line = f"{row.algorithm:<10} {row.method:<10} {_count(row.hashes_per_s):>18}"
        print(f"{line}  chosen" if row.chosen else line)
    return GOOD
