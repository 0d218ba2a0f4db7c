"""Host keys that were accepted once, in OpenSSH's known_hosts format (sshd(8))."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

import asyncssh

from holdfast.servers.session_errors import HostKeyChanged, SessionError

SSH_PORT = 22
LARGEST_FILE = 16 * 1024 * 1024  # bytes

ALGORITHMS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
"""How a host may prove its key, best first; OpenSSH's defaults without certificates."""


class Standing(Enum):
    """What the file says of a key that a host has shown."""

    KNOWN = auto()
    UNKNOWN = auto()
    CHANGED = auto()
    REVOKED = auto()


@dataclass(frozen=True)
class Pin:
    """One key of the file that belongs to a host; `line` counts from 1."""

    key: asyncssh.SSHKey
    line: int
    revoked: bool


@dataclass(frozen=True)
class Pins:
    """What the file holds for one host."""

    path: Path
    pins: tuple[Pin, ...]

    def standing(self, key: asyncssh.SSHKey) -> Standing:
        """Whether this is the host's key. A key of another type than the pinned is a change."""
        if any(pin.revoked and pin.key == key for pin in self.pins):
            return Standing.REVOKED
        trusted = [pin for pin in self.pins if not pin.revoked]
        if any(pin.key == key for pin in trusted):
            return Standing.KNOWN
        return Standing.CHANGED if trusted else Standing.UNKNOWN

    @property
    def modern(self) -> bool:
        """Whether the host is known by a key of the best kind."""
        best = ALGORITHMS[0].encode()
        return any(pin.key.algorithm == best for pin in self.pins if not pin.revoked)

    def algorithms(self) -> list[str]:
        """What to offer: the pinned keys' algorithms first, so that the host shows that key."""
        pinned = {
            algorithm.decode()
            for pin in self.pins
            if not pin.revoked
            for algorithm in pin.key.sig_algorithms
        }
        return sorted(ALGORITHMS, key=lambda algorithm: algorithm not in pinned)

    def changed(self, host: str, shown: asyncssh.SSHKey) -> HostKeyChanged:
        """The error for a key that is not the pinned one, or that the file revokes."""
        if self.standing(shown) is Standing.REVOKED:
            line = next(pin.line for pin in self.pins if pin.revoked and pin.key == shown)
            return HostKeyChanged(
                f"{host}: its host key {fingerprint(shown)} is revoked by {self.path}:{line}; "
                "do not log in: whoever holds that key can pose as the host"
            )
        trusted = [pin for pin in self.pins if not pin.revoked]
        pinned = ", ".join(dict.fromkeys(fingerprint(pin.key) for pin in trusted))
        places = ", ".join(dict.fromkeys(f"{self.path}:{pin.line}" for pin in trusted))
        return HostKeyChanged(
            f"{host}: the host key has changed from {pinned} to {fingerprint(shown)}: if the host "
            f"was reinstalled, remove {places}; if not, somebody is in between: do not log in"
        )


class KnownHosts:
    """The file of pinned host keys, shared by every run for one site.

    It is 0600 in a 0700 folder; each change takes a lock and replaces the file as a whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def pins(self, host: str, addresses: Sequence[str], port: int = SSH_PORT) -> Pins:
        """What is pinned for a host: by its name, or by its addresses where the name has nothing.

        Raises SessionError where the file cannot be read or others may write to it.
        """
        lines = self._lines()
        named = self._matching(lines, host, port)
        if any(not pin.revoked for pin in named):
            return Pins(self.path, named)
        addressed = [pin for address in addresses for pin in self._matching(lines, address, port)]
        return Pins(self.path, (*named, *addressed))

    def add(self, host: str, address: str, port: int, key: asyncssh.SSHKey) -> None:
        """Pin an accepted key under the host's name and address.

        Raises HostKeyChanged where another run has pinned a different key in the meantime.
        """
        with self._changing():
            pins = self.pins(host, [address], port)
            if pins.standing(key) is Standing.KNOWN:
                return
            if pins.standing(key) is not Standing.UNKNOWN:
                raise pins.changed(host, key)
            self._append(host, address, port, key)

    def learn(self, host: str, address: str, port: int, key: asyncssh.SSHKey) -> None:
        """Pin a further key that a known host has proven; one that the file revokes is not."""
        with self._changing():
            standing = self.pins(host, [address], port).standing(key)
            if standing not in (Standing.KNOWN, Standing.REVOKED):
                self._append(host, address, port, key)

    def _append(self, host: str, address: str, port: int, key: asyncssh.SSHKey) -> None:
        names = ",".join(dict.fromkeys(_form(name, port) for name in (host, address)))
        line = f"{names} {key.export_public_key('openssh').decode().strip()}\n"
        self._replace("".join(f"{each}\n" for each in self._lines()) + line)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        try:
            with self._locked():
                yield
        except OSError as error:
            raise SessionError(
                f"{self.path}: the host key cannot be kept: {error.strerror}; mend the folder"
            ) from error

    def _lines(self) -> list[str]:
        try:
            with self.path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o022:
                    raise SessionError(
                        f"{self.path}: others may write to it, so it vouches for nothing; "
                        f"look through it, then: chmod 600 {self.path}"
                    )
                content = file.read(LARGEST_FILE)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise SessionError(
                f"{self.path}: it cannot be read: {error.strerror}; mend its owner and mode"
            ) from error
        return content.decode("utf-8", "surrogateescape").splitlines()

    def _matching(self, lines: Sequence[str], name: str, port: int) -> tuple[Pin, ...]:
        found = []
        for number, line in enumerate(lines, 1):
            try:
                known = asyncssh.import_known_hosts(line)
            except ValueError as error:
                raise SessionError(
                    f"{self.path}:{number}: this is no known_hosts line; mend or remove it"
                ) from error
            keys, _, revoked, *_ = known.match(_form(name, port), "", None)
            found += [Pin(key, number, revoked=False) for key in keys]
            found += [Pin(key, number, revoked=True) for key in revoked]
        return tuple(found)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = self.path.with_name(self.path.name + ".lock")
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _replace(self, content: str) -> None:
        new = self.path.with_name(self.path.name + ".new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(new, flags, 0o600), "wb") as file:
            file.write(content.encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)


def fingerprint(key: asyncssh.SSHKey) -> str:
    """Type and SHA-256 fingerprint, as `ssh-keygen -l` shows it: `ssh-ed25519 SHA256:…`."""
    return f"{key.get_algorithm()} {key.get_fingerprint('sha256')}"


def _form(name: str, port: int) -> str:
    return name if port == SSH_PORT else f"[{name}]:{port}"
