"""The keys that tokens are signed with, in the data folder and nobody else's.

The first is made when the service first starts. `holdfast keys rotate` adds another, whose name
says from when on it signs: it is published before, so that applications know it in time, and the
one before it stays published until its last token has run out.
"""

from __future__ import annotations

import functools
import os
import re
import stat
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from holdfast.accounts.configuration import ConfigurationError

NAME = "signing-key.pem"
LATER = re.compile(r"signing-key-(\d{8}T\d{6}Z)\.pem")
STAMP = "%Y%m%dT%H%M%SZ"
BITS = 2048
SECOND_NS = 1_000_000_000
PUBLISHED_FOR = timedelta(minutes=20)
"""How long a key is published before it signs: applications fetch keys every ten minutes."""
KEPT_FOR = timedelta(hours=24)
"""How long one is published after the next one signs: its tokens live for ten minutes."""


@dataclass(frozen=True)
class SigningKey:
    """`begins` is from when on it signs, None for the first; `ends` when it is not shown any more,
    None for the last.
    """

    path: Path
    pem: str
    begins: datetime | None
    ends: datetime | None = None


def ready(folder: Path) -> None:
    """See that there is a key; one is made where there is none.

    Raises ConfigurationError where others could read one, or where it is no key.
    """
    if not _names(folder):
        _make(folder / NAME)
    signing_keys(folder)


def signing_keys(folder: Path) -> tuple[SigningKey, ...]:
    """Return the keys, the oldest first. Raises ConfigurationError."""
    return _read_all(folder, _names(folder))


def known_keys(folder: Path) -> list[SigningKey]:
    """Return the keys whose tokens are believed, the oldest first."""
    now = datetime.now(UTC)
    return [key for key in signing_keys(folder) if key.ends is None or key.ends > now]


def signs(folder: Path) -> SigningKey:
    """Return the key that signs now: the newest that has begun."""
    now = datetime.now(UTC)
    return [key for key in known_keys(folder) if key.begins is None or key.begins <= now][-1]


@functools.lru_cache(maxsize=2)
def _read_all(folder: Path, names: tuple[str, ...]) -> tuple[SigningKey, ...]:
    """Read keys, once for each set of them: to look at one takes as long as to sign."""
    begins = [_begins(name) for name in names]
    return tuple(
        SigningKey(path, _read(path), begin, after + KEPT_FOR if after else None)
        for path, begin, after in zip(
            map(folder.joinpath, names), begins, [*begins[1:], None], strict=True
        )
    )


def rotate(folder: Path, now: datetime, *, at_once: bool) -> SigningKey:
    """Add a key, and remove those that have ended; return the new one.

    With `at_once` it signs from now on, and every other one is gone: its tokens are refused.
    Raises ConfigurationError, FileExistsError where one was added that does not sign yet.
    """
    known = signing_keys(folder)
    begins = (now if at_once else now + PUBLISHED_FOR).replace(microsecond=0)
    last = known[-1].begins if known else None
    if last is not None and last >= now and not at_once:
        raise FileExistsError(f"{known[-1].path.name} signs from {last:%H:%M} UTC on: wait for it")
    while (path := folder / f"signing-key-{begins.strftime(STAMP)}.pem").exists():
        begins -= timedelta(seconds=1)  # of two at once the later one counts
    _make(path)
    for key in known:
        if at_once or (key.ends is not None and key.ends <= now):
            key.path.unlink(missing_ok=True)
    return SigningKey(path, _read(path), begins)


def _names(folder: Path) -> tuple[str, ...]:
    """Return the names of the keys' files, the oldest first.

    They are looked for with every token, so the folder is read when it has changed. Of two changes
    within a tick of the clock its time may show one: it is read again one and two seconds later.
    """
    changed = folder.stat().st_mtime_ns
    return _listed(folder, changed, min(time.time_ns() - changed, 2 * SECOND_NS) // SECOND_NS)


@functools.lru_cache(maxsize=2)
def _listed(folder: Path, changed: int, age_s: int) -> tuple[str, ...]:
    found = [path.name for path in folder.iterdir()]
    later = sorted(filter(LATER.fullmatch, found))
    return (NAME, *later) if NAME in found else tuple(later)


def _begins(name: str) -> datetime | None:
    """Return from when on a key signs, by the name of its file."""
    named = LATER.fullmatch(name)
    return datetime.strptime(named[1], STAMP).replace(tzinfo=UTC) if named is not None else None


def _read(path: Path) -> str:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigurationError(f"{path}: others may use it: chmod go= {path}")
    text = path.read_text(encoding="ascii", errors="replace")
    try:
        load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError):
        raise ConfigurationError(
            f"{path}: is no private key: put the old one back from a backup, or remove the file; "
            "then tokens handed out so far are refused"
        ) from None
    return text


def _make(path: Path) -> None:
    """Make a key, whole from its first moment; of two processes that do, one wins."""
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return  # the other one's is as good
    finally:
        draft.unlink(missing_ok=True)
