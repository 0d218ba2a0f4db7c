"""What a login manages to do on a server, tried by asyncssh."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import asyncssh
from logins import Credentials, Target

from holdfast.servers.access import MATRIX, Right
from holdfast.servers.attack import Login

RAN = "ran-42"
RUN = "echo ran-$((6*7))"  # the answer is not in the question
WITHIN_S = 20.0


@dataclass(frozen=True)
class Seen:
    """How a login ended, and what it managed to do, by attempt."""

    login: Login
    done: Mapping[str, bool]


@dataclass
class Trying:
    """One open login that tries things, one after the other."""

    connection: asyncssh.SSHClientConnection
    target: Target
    who: Credentials

    async def prints(self, command: str | None, text: str = "", **options: str) -> str:
        """Run a command, or a shell that reads `text`; return what it prints.

        A server needs a moment to forget a session that it has refused; until then it opens none.
        """
        deadline = time.monotonic() + WITHIN_S
        while True:
            try:
                process = await self.connection.create_process(command, **options)
                with contextlib.suppress(BrokenPipeError):  # it need not read what it is given
                    process.stdin.write(text)
                    process.stdin.write_eof()
                return str((await process.wait()).stdout)
            except asyncssh.ChannelOpenError:
                if options or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.02)


async def _command(trying: Trying) -> bool:
    return RAN in await trying.prints(RUN)


async def _shell(trying: Trying) -> bool:
    return RAN in await trying.prints(None, f"{RUN}\nexit\n")


async def _terminal(trying: Trying) -> bool:
    return "/dev/pts/" in await trying.prints("tty", term_type="xterm")


async def _files(trying: Trying) -> bool:
    async with trying.connection.start_sftp_client() as sftp:
        return "etc" in await sftp.listdir("/")


async def _sudo(trying: Trying) -> bool:
    said = await trying.prints("sudo -k -S -p '' id -u", f"{trying.who.sudo}\n")
    return said.strip() == "0"


async def _others_data(trying: Trying) -> bool:
    return "somebody's row" in await trying.prints("cat /srv/objects/one")


async def _own_keys(trying: Trying) -> bool:
    change = "echo '# changed' >>.ssh/authorized_keys && tail -n 1 .ssh/authorized_keys"
    return "# changed" in await trying.prints(change)


async def _agent(trying: Trying) -> bool:
    """The programs of the forced commands print these two as well."""
    said = await trying.prints('echo "agent=${SSH_AUTH_SOCK:-none} tty"')
    return "agent=/" in said


async def _environment(trying: Trying) -> bool:
    said = await trying.connection.run('echo "probe=${LC_PROBE:-none}"', env={"LC_PROBE": "let-in"})
    return "probe=let-in" in str(said.stdout)


async def _next_hop(trying: Trying) -> bool:
    reader, writer = await trying.connection.open_connection(trying.target.beyond, 22)
    with contextlib.closing(writer):
        return bytes(await reader.read(4)) == b"SSH-"


async def _local_forward(trying: Trying) -> bool:
    reader, writer = await trying.connection.open_connection("127.0.0.1", 22)
    with contextlib.closing(writer):
        return bytes(await reader.read(4)) == b"SSH-"


async def _socks_forward(trying: Trying) -> bool:
    """As `ssh -D` does: SOCKS on this side, any destination on the other (RFC 1928)."""
    async with trying.connection.forward_socks("127.0.0.1", 0) as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.get_port())
        with contextlib.closing(writer):
            writer.write(b"\x05\x01\x00")
            await reader.readexactly(2)
            writer.write(b"\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x16")
            said = await reader.read(10)
            return said[:2] == b"\x05\x00" and (await reader.read(4)) == b"SSH-"


async def _socket_forward(trying: Trying) -> bool:
    path = "/run/dbus/system_bus_socket"
    _, writer = await trying.connection.open_unix_connection(path)
    writer.close()
    return True


async def _remote_forward(trying: Trying) -> bool:
    listener = await trying.connection.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 9)
    listener.close()
    return True


async def _remote_socket(trying: Trying) -> bool:
    path = f"/tmp/{trying.who.user}-{time.monotonic_ns()}"
    listener = await trying.connection.forward_remote_path(path, "/nonexistent")
    listener.close()
    return True


def _program(path: str) -> Callable[[Trying], Awaitable[bool]]:
    async def attempt(trying: Trying) -> bool:
        return f"program={path}" in await trying.prints(path)

    return attempt


AGENT = "have an agent forwarded"
ENVIRONMENT = "set the environment"
SUDO = "become root"
LISTENING = ("listen on the host", "listen on a socket of the host")
PROGRAMS = {row.account: row.command for row in MATRIX if row.command}
SHELL = frozenset({Right.SHELL})


class Attempt(NamedTuple):
    """Something to try, and the rights of which one is enough for it."""

    succeeds: Callable[[Trying], Awaitable[bool]]
    rights: frozenset[Right] = frozenset()


ATTEMPTS: Mapping[str, Attempt] = {
    "run a command": Attempt(_command, SHELL),
    "get a shell": Attempt(_shell, SHELL),
    "get at files": Attempt(_files, SHELL),
    "read another row's data": Attempt(_others_data, SHELL),
    "change its own keys": Attempt(_own_keys, SHELL),
    SUDO: Attempt(_sudo, frozenset({Right.SUDO})),
    **{
        f"use the program of {row.account}": Attempt(
            _program(row.command), (row.may - {Right.JUMP}) | SHELL
        )
        for row in MATRIX
        if row.command
    },
    "reach the next host's port 22": Attempt(_next_hop, frozenset({Right.JUMP})),
    ENVIRONMENT: Attempt(_environment),
    AGENT: Attempt(_agent),
    "forward to any port": Attempt(_local_forward),
    "forward to anywhere by SOCKS": Attempt(_socks_forward),
    "forward to a socket": Attempt(_socket_forward),
    "get a terminal": Attempt(_terminal, SHELL),
    **dict(zip(LISTENING, (Attempt(_remote_forward), Attempt(_remote_socket)), strict=True)),
}

REFUSED = (
    asyncssh.ChannelOpenError,
    asyncssh.ChannelListenError,
    asyncssh.SFTPError,
    asyncssh.ProcessError,
)


async def tried(who: Credentials, target: Target) -> Seen:
    """Log in by asyncssh and try everything that this login could be used for."""
    dialled = await asyncio.to_thread(target.vantage.dial, target.address)
    if dialled is None:
        return Seen(Login.UNREACHED, {})
    try:
        connection = await _log_in(who, target, dialled)
    except asyncssh.PermissionDenied:
        return Seen(Login.REFUSED, {})
    except asyncssh.ConnectionLost:
        return Seen(Login.UNREACHED, {})
    done: dict[str, bool] = {}
    async with connection:
        trying = Trying(connection, target, who)
        for name, attempt in ATTEMPTS.items():
            if attempt.succeeds is not _next_hop or target.beyond:
                try:
                    done[name] = await asyncio.wait_for(attempt.succeeds(trying), WITHIN_S)
                except REFUSED:
                    done[name] = False
    return Seen(Login.ACCEPTED, done)


async def _log_in(
    who: Credentials, target: Target, dialled: socket.socket
) -> asyncssh.SSHClientConnection:
    return await asyncssh.connect(
        target.host.name,
        sock=dialled,
        host_key_alias=target.host.name,
        known_hosts=str(target.known_hosts),
        config=None,
        username=who.user,
        client_keys=[str(who.key)] if who.key else None,
        password=who.password,
        preferred_auth=["publickey"] if who.key else ["password", "keyboard-interactive"],
        agent_path=None,
        agent_forwarding="/nonexistent",
        login_timeout=WITHIN_S,
    )
