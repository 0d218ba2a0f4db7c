"""`holdfast lab`: throw-away servers on this machine."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from holdfast.lab import HostSpec, HostStatus, Lab, LabError

GOOD, WRONG = 0, 2
DEFAULT_HOSTS = (
    HostSpec("app", "bookworm", ("app",)),
    HostSpec("db", "trixie", ("database",)),
    HostSpec("backup", "bookworm", ("backup",)),
    HostSpec("outsider", "bookworm", ("outsider",)),
)
COLUMNS = ("lab", "host", "release", "roles", "public", "private", "state")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `lab` to the command line."""
    parser = subparsers.add_parser(
        "lab",
        help="throw-away servers to try things out on",
        description="Starts Debian servers on this machine, with two networks between them. "
        "It needs root on Linux.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    up = _action(actions, "up", "start servers and write a site folder for them", _up)
    up.add_argument(
        "hosts",
        nargs="*",
        metavar="NAME:RELEASE[:ROLE]",
        help="a server; roles are app, database, backup and outsider, several joined by + "
        f"(default: {' '.join(map(_spelled, DEFAULT_HOSTS))})",
    )
    up.add_argument("--name", default="default", help="the lab's name (default: default)")
    up.add_argument("--slot", type=int, default=0, help="its networks: 10.77.SLOT.0/24 and so on")
    up.add_argument("--dir", type=Path, help="where to write the site folder")

    down = _action(actions, "down", "end a lab and remove all of it", _down)
    which = down.add_mutually_exclusive_group()
    which.add_argument("--name", default="default", help="the lab's name (default: default)")
    which.add_argument("--all", action="store_true", help="every lab of this machine")

    status = _action(actions, "status", "show every lab and its servers", _status)
    status.add_argument("--format", choices=("text", "json"), default="text")

    shell = _action(actions, "shell", "open a root shell inside a server, without SSH", _shell)
    shell.add_argument("host", metavar="HOST")
    shell.add_argument("--name", default="default", help="the lab's name (default: default)")


def run(args: argparse.Namespace) -> int:
    """Perform the action that was asked for."""
    action: Callable[[argparse.Namespace], None] = args.action
    try:
        action(args)
    except LabError as error:
        print(f"holdfast: {error}", file=sys.stderr)
        return WRONG
    return GOOD


def parse_host(text: str) -> HostSpec:
    """The host that `NAME:RELEASE[:ROLE]` describes; `app+database` are two roles."""
    name, *rest = text.split(":")
    if not 1 <= len(rest) <= 2:
        raise LabError(f"{text!r} is no host: write NAME:RELEASE[:ROLE], such as app:bookworm:app")
    return HostSpec(name, rest[0], tuple(rest[1].split("+")) if len(rest) == 2 else ())


def table(hosts: Sequence[HostStatus]) -> str:
    """The hosts as lines of aligned columns."""
    rows = [COLUMNS]
    for host in hosts:
        state = "running" if host.running else "off"
        roles = "+".join(host.roles) or "-"
        rows.append((host.lab, host.name, host.release, roles, host.public, host.private, state))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join(
        "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
        + "\n"
        for row in rows
    )


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    purpose: str,
    action: Callable[[argparse.Namespace], None],
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=purpose, description=f"{purpose.capitalize()}.")
    parser.set_defaults(run=run, action=action)
    return parser


def _up(args: argparse.Namespace) -> None:
    hosts = [parse_host(text) for text in args.hosts] or list(DEFAULT_HOSTS)
    lab = Lab(args.name, args.slot, report=_progress)
    lab.up(hosts, args.dir)
    print(lab.site / "holdfast.toml")


def _down(args: argparse.Namespace) -> None:
    if args.all:
        Lab.down_all()
    else:
        Lab(args.name).down()


def _status(args: argparse.Namespace) -> None:
    hosts = Lab.status()
    if args.format == "json":
        print(json.dumps([asdict(host) for host in hosts], indent=2))
    elif hosts:
        print(table(hosts), end="")
    else:
        print("no lab is up")


def _shell(args: argparse.Namespace) -> None:
    words = Lab(args.name).host(args.host).enter(["/bin/bash", "-l"])
    terminal = {"TERM": os.environ.get("TERM", "linux"), "HOME": "/root"}
    os.execvpe(words[0], words, {**terminal, "PATH": os.defpath + ":/usr/sbin:/sbin"})  # noqa: S606


def _progress(line: str) -> None:
    print(f"holdfast: {line}", file=sys.stderr, flush=True)


def _spelled(spec: HostSpec) -> str:
    return ":".join((spec.name, spec.release, "+".join(spec.roles)))
