"""`holdfast people`: import and export people, what a hash costs, and the way in of last resort."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from holdfast.accounts.migration import SYSTEMS
from holdfast.cli.accounts import add_service, configuration_from, start_service
from holdfast.cli.errors import FOUND, GOOD, UsageError
from holdfast.site.secrets import LARGEST_SECRET, unfit

if TYPE_CHECKING:
    from holdfast.accounts.migration.firebase import HashParameters
    from holdfast.accounts.migration.found import Numbered

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
    into.add_argument(
        "--errors",
        type=Path,
        metavar="FILE",
        help="every refused line, with why, and what of somebody was left behind",
    )
    into.add_argument(
        "--from",
        dest="system",
        choices=SYSTEMS,
        help="FILE is this system's own export: see docs/migration.md",
    )
    into.add_argument(
        "--with",
        dest="second",
        type=Path,
        metavar="FILE",
        help="auth0: the export of hashes; keycloak: the realm, where people are in other files",
    )
    into.add_argument(
        "--firebase-hash",
        type=Path,
        metavar="FILE",
        help="the hash parameters that Firebase's console shows, in a file only you can read",
    )
    into.add_argument("--model", metavar="APP.MODEL", help="django: its user (default auth.user)")
    into.add_argument(
        "--drop-unknown-roles",
        action="store_true",
        help="leave out applications and roles that the configuration lacks",
    )
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
    _check_options(arguments)
    with _errors(arguments.errors) as errors:
        start_service(arguments)
        from holdfast.accounts import databases
        from holdfast.accounts.people.flows import importing

        databases.expect_many_rows()
        outcome = importing.Outcome()
        shown = 0
        unit = "record" if arguments.system else "line"
        with _people_of(arguments) as people:
            for outcome in importing.run(
                people,
                wrap=arguments.wrap,
                dry=arguments.dry_run,
                drop_unknown_roles=arguments.drop_unknown_roles,
            ):
                told = [(number, "what", text) for number, text in outcome.batch_errors]
                told += [(number, "left_behind", text) for number, text in outcome.batch_notes]
                for number, key, text in sorted(told, key=lambda one: one[0]):
                    if errors is not None:
                        errors.write(json.dumps({unit: number, key: text}) + "\n")
                    if shown < SHOWN:
                        prefix = "left behind: " if key == "left_behind" else ""
                        print(f"holdfast: {unit} {number}: {prefix}{text}", file=sys.stderr)
                    shown += 1
        if shown > SHOWN:
            where = arguments.errors or "--errors FILE keeps them"
            print(f"holdfast: and {shown - SHOWN} more {unit}s ({where})", file=sys.stderr)
        if not arguments.dry_run:
            source = arguments.system or "holdfast"
            counts = {"created": outcome.created, "there": outcome.there}
            _note("people.imported", source=source, **counts)
    verb = "would be created" if arguments.dry_run else "created"
    partly = f", {outcome.partly} of them not whole" if outcome.partly else ""
    print(
        f"{outcome.created} {verb}{partly}, {outcome.there} were there, {outcome.refused} refused"
    )
    return FOUND if outcome.refused else GOOD


OPTIONS = {
    "second": ("--with", ("auth0", "keycloak")),
    "firebase_hash": ("--firebase-hash", ("firebase",)),
    "model": ("--model", ("django",)),
}
"""Which option means something for which system."""


def _check_options(arguments: argparse.Namespace) -> None:
    for name, (option, systems) in OPTIONS.items():
        if getattr(arguments, name) is not None and arguments.system not in systems:
            raise UsageError(f"{option}: means something with --from {' or '.join(systems)} only")
    for text in (arguments.file, arguments.second):
        if text not in (None, "-"):
            Path(text).stat()  # raises OSError, before anything is begun
        if arguments.system and text is not None and not Path(text).is_file():
            raise UsageError(f"--from: {text} is no file: an export is read more than once")


@contextmanager
def _people_of(arguments: argparse.Namespace) -> Iterator[Iterator[Numbered]]:
    """Yield whom the file holds, once the service is loaded."""
    if arguments.system is None:
        from holdfast.accounts.people import records

        with _opened(arguments.file) as stream:
            yield records.read(stream, _kind(arguments))
        return
    from django.conf import settings

    from holdfast.accounts.migration.exports import Export

    parameters = _firebase(arguments.firebase_hash) if arguments.firebase_hash else None
    further = {"model": arguments.model} if arguments.model else {}
    export = Export(arguments.system, Path(arguments.file), arguments.second, parameters, **further)
    yield export.people(settings.HOLDFAST)


def _firebase(path: Path) -> HashParameters:
    """Read the parameters from a private file. Raises UsageError."""
    from holdfast.accounts.migration.firebase import BadParameters, HashParameters

    with path.open("rb") as file:
        if problem := unfit(path, os.fstat(file.fileno())):
            raise UsageError(f"--firebase-hash: {': '.join(problem)}")
        text = file.read(LARGEST_SECRET).decode(errors="replace")
    try:
        return HashParameters.parse(text)
    except BadParameters as error:
        raise UsageError(f"--firebase-hash: {path}: {error}") from None


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
