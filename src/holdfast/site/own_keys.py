"""The admin's own keys: those of `~/.ssh` and of the agent on this machine."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast.site.errors import Refused
from holdfast.site.private_key import public_blob
from holdfast.site.public_key import PublicKey

MOST_FILES = 50
MOST_AGENT_KEYS = 50
LARGEST_PUBLIC_KEY = 16 * 1024  # bytes
AGENT_TIMEOUT_S = 5
LARGEST_CONFIG = 256 * 1024  # bytes
IDENTITY_FILE = re.compile(r"^\s*IdentityFile[\s=]+(.+?)\s*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class OwnKey:
    """A usable public key, and the `.pub` file it stands in, if in one."""

    key: PublicKey
    file: Path | None = None

    @property
    def private_file(self) -> Path | None:
        """The private key's file beside it, where there is one."""
        if self.file is None:
            return None
        private = self.file.with_suffix("")
        return private if private.is_file() else None


@dataclass(frozen=True)
class UnusableKey:
    """A key that was found and cannot be used, and why."""

    file: Path | None
    reason: str


def own_keys(home: Path | None = None) -> tuple[OwnKey | UnusableKey, ...]:
    """The keys of `~/.ssh/*.pub` and of the running agent, each key once."""
    found: dict[PublicKey | UnusableKey, OwnKey | UnusableKey] = {}
    for key in (*map(_in_file, _files(home)), *(_usable(line, None) for line in _in_agent())):
        found.setdefault(key.key if isinstance(key, OwnKey) else key, key)
    return tuple(found.values())


def agent_keys() -> frozenset[PublicKey]:
    """The keys that the running agent holds."""
    usable = (_usable(line, None) for line in _in_agent())
    return frozenset(key.key for key in usable if isinstance(key, OwnKey))


def private_files(
    keys: Iterable[PublicKey], configs: Iterable[Path], home: Path | None = None
) -> Mapping[PublicKey, Path]:
    """The private key files of these keys, where this machine has them.

    Looked at are `~/.ssh` and each IdentityFile of the `configs` (ssh_config(5)), whatever host it
    is for. A file tells whose it is by itself or, in an older format, by the `.pub` beside it.
    """
    by_blob = {key.blob: key for key in keys}
    found: dict[PublicKey, Path] = {}
    for file in dict.fromkeys((*_private(home), *_named(configs, home))):
        key = by_blob.get(public_blob(file) or _blob_beside(file))
        if key is not None:
            found.setdefault(key, file)
    return found


def _private(home: Path | None) -> list[Path]:
    folder = _folder(home)
    files = sorted(folder.iterdir()) if folder is not None and folder.is_dir() else []
    return [file for file in files if file.suffix != ".pub" and file.is_file()][:MOST_FILES]


def _named(configs: Iterable[Path], home: Path | None) -> Iterator[Path]:
    own = home or (Path.home() if _folder(home) else Path("/nonexistent"))
    for config in configs:
        try:
            with config.open("rb") as opened:
                text = opened.read(LARGEST_CONFIG).decode(errors="replace")
        except OSError:
            continue
        for name in IDENTITY_FILE.findall(text)[:MOST_FILES]:
            place = re.sub(r"^~(?=/)|%d", lambda _: str(own), name.strip('"'))
            if place.startswith("/"):
                yield Path(place)


def _blob_beside(private: Path) -> str:
    key = _in_file(private.with_name(f"{private.name}.pub"))
    return key.key.blob if isinstance(key, OwnKey) else ""


def _folder(home: Path | None) -> Path | None:
    try:
        return (home or Path.home()) / ".ssh"
    except RuntimeError:  # an account without a home has no keys in it
        return None


def _files(home: Path | None) -> list[Path]:
    folder = _folder(home)
    return [] if folder is None else sorted(folder.glob("*.pub"))[:MOST_FILES]


def _in_file(file: Path) -> OwnKey | UnusableKey:
    if not file.is_file():
        return UnusableKey(file, "it is not a regular file")
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_PUBLIC_KEY)
    except OSError as error:
        return UnusableKey(file, f"it cannot be read ({error.strerror})")
    return _usable(content.decode(errors="replace").strip(), file)


def _usable(line: str, file: Path | None) -> OwnKey | UnusableKey:
    try:
        return OwnKey(PublicKey.parse(line), file)
    except Refused as refused:
        return UnusableKey(file, str(refused))


def _in_agent() -> list[str]:
    """The lines of `ssh-add -L`; none where no agent answers, which is an ordinary state."""
    if not os.environ.get("SSH_AUTH_SOCK"):
        return []
    try:
        listed = subprocess.run(
            ["ssh-add", "-L"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=AGENT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    if listed.returncode != 0:
        return []
    return listed.stdout.decode(errors="replace").splitlines()[:MOST_AGENT_KEYS]
