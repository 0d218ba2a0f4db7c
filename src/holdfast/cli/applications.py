"""`holdfast applications`: the clients of another system, as tables of the configuration."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.accounts.migration import CLIENT_SYSTEMS
from holdfast.cli.accounts import require_accounts
from holdfast.cli.errors import FOUND, GOOD, UsageError

if TYPE_CHECKING:
    from holdfast.accounts.migration.clients import Client

TABLES = "applications.toml"


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser(
        "applications", help="applications that people sign in to", description=__doc__
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    convert = actions.add_parser(
        "convert", help="write another system's clients as tables of the configuration"
    )
    convert.add_argument("file", type=Path, metavar="FILE", help="see docs/migration.md")
    convert.add_argument("--from", dest="system", required=True, choices=CLIENT_SYSTEMS)
    convert.add_argument(
        "--to",
        dest="folder",
        type=Path,
        required=True,
        metavar="FOLDER",
        help=f"a new folder: {TABLES}, and a file for each secret, which only you can read",
    )
    convert.set_defaults(run=convert_applications)


def convert_applications(arguments: argparse.Namespace) -> int:
    require_accounts()
    from holdfast.accounts.migration.client_exports import clients
    from holdfast.accounts.migration.clients import Client

    if not arguments.file.is_file():
        raise UsageError(f"{arguments.file}: is no file")
    made: list[Client] = []
    skipped = 0
    for name, one in clients(arguments.system, arguments.file):
        if isinstance(one, Client):
            made.append(one)
            for what in one.dropped:
                print(f"holdfast: {name}: {what}", file=sys.stderr)
        else:
            skipped += 1
            print(f"holdfast: {name}: left out: {one}", file=sys.stderr)
    _write(arguments.folder, made)
    print(f"{len(made)} written to {arguments.folder / TABLES}, {skipped} left out")
    return FOUND if skipped else GOOD


def _write(folder: Path, made: list[Client]) -> None:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        raise UsageError(f"{folder}: is there already: name another folder") from None
    for one in made:
        if one.secret:
            _private(folder / one.secret_file, one.secret + "\n")
    _private(folder / TABLES, "\n".join(one.table() for one in made))


def _private(path: Path, text: str) -> None:
    """Write a new file that nobody else can read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
