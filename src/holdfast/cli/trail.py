"""`holdfast trail`: the tamper-evident record of everything that mattered."""

from __future__ import annotations

import argparse
import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from holdfast.cli.accounts import add_service, start_service
from holdfast.cli.errors import FOUND, GOOD, UsageError
from holdfast.site import load_site
from holdfast.trail import proof
from holdfast.trail.entry import Entry, EntryError, decoded, harmless
from holdfast.trail.folder import Folder
from holdfast.trail.log import Hashes, Record, Verdict, verify
from holdfast.trail.note import LONGEST, Checkpoint, Verifier, opened

SHOWN = 20


@dataclass(frozen=True)
class Source:
    """A trail wherever it is kept."""

    records: Callable[[], Iterator[Record]]
    verifier: Verifier
    seen: Checkpoint | None
    """What its writer has kept of it elsewhere."""
    note: str
    first_miscopied: Callable[[], int | None] = lambda: None
    """The first entry that is shown otherwise than it was written, where there are copies."""


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser(
        "trail", help="the tamper-evident record of what was done", description=__doc__
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    check = actions.add_parser("verify", help="whether anything was edited, put in or taken away")
    check.add_argument("--key", metavar="KEY", help="the public key, as you have written it down")
    check.add_argument("--seen", type=Path, metavar="FILE", help="a checkpoint kept elsewhere")
    check.add_argument("--proof", type=Path, metavar="FILE", help="check this proof by --key alone")
    check.set_defaults(run=verify_trail)
    show = actions.add_parser("show", help="the entries, its checkpoint or its key")
    show.add_argument("--last", type=_count, default=SHOWN, metavar="N", help="how many (20)")
    show.add_argument(
        "--what", default="", metavar="WORD", help="such as sign-in or sign-in.failed"
    )
    show.add_argument("--who", default="", metavar="ID", help="by or about whom")
    what = show.add_mutually_exclusive_group()
    what.add_argument("--checkpoint", action="store_true", help="the newest one, to keep elsewhere")
    what.add_argument("--public-key", action="store_true", help="the key, to write down elsewhere")
    show.set_defaults(run=show_trail)
    prove = actions.add_parser("prove", help="a proof of one entry, that stands by itself")
    prove.add_argument("number", type=int, metavar="NUMBER")
    prove.set_defaults(run=prove_entry)
    for action in (check, show, prove):
        where = action.add_argument_group("which trail", "of a site (default), a folder, a service")
        where.add_argument("--site", type=Path, default=Path("holdfast.toml"), metavar="FILE")
        where.add_argument("--folder", type=Path, metavar="FOLDER")
        where.add_argument("--service", action="store_true", help="of the accounts service")
        add_service(action)
        if action is not prove:
            action.add_argument("--format", choices=("text", "json"), default="text")


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text[:9]) <= 10**6:
        raise argparse.ArgumentTypeError("a number from 1 to 1000000")
    return int(text)


def _source(arguments: argparse.Namespace) -> Source:
    """Open the trail that is meant, and make none. Raises UsageError, TrailError."""
    if arguments.service:
        return _service(arguments)
    if arguments.folder is not None:
        folder, name = arguments.folder, "site"
    else:
        site = load_site(arguments.site)
        folder, name = site.folder / ".holdfast/trail", site.name
    if not (folder / "key").exists():
        raise UsageError(f"{folder}: there is no trail yet: audit or apply something first")
    trail = Folder(folder, f"holdfast/{name}")
    return Source(trail.records, trail.signer.verifier, trail.seen(), trail.note())


def _service(arguments: argparse.Namespace) -> Source:
    start_service(arguments)
    from holdfast.accounts.trail import store

    return Source(
        store.records, store.signer().verifier, store.seen(), store.newest(), store.first_miscopied
    )


def verify_trail(arguments: argparse.Namespace) -> int:
    key = Verifier.parse(arguments.key) if arguments.key else None
    if arguments.proof is not None:
        return _check_proof(arguments, key)
    source = _source(arguments)
    verifier = key or source.verifier
    checkpoints = [source.seen]
    if arguments.seen is not None:
        checkpoints.append(opened(_read(arguments.seen), verifier))
    hashes = Hashes(source.records())
    verdicts = [verify(hashes, verifier, seen) for seen in checkpoints]
    verdict = next((one for one in verdicts if not one.good), verdicts[0])
    if verdict.good and (wrong := source.first_miscopied()) is not None:
        verdict = Verdict(verdict.checkpoint, wrong, "lists show it otherwise than it was written")
    if arguments.format == "json":
        said = {"entries": hashes.size, "root": hashes.root.hex(), "good": verdict.good}
        print(json.dumps(said | {"entry": verdict.wrong, "why": verdict.why}, indent=2))
    elif verdict.good:
        print(f"{hashes.size} entries, none touched, none missing")
    else:
        print(f"entry {verdict.wrong}: {verdict.why}")
        if verdict.wrong:
            print("everything before it is as it was written")
    return GOOD if verdict.good else FOUND


def _check_proof(arguments: argparse.Namespace, key: Verifier | None) -> int:
    if key is None:
        raise UsageError("--proof: name the trail's public key with --key KEY")
    try:
        number, data = proof.verify(_read(arguments.proof, proof.LONGEST), key)
        entry = decoded(data)
    except (proof.ProofError, EntryError) as error:
        print(f"{arguments.proof}: {error}")
        return FOUND
    print(_line(number, entry))
    return GOOD


def _read(path: Path, most: int = LONGEST) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(most + 1)


def show_trail(arguments: argparse.Namespace) -> int:
    source = _source(arguments)
    if arguments.public_key:
        print(source.verifier)
        return GOOD
    if arguments.checkpoint:
        print(source.note, end="")
        return GOOD
    newest: deque[tuple[int, Entry]] = deque(maxlen=arguments.last)
    newest.extend(_matching(source, arguments.what, arguments.who))
    for number, entry in newest:
        if arguments.format == "json":
            print(json.dumps({"number": number, **json.loads(entry.encoded())}))
        else:
            print(_line(number, entry))
    return GOOD


def _matching(source: Source, what: str, who: str) -> Iterator[tuple[int, Entry]]:
    for number, record in enumerate(source.records()):
        try:
            entry = decoded(record.data)
        except EntryError as error:
            raise UsageError(f"entry {number}: {error}: run `holdfast trail verify`") from None
        named = not what or entry.what == what or entry.what.startswith(f"{what}.")
        if named and (not who or who in (entry.who, entry.on)):
            yield number, entry


def _line(number: int, entry: Entry) -> str:
    """Return an entry on one line; what others wrote is harmless on a terminal."""
    parts = [entry.at, entry.what, entry.result, f"by {entry.who or 'nobody known'}"]
    parts += [f"on {entry.on}"] if entry.on and entry.on != entry.who else []
    parts += [f"from {entry.where}"] if entry.where else []
    parts += [f"{key}={value}" for key, value in sorted(entry.details.items())]
    return f"{number}: " + "  ".join(harmless(part) for part in parts)


def prove_entry(arguments: argparse.Namespace) -> int:
    source = _source(arguments)
    kept: list[bytes] = []

    def noticing() -> Iterator[Record]:
        for number, record in enumerate(source.records()):
            if number == arguments.number:
                kept.append(record.data)
            yield record

    hashes = Hashes(noticing())
    if not kept:
        raise UsageError(f"there is no entry {arguments.number}: there are {hashes.size}, from 0")
    verdict = verify(hashes, source.verifier)
    if not verdict.good:
        print(f"entry {verdict.wrong}: {verdict.why}: nothing can be proven by this trail")
        return FOUND
    print(proof.prove(hashes, arguments.number, kept[0], source.verifier), end="")
    return GOOD
