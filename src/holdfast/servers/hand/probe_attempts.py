"""Many attempts to reach a port at once, each with the same time, in one selector."""

from __future__ import annotations

import errno
import os
import resource
import selectors
import socket
import time
from abc import ABC, abstractmethod
from typing import Any, Dict, List, Optional, Tuple, cast

MOST_AT_ONCE = 4096
OTHER_FILES = 64  # descriptors left for everything else

Target = Tuple[str, int]


class Attempts(ABC):
    """Attempts under way, as many as this process may have descriptors."""

    kind: socket.SocketKind
    awaits: int  # the selector's event that brings the answer

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._at_once = _room()
        self._selector = selectors.DefaultSelector()
        self._deadlines: Dict[socket.socket, Tuple[float, Target]] = {}
        self._outcomes: Dict[Target, str] = {}

    @abstractmethod
    def start(self, attempt: socket.socket, address: Any, port: int) -> Optional[str]:
        """Send what asks for an answer; return the outcome if it is known at once."""

    @abstractmethod
    def answer(self, attempt: socket.socket, target: Target) -> Optional[str]:
        """Return the outcome that a ready socket tells, None where it tells nothing yet."""

    def outcomes(self, targets: List[Target]) -> Dict[Target, str]:
        """Try every target and return how each ended."""
        waiting = list(dict.fromkeys(targets))
        waiting.reverse()
        try:
            while waiting or self._deadlines:
                while waiting and len(self._deadlines) < self._at_once:
                    self._begin(waiting.pop())
                self._await_some()
        finally:
            for attempt in list(self._deadlines):
                self._end(attempt, "silent")
            self._selector.close()
        return self._outcomes

    def _begin(self, target: Target) -> None:
        attempt: Optional[socket.socket] = None
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                *target, type=self.kind, flags=socket.AI_NUMERICHOST
            )[0]
            attempt = socket.socket(family, kind, protocol)
            attempt.setblocking(False)
            known = self.start(attempt, address, target[1])
        except (OSError, ValueError) as error:
            if attempt is not None:
                attempt.close()
            reason = error.strerror if isinstance(error, OSError) else "this is no address"
            self._outcomes[target] = f"error: {reason}"
            return
        self._deadlines[attempt] = (time.monotonic() + self._timeout_s, target)
        self._selector.register(attempt, self.awaits)
        if known is not None:
            self._end(attempt, known)

    def _await_some(self) -> None:
        if not self._deadlines:
            return
        # Attempts begin in order and all have the same time, so the first one ends first.
        first = next(iter(self._deadlines.values()))[0]
        for key, _ in self._selector.select(max(0.0, first - time.monotonic())):
            attempt = cast(socket.socket, key.fileobj)
            outcome = self.answer(attempt, self._deadlines[attempt][1])
            if outcome is not None:
                self._end(attempt, outcome)
        now = time.monotonic()
        for attempt, (deadline, _) in list(self._deadlines.items()):
            if deadline > now:
                break
            self._end(attempt, "silent")

    def _end(self, attempt: socket.socket, outcome: str) -> None:
        _, target = self._deadlines.pop(attempt)
        self._selector.unregister(attempt)
        attempt.close()
        self._outcomes[target] = outcome


class TcpAttempts(Attempts):
    """Connections: `open` once the other side has taken one."""

    kind = socket.SOCK_STREAM
    awaits = selectors.EVENT_WRITE

    def start(self, attempt: socket.socket, address: Any, port: int) -> Optional[str]:
        code = attempt.connect_ex(address)
        return None if code == errno.EINPROGRESS else outcome_of(code)

    def answer(self, attempt: socket.socket, target: Target) -> Optional[str]:
        return outcome_of(attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))


def outcome_of(code: int) -> str:
    """Return the word for an error of a socket, 0 being none."""
    if code == 0:
        return "open"
    if code == errno.ECONNREFUSED:
        return "refused"
    if code == errno.ETIMEDOUT:
        return "silent"
    return f"error: {os.strerror(code)}"


def _room() -> int:
    """Return how many sockets may be open at once, after asking for as many as allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_AT_ONCE + OTHER_FILES
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(soft - OTHER_FILES, MOST_AT_ONCE))
