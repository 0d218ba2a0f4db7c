"""Questions to the person at the terminal, one at a time; Ctrl-C ends any of them at once.

A thread that waits for a line cannot be interrupted, so the terminal is watched instead.
"""

from __future__ import annotations

import asyncio
import io
import sys
import termios
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from holdfast.servers.each_host import Clocks

_LOCAL_FLAGS = 3  # of what tcgetattr returns: termios(3), c_lflag


class Asking:
    """Held while a question is open: no other is asked then, and no host's time runs."""

    def __init__(self) -> None:
        self.clocks = Clocks()
        self._one = asyncio.Lock()
        self._open = ExitStack()

    async def __aenter__(self) -> None:
        await self._one.acquire()
        self._open.enter_context(self.clocks.paused())

    async def __aexit__(self, *error: object) -> None:
        self._open.close()
        self._one.release()


async def typed(question: str) -> str:
    """Ask on stderr: what a program reads from stdout holds no question."""
    print(question, end="", file=sys.stderr, flush=True)
    with suppress(io.UnsupportedOperation):  # what is no file has its lines at once
        await _readable(sys.stdin.fileno())
    return sys.stdin.readline()


async def typed_unseen(question: str) -> str:
    """Ask for a secret, which the terminal does not show."""
    try:
        with _unseen(sys.stdin.fileno()):
            return (await typed(question)).rstrip("\n")
    finally:
        print(file=sys.stderr)


async def _readable(file: int) -> None:
    loop = asyncio.get_running_loop()
    line = asyncio.Event()
    loop.add_reader(file, line.set)
    try:
        await line.wait()
    finally:
        loop.remove_reader(file)


@contextmanager
def _unseen(file: int) -> Iterator[None]:
    before = termios.tcgetattr(file)
    unseen = list(before)
    unseen[_LOCAL_FLAGS] &= ~termios.ECHO
    termios.tcsetattr(file, termios.TCSAFLUSH, unseen)
    try:
        yield
    finally:
        termios.tcsetattr(file, termios.TCSAFLUSH, before)
