"""Processes on a host and on this machine, with the same three streams."""

from __future__ import annotations

import asyncio
import asyncio.subprocess
import contextlib
import shlex
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import asyncssh

from holdfast.servers.hand_streams import CLOSE_S, Streams
from holdfast.servers.session_errors import HandLost, SessionError, quoted

CHUNK = 65536  # bytes
LARGEST_OUTPUT = 4 * 1024 * 1024  # bytes of each stream of a command


@dataclass(frozen=True)
class Completed:
    """What a command left: `status` is None where a signal ended it."""

    status: int | None
    stdout: bytes
    stderr: bytes


class SshStreams:
    """A process on a host, at the other end of an SSH channel."""

    def __init__(self, process: asyncssh.SSHClientProcess[bytes]) -> None:
        self._process = process

    async def send(self, data: bytes) -> None:
        with _as_os_error():
            self._process.stdin.write(data)
            await self._process.stdin.drain()

    def send_eof(self) -> None:
        with _as_os_error():
            self._process.stdin.write_eof()

    async def read_output(self) -> bytes:
        with _as_os_error():
            return await self._process.stdout.read(CHUNK)

    async def read_errors(self) -> bytes:
        with _as_os_error():
            return await self._process.stderr.read(CHUNK)

    async def exit_status(self) -> int | None:
        await self._process.wait_closed()
        return self._process.exit_status

    async def kill(self) -> None:
        """Close the channel. What ignores that lives on, on the host, and is not waited for."""
        self._process.close()


class LocalStreams:
    """A process on this machine."""

    def __init__(
        self, transport: asyncio.SubprocessTransport, process: asyncio.subprocess.Process
    ) -> None:
        self._transport = transport
        self._process = process

    @classmethod
    async def start(cls, argv: Sequence[str]) -> Self:
        """Raises OSError where the program cannot be started."""
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.subprocess_exec(
            lambda: asyncio.subprocess.SubprocessStreamProtocol(CHUNK, loop),
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        return cls(transport, asyncio.subprocess.Process(transport, protocol, loop))

    async def send(self, data: bytes) -> None:
        if (stdin := self._process.stdin) is not None:
            stdin.write(data)
            await stdin.drain()

    def send_eof(self) -> None:
        if (stdin := self._process.stdin) is not None:
            stdin.close()

    async def read_output(self) -> bytes:
        return await _read(self._process.stdout)

    async def read_errors(self) -> bytes:
        return await _read(self._process.stderr)

    async def exit_status(self) -> int | None:
        status = await self._process.wait()
        return status if status >= 0 else None

    async def kill(self) -> None:
        with contextlib.suppress(PermissionError):  # sudo is root's; the end of its input ends it
            self._transport.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._process.wait()


async def completed(
    host: str, streams: Streams, argv: Sequence[str], input: bytes | None, timeout_s: float
) -> Completed:
    """Feed a running command and wait for its end. Raises HandLost, or SessionError."""
    what = f"{host}: {quoted(shlex.join(argv))}"
    try:
        async with asyncio.timeout(timeout_s):
            async with asyncio.TaskGroup() as group:
                output = group.create_task(_all(streams.read_output, what))
                errors = group.create_task(_all(streams.read_errors, what))
                group.create_task(_feed(streams, input))
            status = await streams.exit_status()
        return Completed(status, output.result(), errors.result())
    except TimeoutError:
        raise HandLost(f"{what} did not end within {timeout_s:g} s; see what holds it") from None
    except ExceptionGroup as several:
        first = several.exceptions[0]
        if isinstance(first, OSError):
            raise HandLost(f"{what}: the connection broke; log in again") from first
        raise first from None
    finally:
        await streams.kill()


async def _feed(streams: Streams, data: bytes | None) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may not read its input
        if data:
            await streams.send(data)
        streams.send_eof()


async def _all(read: Callable[[], Awaitable[bytes]], what: str) -> bytes:
    whole = bytearray()
    while chunk := await read():
        whole += chunk
        if len(whole) > LARGEST_OUTPUT:
            raise SessionError(f"{what} printed more than {LARGEST_OUTPUT} bytes; look at it there")
    return bytes(whole)


async def _read(stream: asyncio.StreamReader | None) -> bytes:
    return await stream.read(CHUNK) if stream is not None else b""


@contextmanager
def _as_os_error() -> Iterator[None]:
    try:
        yield
    except asyncssh.Error as error:
        raise ConnectionResetError(str(error)) from error
