"""One session per host: log in once, then run hands and commands over it.

`Session` goes over SSH, `LocalSession` stays on this machine; both lead to the same `Hand`.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import shlex
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncssh

from holdfast.servers.hand_channel import Hand
from holdfast.servers.hand_greeting import AskPassword, HandStart, greet
from holdfast.servers.hand_streams import CLOSE_S
from holdfast.servers.login import LoggedIn, Tunnel, log_in
from holdfast.servers.login_client import AddressFailed
from holdfast.servers.processes import Completed, LocalStreams, SshStreams, completed
from holdfast.servers.route import Challenge, Route, SessionOptions
from holdfast.servers.session_errors import HandLost, SessionError, Unreachable, quoted

__all__ = ["Challenge", "Completed", "LocalSession", "Route", "Session", "SessionOptions"]


class Session:
    """An open login on a host.

    `user` is who is logged in, `key_fingerprint` (`SHA256:…`) the key that was accepted, None for
    a password; `address` the one of the host's addresses that answered.
    """

    def __init__(self, route: Route, login: LoggedIn) -> None:
        self.host = route.host
        self.user = route.user
        self.address = login.address
        self.key_fingerprint = login.key_fingerprint
        self._connection = login.connection

    @classmethod
    @asynccontextmanager
    async def open(
        cls, route: Route, options: SessionOptions, *, through: Session | None = None
    ) -> AsyncIterator[Session]:
        """Log in, by way of `route.through` or of an open session on that host.

        Raises Unreachable, LoginRefused, HostKeyUnknown, HostKeyChanged, or SessionError where
        the SSH configuration, a key file or the pinned host keys cannot be used.
        """
        async with contextlib.AsyncExitStack() as stack:
            if route.through is not None and through is None:
                jump = replace(options, password=None)
                through = await stack.enter_async_context(cls.open(route.through, jump))
            tunnel = through._connection if through is not None else None
            login = await _log_in_somewhere(route, options, tunnel)
            stack.push_async_callback(_end, login.connection)
            yield cls(route, login)

    async def hand(
        self, sudo_password: AskPassword | None = None, *, privileged: bool = True
    ) -> Hand:
        """Start a hand: as root through sudo unless root is logged in; as the user where not
        `privileged`. `sudo_password` is called only if sudo asks.

        Raises SudoRefused, SudoLogsInput, NoPython or HandLost.
        """
        start = _start(root=self.user == "root", sudo=privileged)
        return await greet(self.host, await self.process(start.command), start, sudo_password)

    async def run(
        self, argv: Sequence[str], input: bytes | None = None, timeout_s: float = 30.0
    ) -> Completed:
        """Run one command; for what must be done before a hand can run.

        The user's login shell gets the arguments quoted. Raises HandLost where it takes too long
        or the connection breaks, SessionError where it prints more than LARGEST_OUTPUT.
        """
        return await completed(self.host, await self.process(argv), argv, input, timeout_s)

    def tunnel(self, address: str, port: int) -> Tunnel:
        """What asyncssh connects through to reach an address by way of this host."""
        return Tunnel(self._connection, address, port)

    async def process(self, argv: Sequence[str]) -> SshStreams:
        """Start a command and return its three streams. Raises HandLost."""
        try:
            process = await self._connection.create_process(shlex.join(argv), encoding=None)
        except (asyncssh.Error, OSError) as error:
            raise HandLost(
                f"{self.host}: the session cannot run commands: {quoted(str(error))}; "
                "see what the host allows this user, then log in again"
            ) from error
        return SshStreams(process)


class LocalSession:
    """This machine, without SSH: what `@local` stands for."""

    def __init__(self) -> None:
        self.host = "@local"
        self.user = getpass.getuser() if os.geteuid() else "root"
        self.key_fingerprint: str | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[LocalSession]:
        """There is nothing to log in to; this is for the same shape as Session."""
        yield cls()

    async def hand(
        self, sudo_password: AskPassword | None = None, *, privileged: bool = True
    ) -> Hand:
        """Start a hand: as root if root runs this or a sudo password can be asked for."""
        start = _start(root=self.user == "root", sudo=privileged and sudo_password is not None)
        return await greet(self.host, await self.process(start.command), start, sudo_password)

    async def run(
        self, argv: Sequence[str], input: bytes | None = None, timeout_s: float = 30.0
    ) -> Completed:
        """Run one command; see Session.run."""
        return await completed(self.host, await self.process(argv), argv, input, timeout_s)

    async def process(self, argv: Sequence[str]) -> LocalStreams:
        """Start a command and return its three streams. Raises SessionError."""
        try:
            return await LocalStreams.start(argv)
        except OSError as error:
            raise SessionError(
                f"{self.host}: {quoted(argv[0])} cannot be run: {error.strerror}; install it"
            ) from error


def _start(*, root: bool, sudo: bool) -> HandStart:
    return HandStart.through_sudo() if sudo and not root else HandStart.direct()


async def _log_in_somewhere(
    route: Route, options: SessionOptions, tunnel: asyncssh.SSHClientConnection | None
) -> LoggedIn:
    failures = []
    for address in route.addresses:
        try:
            return await log_in(route, address, options, tunnel)
        except AddressFailed as failure:
            failures.append(f"{address} port {route.port}: {failure}")
    raise Unreachable(
        f"{route.host}: unreachable: {'; '.join(failures) or 'it has no address'}; "
        "see that it runs and that a firewall lets SSH through"
    )


async def _end(connection: asyncssh.SSHClientConnection) -> None:
    connection.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_S):
            await connection.wait_closed()
            return
    connection.abort()
