"""Which TCP ports answer, seen from this host."""

from __future__ import annotations

import errno
import os
import resource
import selectors
import socket
import time
from typing import Any, Callable, Dict, List, Optional, Tuple, cast

from .failed import Failed

MOST_TARGETS = 4096
MOST_AT_ONCE = 4096
OTHER_FILES = 64  # descriptors left for everything else
LONGEST_TIMEOUT_S = 30.0

Target = Tuple[str, int]
Progress = Callable[[Dict[str, Any]], None]


def probe(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Connect to every [address, port] of `targets` and say what became of it.

    Addresses are IPv4 or IPv6 literals: a name would be resolved by this host's own resolver.
    Each connection has `timeout_s` seconds. Returns `results`, in the order asked, of [address,
    port, outcome]: `open`, `refused`, `silent` (no answer in time) or `error: ` and the reason.
    """
    targets, timeout_s = _asked(request)
    outcomes = _Connections(timeout_s).outcomes(targets)
    return {"results": [[*target, outcomes[target]] for target in targets]}


def _asked(request: dict[str, Any]) -> tuple[list[Target], float]:
    timeout_s = request.get("timeout_s", 1.0)
    if not isinstance(timeout_s, (int, float)) or not 0 < timeout_s <= LONGEST_TIMEOUT_S:
        raise Failed(f"timeout_s is not between 0 and {LONGEST_TIMEOUT_S:.0f}", "request")
    targets = request.get("targets")
    if not isinstance(targets, list) or len(targets) > MOST_TARGETS:
        raise Failed(f"targets is not a list of at most {MOST_TARGETS}", "request")
    return [_target(each) for each in targets], float(timeout_s)


def _target(value: object) -> Target:
    if isinstance(value, list) and len(value) == 2:
        address, port = value
        if isinstance(address, str) and type(port) is int and 0 < port < 65536:
            return address, port
    raise Failed("a target is not [address, port]", "request")


class _Connections:
    """Connection attempts under way, as many as this process may have descriptors."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._at_once = _room()
        self._selector = selectors.DefaultSelector()
        self._deadlines: Dict[socket.socket, Tuple[float, Target]] = {}
        self._outcomes: Dict[Target, str] = {}

    def outcomes(self, targets: List[Target]) -> Dict[Target, str]:
        waiting = list(dict.fromkeys(targets))
        waiting.reverse()
        try:
            while waiting or self._deadlines:
                while waiting and len(self._deadlines) < self._at_once:
                    self._begin(waiting.pop())
                self._await_some()
        finally:
            for connection in list(self._deadlines):
                self._end(connection, "silent")
            self._selector.close()
        return self._outcomes

    def _begin(self, target: Target) -> None:
        connection: Optional[socket.socket] = None
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                *target, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
            )[0]
            connection = socket.socket(family, kind, protocol)
            connection.setblocking(False)
            code = connection.connect_ex(address)
        except (OSError, ValueError) as error:
            if connection is not None:
                connection.close()
            reason = error.strerror if isinstance(error, OSError) else "this is no address"
            self._outcomes[target] = f"error: {reason}"
            return
        self._deadlines[connection] = (time.monotonic() + self._timeout_s, target)
        self._selector.register(connection, selectors.EVENT_WRITE)
        if code != errno.EINPROGRESS:
            self._end(connection, _outcome(code))

    def _await_some(self) -> None:
        if not self._deadlines:
            return
        # Attempts begin in order and all have the same time, so the first one ends first.
        first = next(iter(self._deadlines.values()))[0]
        for key, _ in self._selector.select(max(0.0, first - time.monotonic())):
            connection = cast(socket.socket, key.fileobj)
            code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._end(connection, _outcome(code))
        now = time.monotonic()
        for connection, (deadline, _) in list(self._deadlines.items()):
            if deadline > now:
                break
            self._end(connection, "silent")

    def _end(self, connection: socket.socket, outcome: str) -> None:
        _, target = self._deadlines.pop(connection)
        self._selector.unregister(connection)
        connection.close()
        self._outcomes[target] = outcome


def _room() -> int:
    """Return how many connections may be open at once, after asking for as many as allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_AT_ONCE + OTHER_FILES
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(soft - OTHER_FILES, MOST_AT_ONCE))


def _outcome(code: int) -> str:
    if code == 0:
        return "open"
    if code == errno.ECONNREFUSED:
        return "refused"
    if code == errno.ETIMEDOUT:
        return "silent"
    return f"error: {os.strerror(code)}"
