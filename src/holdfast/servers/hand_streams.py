"""The three streams of a hand's process, wherever it runs: lines out, lines in, errors watched."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from holdfast.servers.session_errors import quoted

CLOSE_S = 5.0
ERROR_TAIL = 8192  # bytes of stderr that are kept

Message = dict[str, Any]
Read = Callable[[], Awaitable[bytes]]


class Streams(Protocol):
    """A running process, here or on a host. A read gives b"" at the end; a break is an OSError."""

    async def send(self, data: bytes) -> None: ...
    def send_eof(self) -> None: ...
    async def read_output(self) -> bytes: ...
    async def read_errors(self) -> bytes: ...
    async def exit_status(self) -> int | None: ...
    async def kill(self) -> None: ...


class Broken(Exception):
    """The stream ended, or what it brought cannot be an answer; the message says which."""


class Ended(Broken):
    """The stream ended between two lines."""


class Conversation:
    """JSON lines with a process. Its standard error is read all the time: it must not block."""

    def __init__(self, streams: Streams) -> None:
        self.errors = Errors(streams.read_errors)
        self._streams = streams
        self._lines = Lines(streams.read_output)

    async def send(self, data: bytes) -> None:
        """Raises Broken where the connection does."""
        try:
            await self._streams.send(data)
        except OSError as error:
            raise Broken("the connection broke") from error

    async def line(self, limit: int) -> bytes:
        """The next line, of at most `limit` bytes. Raises Broken."""
        return await self._lines.next(limit)

    def send_eof(self) -> None:
        with contextlib.suppress(OSError):
            self._streams.send_eof()

    async def exit_status(self) -> int | None:
        """The process's status once it has ended; None where it is unknown or takes too long."""
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(CLOSE_S):
                return await self._streams.exit_status()
        return None

    async def close(self) -> None:
        """Close the process's input, wait for it, and kill it if it stays."""
        self.send_eof()
        await self.exit_status()
        await self.abandon()

    async def abandon(self) -> None:
        """End the process without waiting for what it would still say."""
        self.send_eof()
        await self._streams.kill()
        await self.errors.stop()


class Lines:
    """Whole lines of a stream, each with an upper bound."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._buffer = bytearray()

    async def next(self, limit: int) -> bytes:
        searched = 0
        while True:
            end = self._buffer.find(b"\n", searched, limit)
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                return line
            if len(self._buffer) >= limit:
                raise Broken(f"a line of more than {limit} bytes came")
            searched = len(self._buffer)
            try:
                chunk = await self._read()
            except OSError as error:
                raise Ended("the connection broke") from error
            if not chunk and self._buffer:
                raise Broken(f"it ended after {quoted(bytes(self._buffer))!r}")
            if not chunk:
                raise Ended("it ended without an answer")
            self._buffer += chunk


class Errors:
    """The tail of a process's standard error, and a watch for words in it."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._tail = bytearray()
        self._searched = 0  # of the tail, up to where `until` has looked
        self._news = asyncio.Condition()
        self._task = asyncio.create_task(self._keep_reading())

    async def until(self, word: bytes) -> None:
        """Wait until the word appears after the last place where it was found."""
        async with self._news:
            while (at := self._tail.find(word, self._searched)) < 0:
                await self._news.wait()
            self._searched = at + len(word)

    def text(self) -> str:
        return self._tail.decode("utf-8", "backslashreplace")

    async def finished(self) -> None:
        """Wait a while for the end of the stream."""
        await asyncio.wait({self._task}, timeout=CLOSE_S)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _keep_reading(self) -> None:
        with contextlib.suppress(OSError):
            while chunk := await self._read():
                async with self._news:
                    self._tail += chunk
                    surplus = max(0, len(self._tail) - ERROR_TAIL)
                    del self._tail[:surplus]
                    self._searched = max(0, self._searched - surplus)
                    self._news.notify_all()


def message(line: bytes) -> Message:
    """The line as a JSON object. Raises Broken."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Broken(f"it said {quoted(line)!r}, which is no answer")
    return value
