"""SSH servers in this process: what they let in, and what they heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncssh

from holdfast.servers.processes import LocalStreams
from holdfast.servers.route import Route

HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")
KEY = asyncssh.generate_private_key("ssh-ed25519")


@dataclass
class Door(asyncssh.SSHServer):
    """What a server lets in: keys, a password, or answers to its prompts."""

    keys: tuple[asyncssh.SSHKey, ...] = (KEY,)
    password: str | None = None
    prompts: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    heard: list[str] = field(default_factory=list)
    destinations: list[tuple[str, int]] = field(default_factory=list)
    connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.connections.append(conn)

    def public_key_auth_supported(self) -> bool:
        return bool(self.keys)

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        self.heard.append(key.get_fingerprint())
        return key in [each.convert_to_public() for each in self.keys]

    def password_auth_supported(self) -> bool:
        return self.password is not None

    def validate_password(self, username: str, password: str) -> bool:
        self.heard.append(password)
        return password == self.password

    def kbdint_auth_supported(self) -> bool:
        return bool(self.prompts)

    def get_kbdint_challenge(
        self, username: str, lang: str, submethods: str
    ) -> tuple[str, str, str, Sequence[tuple[str, bool]]]:
        return "", "", "", [(prompt, False) for prompt in self.prompts]

    def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> bool:
        self.heard += responses
        return tuple(responses) == self.answers

    def connection_requested(self, dest_host: str, dest_port: int, *_: Any) -> bool:
        self.destinations.append((dest_host, dest_port))
        return True


def runs_commands(started: list[LocalStreams]) -> Callable[..., Coroutine[Any, Any, None]]:
    """What a server does with a command: it runs it on this machine, with this user's rights."""

    async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
        command = await LocalStreams.start(["sh", "-c", process.command or "exit 99"])
        started.append(command)

        async def feed() -> None:
            while data := await process.stdin.read(65536):
                await command.send(data)
            command.send_eof()

        async def pass_on(read: Callable[[], Any], sink: asyncssh.SSHWriter[bytes]) -> None:
            while data := await read():
                sink.write(data)
                await sink.drain()

        fed = asyncio.create_task(feed())
        await asyncio.gather(
            pass_on(command.read_output, process.stdout),
            pass_on(command.read_errors, process.stderr),
            return_exceptions=True,
        )
        process.exit(await command.exit_status() or 0)
        fed.cancel()

    return run


@asynccontextmanager
async def server(
    door: Door, host_keys: Sequence[asyncssh.SSHKey] = (HOST_KEY,), address: str = "127.0.0.1"
) -> AsyncIterator[Route]:
    started: list[LocalStreams] = []
    listening = await asyncssh.create_server(
        lambda: door,
        address,
        0,
        server_host_keys=list(host_keys),
        process_factory=runs_commands(started),
        encoding=None,
        gss_host=None,
    )
    try:
        async with listening:
            yield Route("app", (address,), "alice", port=listening.get_port())
    finally:
        for command in started:
            await command.kill()
