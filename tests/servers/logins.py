"""A login as anybody, from anywhere: whence it comes, with what, and OpenSSH's client for it.

Every client runs on this machine; the TCP connection starts at the vantage, so that the server
sees the vantage's address.
"""

from __future__ import annotations

import shlex
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.lab import Host

DIAL = """\
import socket, sys
try:
    there = socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)
except OSError:
    sys.exit(1)
there.settimeout(None)
socket.send_fds(socket.socket(fileno=1), [b"x"], [there.fileno()])
"""


@dataclass(frozen=True)
class Vantage:
    """Where a connection starts, None being this machine, and the source that the server sees."""

    name: str
    host: Host | None
    source: str

    def dialling(self, address: str, port: int = 22) -> list[str]:
        """The command that connects from here and hands the connection over on its stdout."""
        python = [sys.executable, "-c", DIAL, address, str(port)]
        return python if self.host is None else self.host.enter(["python3", *python[1:]])

    def dial(self, address: str, port: int = 22) -> socket.socket | None:
        """Return a connection that starts here, None where none came about."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            done = subprocess.run(self.dialling(address, port), stdout=theirs.fileno(), check=False)
            if done.returncode != 0:
                return None
            _, (number, *_), _, _ = socket.recv_fds(ours, 1, 1)
            return socket.socket(fileno=number)


@dataclass(frozen=True)
class Target:
    """The server to log in to, by the address that this vantage uses; `beyond` is its next hop."""

    host: Host
    address: str
    vantage: Vantage
    known_hosts: Path
    beyond: str = ""


@dataclass(frozen=True)
class Credentials:
    """Who logs in, with what: a key or a password, never both."""

    user: str
    key: Path | None
    password: str | None = field(default=None, repr=False)
    sudo: str = field(default="", repr=False)


def through(jump: list[str]) -> list[str]:
    """The option that has OpenSSH's client connect by way of another one, which runs `jump`."""
    return ["-o", f"ProxyCommand={shlex.join(jump).replace('%', '%%')}"]


def openssh(
    who: Credentials, target: Target, *argv: str, options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run OpenSSH's client with one key and nothing else; status 255 is its own."""
    return subprocess.run(
        ["ssh", *openssh_options(who, target), *options, f"{who.user}@{target.host.name}", *argv],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        encoding="utf-8",
        errors="replace",
        timeout=60,
        check=False,
    )


def openssh_options(who: Credentials, target: Target) -> list[str]:
    return [
        *trusting(who, target),
        *("-o", f"ProxyCommand={shlex.join(target.vantage.dialling(target.address))}"),
        *("-o", "ProxyUseFdpass=yes"),
    ]


def trusting(who: Credentials, target: Target) -> list[str]:
    """One key, and the server's own: how to get there is not among these options."""
    return [
        "-F/dev/null",
        *("-i", str(who.key)),
        *("-o", "IdentitiesOnly=yes"),
        *("-o", "BatchMode=yes"),
        *("-o", f"UserKnownHostsFile={target.known_hosts}"),
        *("-o", f"HostKeyAlias={target.host.name}"),
    ]
