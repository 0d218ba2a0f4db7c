"""The admin's own public keys: those of `~/.ssh` and of the agent on this machine."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from holdfast.site.errors import Refused
from holdfast.site.public_key import PublicKey

MOST_FILES = 50
MOST_AGENT_KEYS = 50
LARGEST_PUBLIC_KEY = 16 * 1024  # bytes
AGENT_TIMEOUT_S = 5


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


def _files(home: Path | None) -> list[Path]:
    try:
        folder = (home or Path.home()) / ".ssh"
    except RuntimeError:  # an account without a home has no keys in it
        return []
    return sorted(folder.glob("*.pub"))[:MOST_FILES]


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
