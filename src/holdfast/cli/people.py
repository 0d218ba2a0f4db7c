"""`holdfast people`: import and export people, what a hash costs, and the way in of last resort."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from holdfast.cli.accounts import add_service, configuration_from, start_service
from holdfast.cli.errors import FOUND, GOOD, UsageError

SHOWN = 20  # errors that are printed; all of them go into --errors
KINDS = ("jsonl", "csv")


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser("people", help="people of the accounts service", description=__doc__)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_import(actions)
    _add_export(actions)
    cost = actions.add_parser("hash-cost", help="what hashing a password costs, here and elsewhere")
    cost.add_argument("--target-ms", type=float, default=50.0, metavar="MS")
    cost.add_argument("--format", choices=("text", "json"), default="text")
    add_service(cost)
    cost.set_defaults(run=hash_cost)
    glass = actions.add_parser(
        "break-glass",
        help="a link that gives an administrator a new password; every administrator is told",
    )
    glass.add_argument("who", metavar="ADDRESS", help="an administrator's address or user name")
    add_service(glass)
    glass.set_defaults(run=break_glass)


def _add_import(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    into = actions.add_parser("import", help="take people over, with the hashes of their passwords")
    into.add_argument("file", metavar="FILE", help="JSON Lines or CSV; - is the standard input")
    into.add_argument("--format", choices=KINDS, help="default: by the name of the file, or jsonl")
    into.add_argument("--dry-run", action="store_true", help="say what would be, write nothing")
    into.add_argument("--wrap", action="store_true", help="wrap fast hashes in Argon2id at once")
    into.add_argument("--errors", type=Path, metavar="FILE", help="every refused line, with why")
    add_service(into)
    into.set_defaults(run=import_people)


def _add_export(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    out = actions.add_parser("export", help="give everybody out, with the hashes of passwords")
    out.add_argument("file", metavar="FILE", help="a new file, which only you can read")
    out.add_argument("--format", choices=KINDS, help="default: by the name of the file, or jsonl")
    out.add_argument("--without-hashes", action="store_true")
    add_service(out)
    out.set_defaults(run=export_people)


def _kind(arguments: argparse.Namespace) -> str:
    named = "csv" if arguments.file.endswith(".csv") else "jsonl"
    kind: str = arguments.format or named
    return kind


def import_people(arguments: argparse.Namespace) -> int:
    with _opened(arguments.file) as stream, _errors(arguments.errors) as errors:
        start_service(arguments)
        from holdfast.accounts import databases
        from holdfast.accounts.people import records
        from holdfast.accounts.people.flows import importing

        databases.expect_many_rows()
        lines = records.read(stream, _kind(arguments))
        outcome = importing.Outcome()
        shown = 0
        for outcome in importing.run(lines, wrap=arguments.wrap, dry=arguments.dry_run):
            for number, reason in outcome.batch_errors:
                if errors is not None:
                    errors.write(json.dumps({"line": number, "what": reason}) + "\n")
                if shown < SHOWN:
                    print(f"holdfast: line {number}: {reason}", file=sys.stderr)
                shown += 1
        if shown > SHOWN:
            where = arguments.errors or "--errors FILE keeps them"
            print(f"holdfast: and {shown - SHOWN} more lines ({where})", file=sys.stderr)
        if not arguments.dry_run:
            _note("people.imported", created=outcome.created, there=outcome.there)
    verb = "would be created" if arguments.dry_run else "created"
    print(f"{outcome.created} {verb}, {outcome.there} were there, {outcome.refused} refused")
    return FOUND if outcome.refused else GOOD


def _note(what: str, **details: object) -> None:
    """Have the trail say what was done here."""
    from holdfast.accounts.trail import events

    events.note_from_shell(what, details={name: str(value) for name, value in details.items()})


@contextmanager
def _opened(name: str) -> Iterator[TextIO]:
    if name == "-":
        yield sys.stdin
        return
    with Path(name).open(encoding="utf-8", errors="replace", newline="\n") as stream:
        yield stream


@contextmanager
def _errors(path: Path | None) -> Iterator[TextIO | None]:
    if path is None:
        yield None
        return
    with _private(path) as stream:
        yield stream


def _private(path: Path) -> TextIO:
    """Open a new file that nobody else can read. Raises UsageError where there is one already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"{path}: is there already: name another file, or remove it") from None
    return os.fdopen(descriptor, "w", encoding="utf-8")


def export_people(arguments: argparse.Namespace) -> int:
    with _private(Path(arguments.file)) as stream:
        start_service(arguments)
        from holdfast.accounts.people.flows import exporting

        hashes = not arguments.without_hashes
        count = exporting.write(stream, _kind(arguments), hashes=hashes)
        _note("people.exported", count=count, hashes="with" if hashes else "without")
    print(f"{count} exported to {arguments.file}")
    return GOOD


def hash_cost(arguments: argparse.Namespace) -> int:
    configuration = configuration_from(arguments)
    from holdfast.accounts.passwords import cost

    measured = cost.measure(
        configuration.passwords.argon2, os.cpu_count() or 1, arguments.target_ms
    )
    if arguments.format == "json":
        print(json.dumps(cost.as_data(measured), indent=2))
    else:
        print(cost.as_text(measured, arguments.target_ms))
    return GOOD


def break_glass(arguments: argparse.Namespace) -> int:
    start_service(arguments)
    from holdfast.accounts.people.flows import breaking_glass

    try:
        link = breaking_glass.offer(arguments.who)
    except breaking_glass.NoSuchAdmin as error:
        print(f"holdfast: {error}", file=sys.stderr)
        return FOUND
    print(link)
    print("It works once, for 15 minutes. Every administrator was told.", file=sys.stderr)
    return GOOD
