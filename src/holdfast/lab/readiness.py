"""When a booted host counts as up: it has its addresses, lets people log in, and SSH answers.

The host is watched from outside, through /proc, until it listens, and only then is connected to
once: an early packet would cost a second of address resolution, and each connection without a login
counts against its source in a recent sshd.
"""

import ipaddress
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from holdfast.lab.errors import LabError

_PAUSE_S = 0.01
_SSH_PORT = 22
_LISTEN = "0A"  # TCP_LISTEN, include/net/tcp_states.h


def wait(name: str, pid: Callable[[], int], addresses: Sequence[str], within_s: float) -> None:
    """Wait for the host whose process 1 is `pid()`; SSH is asked at the first of `addresses`."""
    deadline = time.monotonic() + within_s
    doubt = "it did not start"
    while time.monotonic() < deadline:
        doubt = _doubt(Path(f"/proc/{pid()}"), addresses)
        if not doubt and not (doubt := _ssh_doubt(addresses[0])):
            return
        time.sleep(_PAUSE_S)
    raise LabError(
        f"{name} is not ready after {within_s:g} s: {doubt}; look with `holdfast lab shell`"
    )


def _doubt(process: Path, addresses: Sequence[str]) -> str:
    """What the host still lacks; nothing when it is ready to be connected to."""
    try:
        held = _addresses(process)
        listening = _listens(process)
    except OSError:
        return "its first process is gone"
    for address in addresses:
        if ipaddress.ip_address(address) not in held:
            return f"it has not taken the address {address}"
    if not listening:
        return "sshd does not listen on port 22"
    if (process / "root/run/nologin").exists():
        return "it does not let people log in yet"
    return ""


def _addresses(process: Path) -> set[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The local addresses of the process's network (proc(5): net/fib_trie, net/if_inet6)."""
    held: set[ipaddress.IPv4Address | ipaddress.IPv6Address] = set()
    leaf = ""
    for line in (process / "net/fib_trie").read_text().splitlines():
        words = line.split()
        if words[0] == "|--":
            leaf = words[1]
        elif words[0] == "/32" and "LOCAL" in words:
            held.add(ipaddress.IPv4Address(leaf))
    for line in (process / "net/if_inet6").read_text().splitlines():
        held.add(ipaddress.IPv6Address(bytes.fromhex(line.split()[0])))
    return held


def _listens(process: Path) -> bool:
    for table in ("net/tcp", "net/tcp6"):
        for line in (process / table).read_text().splitlines()[1:]:
            local, _, state = line.split()[1:4]
            if state == _LISTEN and int(local.rpartition(":")[2], 16) == _SSH_PORT:
                return True
    return False


def _ssh_doubt(address: str) -> str:
    try:
        with socket.create_connection((address, _SSH_PORT), timeout=2.0) as connection:
            greeting = connection.recv(64)
    except OSError as error:
        return f"SSH at {address}: {error}"
    return "" if greeting.startswith(b"SSH-2.0-") else f"SSH at {address} does not greet"
