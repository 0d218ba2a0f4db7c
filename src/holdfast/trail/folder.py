"""A trail in a folder: what writes it is one process after another, whichever of them dies.

    key       the private key that signs (0600)
    entries   one line an entry: its JSON, a tab, its signature
    state     the newest checkpoint, signed, and what is needed to go on from it

An entry counts once its line has ended: a last line that was torn off is dropped by whoever writes
next. The state may be behind the entries, and is brought up to them; it is never ahead of them
unless entries were taken away, and then nothing is added any more.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from holdfast.trail.entry import LONGEST_ENTRY, Entry
from holdfast.trail.log import Record, record
from holdfast.trail.merkle import Frontier, leaf_hash
from holdfast.trail.note import SIGNATURE_BYTES, Checkpoint, NoteError, Signer, opened, signed

LONGEST_LINE = LONGEST_ENTRY + 128
LARGEST_STATE = 16 * 1024
LARGEST_KEY = 1024


class TrailError(Exception):
    """A trail cannot be read or written; the message says where, why and the mend."""


@dataclass
class _State:
    """A tree, and how many bytes of the entries it covers."""

    tree: Frontier
    offset: int


class Folder:
    """A trail in a folder of its own."""

    def __init__(self, path: Path, name: str) -> None:
        """Open it, or make it under a new key. Raises TrailError, OSError."""
        self.path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.signer = key_in(path / "key", name)

    def append(self, entry: Entry) -> int:
        """Add an entry, written to the disk; return its number. Raises TrailError, OSError."""
        data = entry.encoded()
        with self._held() as entries:
            state = self._up_to_date(entries)
            kept = record(state.tree, data, self.signer)
            line = data + b"\t" + base64.b64encode(kept.signature) + b"\n"
            entries.write(line)
            entries.flush()
            os.fdatasync(entries.fileno())
            state.offset += len(line)
            self._write_state(state, kept.signature)
            return state.tree.size - 1

    def records(self) -> Iterator[Record]:
        """Yield every entry whose line has ended. Raises TrailError for a line that is none."""
        with contextlib.suppress(FileNotFoundError), (self.path / "entries").open("rb") as entries:
            for number, (kept, _) in enumerate(_lines(entries)):
                if kept is None:
                    raise TrailError(f"{entries.name}: line {number + 1} is no entry")
                yield kept

    def seen(self) -> Checkpoint | None:
        """Return the newest checkpoint that was written. Raises TrailError."""
        note = self.note()
        try:
            return opened(note, self.signer.verifier) if note else None
        except NoteError as error:
            raise TrailError(f"{self.path / 'state'}: {error}") from None

    def note(self) -> str:
        """Return the newest checkpoint as it is signed; "" where nothing was written."""
        read = self._read_state()
        return str(read.get("checkpoint", "")) if read else ""

    @contextmanager
    def _held(self) -> Iterator[BinaryIO]:
        """Open the entries for one writer at a time."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(self.path / "entries", flags, 0o600), "r+b") as entries:
            fcntl.flock(entries, fcntl.LOCK_EX)
            yield entries

    def _up_to_date(self, entries: BinaryIO) -> _State:
        """Return the state that ends with the last whole line; drop what was torn off after it."""
        state = self._known()
        length = os.fstat(entries.fileno()).st_size
        if length < state.offset:
            raise TrailError(
                f"{entries.name}: entries were taken away from its end; nothing is added until "
                "`holdfast trail verify` has been looked at and the file was brought back"
            )
        entries.seek(state.offset)
        newest = b""
        for kept, size in _lines(entries):
            if kept is None:
                raise TrailError(f"{entries.name}: what stands after byte {state.offset} is none")
            state.tree.append(leaf_hash(kept.data))
            state.offset += size
            newest = kept.signature
        if newest:
            checkpoint = self.signer.checkpoint(state.tree.size, state.tree.root())
            if not self.signer.verifier.verifies(checkpoint, newest):
                raise TrailError(
                    f"{entries.name}: entries were changed; nothing is added until "
                    "`holdfast trail verify` has been looked at and the file was brought back"
                )
        if length > state.offset:
            entries.truncate(state.offset)
        return state

    def _known(self) -> _State:
        """Return the state as written; the beginning, where there is none or it is damaged."""
        read = self._read_state()
        try:
            if read is not None:
                checkpoint = opened(str(read["checkpoint"]), self.signer.verifier)
                parts = [base64.b64decode(part, validate=True) for part in read["parts"]]
                tree = Frontier(checkpoint.size, parts)
                if tree.root() == checkpoint.root:
                    return _State(tree, int(str(read["offset"])))
        except (KeyError, TypeError, ValueError, NoteError):
            pass
        return _State(Frontier(), 0)

    def _read_state(self) -> dict[str, Any] | None:
        try:
            with (self.path / "state").open("rb") as file:
                read = json.loads(file.read(LARGEST_STATE))
        except (FileNotFoundError, ValueError, RecursionError):
            return None
        return read if isinstance(read, dict) else None

    def _write_state(self, state: _State, signature: bytes) -> None:
        checkpoint = self.signer.checkpoint(state.tree.size, state.tree.root())
        data = {
            "checkpoint": signed(checkpoint, signature, self.signer.verifier),
            "parts": [base64.b64encode(part).decode() for part in state.tree.parts],
            "offset": state.offset,
        }
        draft = self.path / "state.draft"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(data, file)
        draft.rename(self.path / "state")


def _lines(entries: BinaryIO) -> Iterator[tuple[Record | None, int]]:
    """Yield each whole line from where the file stands, with its length; None for one that is none.

    A last line without an end is left out.
    """
    while line := entries.readline(LONGEST_LINE):
        if not line.endswith(b"\n"):
            if len(line) == LONGEST_LINE:
                yield None, len(line)
            return
        data, _, encoded = line[:-1].rpartition(b"\t")
        try:
            signature = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            signature = b""
        whole = data and len(signature) == SIGNATURE_BYTES
        yield (Record(data, signature) if whole else None), len(line)


def key_in(path: Path, name: str) -> Signer:
    """Return the key in a file, made under this name where there is none.

    Raises TrailError for a file that others can read, or that holds no key.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return _made(path, name)
    with os.fdopen(descriptor) as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise TrailError(f"{path}: others can read the key: chmod 600 {path}")
        text = file.read(LARGEST_KEY)
    try:
        return Signer.parse(text)
    except NoteError as error:
        raise TrailError(f"{path}: {error}") from None


def _made(path: Path, name: str) -> Signer:
    """Make a key; whoever is first, of several at once, makes the one that all use."""
    try:
        signer = Signer.new(name)
    except NoteError as error:
        raise TrailError(str(error)) from None
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(signer.secret_text())
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        return key_in(path, name)
    finally:
        draft.unlink()
    return signer
