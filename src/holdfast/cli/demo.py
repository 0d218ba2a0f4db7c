"""`holdfast demo`: the whole story on two throw-away servers, or an audit of this machine.

As root on a Debian machine: two untouched servers are started, audited, attacked, changed, audited
and attacked again. Elsewhere nothing is started or changed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from holdfast.cli.errors import UsageError
from holdfast.lab import HostSpec, Lab, LabError
from holdfast.report.paint import Paint

NAME, SLOT = "demo", 90
SERVERS = (HostSpec("app", "bookworm", ("app",)), HostSpec("db", "trixie", ("database",)))


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser("demo", help="the whole story on two servers", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the servers running")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        _headline("An audit of this machine, read-only")
        print("(as root on a Debian machine this starts two servers and attacks them)\n")
        _verb("audit", "@local", "--site", "holdfast.toml")
        return 0
    lab = Lab(NAME, SLOT, report=lambda line: print(f"  {line}", file=sys.stderr))
    lab.down()
    try:
        _headline("Two servers, as a provider hands them over")
        try:
            lab.up(SERVERS)
        except LabError as error:
            raise UsageError(str(error)) from error
        site = lab.site / "holdfast.toml"
        codes = _story(site)
    finally:
        if not arguments.keep:
            lab.down()
    _next(site, kept=arguments.keep)
    return 0 if codes == (1, 1, 0, 0, 0) else 1


def _story(site: Path) -> tuple[int, ...]:
    at = ("--site", str(site))
    steps = (
        ("What is wrong with them: holdfast audit", "audit", at),
        ("Attacked as they are: holdfast prove", "prove", at),
        ("Changed, and each change proven: holdfast apply", "apply", ("--yes", "--verbose", *at)),
        ("What is wrong now: holdfast audit", "audit", at),
        ("Attacked again, the same way: holdfast prove", "prove", at),
    )
    codes = []
    for title, verb, arguments in steps:
        _headline(title)
        codes.append(_verb(verb, *arguments))
    return tuple(codes)


def _verb(verb: str, *arguments: str) -> int:
    from holdfast.cli.main import main  # the entry point imports this module

    return main([verb, *arguments])


def _headline(text: str) -> None:
    print(f"\n{Paint.on(sys.stdout)('bold', '── ' + text)}", flush=True)


def _next(site: Path, *, kept: bool) -> None:
    _headline("What to do next")
    if kept:
        print(f"  look around:            holdfast lab shell app --name {NAME}")
        print(f"  audit them again:       holdfast audit --site {site}")
        print(f"  end them:               holdfast lab down --name {NAME}")
    print("  keep the servers:       holdfast demo --keep")
    print("  describe your own:      holdfast init")
    print("  then:                   holdfast audit, holdfast plan, holdfast apply")
