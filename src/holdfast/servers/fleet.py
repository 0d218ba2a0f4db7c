"""The hosts of a site during one run: one login each, opened when first needed.

A host is logged in to as the operator. Where that account does not exist yet, the account that the
provider left open is tried, root or the one of its image: that is first contact, and the only time
it is used.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from holdfast.servers.access import private
from holdfast.servers.attack import OUTSIDE
from holdfast.servers.hand.probe import probe
from holdfast.servers.hand_channel import Hand, OnProgress
from holdfast.servers.route import Route, SessionOptions
from holdfast.servers.session import LocalSession, Session
from holdfast.servers.session_errors import HandLost, LoginRefused, SessionError, SudoRefused
from holdfast.servers.snapshot import (
    Snapshot,
    SnapshotError,
    read_snapshot,
    require_supported,
)
from holdfast.site import Host, Secret, Site
from holdfast.site.errors import escaped

LOCAL = "@local"
ROOT = "root"

AskSudo = Callable[[str], Awaitable[Secret]]
AskFirst = Callable[[str], Awaitable[Secret | None]]


@dataclass(frozen=True)
class Failure:
    """A host that could not be reached, read or planned for."""

    host: str
    error: Exception

    @property
    def message(self) -> str:
        """The error's one line."""
        return str(self.error)


class Line:
    """A session and the hand that runs over it."""

    def __init__(self, session: Session | LocalSession, hand: Hand) -> None:
        self.session = session
        self.hand = hand

    @property
    def user(self) -> str:
        return self.session.user

    async def ask(
        self, request: dict[str, Any], on_progress: OnProgress | None = None, timeout_s: float = 60
    ) -> dict[str, Any]:
        return await self.hand.ask(request, on_progress, timeout_s)


class Fleet:
    """Opens and keeps the lines to the hosts of a site. Use as an async context manager.

    `sudo_password(host)` is called when sudo on that host asks, at most once per line.
    `first_login` is the account of first contact; `first_password(host)` is called where no key
    lets it in, or where its sudo asks.
    """

    def __init__(
        self,
        site: Site,
        options: SessionOptions,
        sudo_password: AskSudo,
        first_password: AskFirst | None = None,
        first_login: str = ROOT,
    ) -> None:
        self.site = site
        self.options = options
        self._sudo_password = sudo_password
        self.first_login = first_login
        self._first_password = first_password
        self._lines: dict[str, Line] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._opened: list[AsyncExitStack] = []

    async def __aenter__(self) -> Fleet:
        return self

    async def __aexit__(self, *error: object) -> None:
        """End all lines at the same time: a host that hangs holds up no other."""
        closing = (stack.aclose() for stack in self._opened)
        for ended in await asyncio.gather(*closing, return_exceptions=True):
            if isinstance(ended, BaseException):
                raise ended

    async def line(self, host: str) -> Line:
        """Return the line to a host, opened as the operator or, at first contact, otherwise."""
        async with self._locks.setdefault(host, asyncio.Lock()):
            if host not in self._lines:
                async with AsyncExitStack() as stack:
                    self._lines[host] = await stack.enter_async_context(self._open(host))
                    self._opened.append(stack.pop_all())
            return self._lines[host]

    async def replace_line(self, host: str) -> Line:
        """Open a new line to a host whose rules have changed.

        The old one stays open until the end: another host's work may be using it.
        """
        self._lines.pop(host, None)
        return await self.line(host)

    @asynccontextmanager
    async def _open(self, host: str) -> AsyncIterator[Line]:
        async with AsyncExitStack() as stack:
            try:
                yield await stack.enter_async_context(self.fresh(host, self.site.operator))
                return
            except LoginRefused as refused:
                operator_refused = refused
            try:
                line = await stack.enter_async_context(self.fresh(host, self.first_login))
            except LoginRefused:
                password = await self._first_password(host) if self._first_password else None
                if password is None:
                    raise self._nobody_let_in(operator_refused) from None
                options = replace(self.options, password=password)
                login = self.fresh(host, self.first_login, options)
                line = await stack.enter_async_context(login)
            yield line

    def _nobody_let_in(self, refused: LoginRefused) -> LoginRefused:
        if self.first_login != ROOT:
            return LoginRefused(f"{refused}; {self.first_login} was refused too")
        return LoginRefused(
            f"{refused}; root was refused too: where the provider's image has another account, "
            "such as debian, add --first-login with its name"
        )

    @asynccontextmanager
    async def fresh(
        self, host: str, user: str, options: SessionOptions | None = None
    ) -> AsyncIterator[Line]:
        """A new login as this user, with a hand of its own, ended with the context."""
        async with self.session(host, user, options) as session:
            unprivileged = host == LOCAL and not self.site.admins
            hand = await session.hand(None if unprivileged else lambda: self._sudo(host, user))
            try:
                yield Line(session, hand)
            finally:
                with contextlib.suppress(SessionError):
                    await hand.close()

    async def _sudo(self, host: str, user: str) -> Secret:
        if user == self.site.operator or host == LOCAL:
            return await self._sudo_password(host)
        password = await self._first_password(host) if self._first_password else None
        if password is None:
            raise SudoRefused(
                f"{host}: sudo asks for the password of {user} and none is at hand; "
                "run this at a terminal"
            )
        return password

    @asynccontextmanager
    async def session(
        self,
        host: str,
        user: str,
        options: SessionOptions | None = None,
        through: Session | None = None,
    ) -> AsyncIterator[Session | LocalSession]:
        """A new login as this user. `@local` is this machine, whoever runs Holdfast.

        The host to jump through, if any, is logged in to with the same options, unless an open
        session on it is given as `through`; see `jump`.
        """
        if host == LOCAL:
            async with LocalSession.open() as here:
                yield here
            return
        with_what = options or self.preferring()
        async with Session.open(self.route(host, user), with_what, through=through) as session:
            yield session

    async def jump(self, host: str) -> Session | None:
        """Return the session of the line to the host that leads to this one, None if none does.

        Raises SessionError where that host, not this one, lets nobody in.
        """
        target = self.site.hosts.get(host)
        if target is None or target.through is None:
            return None
        session = (await self.line(target.through)).session
        return session if isinstance(session, Session) else None

    def preferring(self) -> SessionOptions:
        """Offer the operator's keys of the site first: a server counts every key it sees."""
        admin = self.site.admins.get(self.site.operator)
        prints = tuple(key.fingerprint for key in admin.keys) if admin else ()
        return replace(self.options, prefer=prints)

    def route(self, host: str, user: str) -> Route:
        """Return how a host of the site is reached as this user."""
        target = self.site.hosts[host]
        if target.through is None:
            return Route(host, target.addresses, user)
        addresses = tuple(dict.fromkeys((*private(target), *target.addresses)))
        return Route(host, addresses, user, through=self.route(target.through, self._user(target)))

    def _user(self, target: Host) -> str:
        """Who jumps: the operator, or the account of a first contact that is still under way."""
        line = self._lines.get(target.through or "")
        return line.user if line else self.site.operator

    async def snapshot(self, host: str) -> Snapshot:
        """Read a snapshot. Raises SessionError or SnapshotError."""
        target = self.site.hosts.get(host)
        if target is not None and target.through is not None:
            await self.line(target.through)  # settles who jumps
        return await taken(await self.line(host))

    async def probe(
        self,
        vantage: str,
        targets: Sequence[tuple[str, int]],
        timeout_s: float = 1.0,
        protocol: str = "tcp",
    ) -> dict[tuple[str, int], str]:
        """Try to reach each (address, port) from a vantage; return how each attempt ended.

        Outside is this machine. A host of the site tries by a hand of its own and without sudo: the
        line's own hand may be busy for minutes. Raises SessionError.
        """
        request = {
            "do": "probe",
            "protocol": protocol,
            "targets": [list(target) for target in targets],
            "timeout_s": timeout_s,
        }
        if vantage == OUTSIDE:
            here = await asyncio.to_thread(probe, request, lambda _: None)
            return {(address, port): how for address, port, how in here["results"]}
        line = await self.line(vantage)
        hand = await line.session.hand(privileged=False)
        try:
            answer = await hand.ask(request, timeout_s=60 + timeout_s * (1 + len(targets) / 256))
            return {(str(a), int(p)): str(how) for a, p, how in answer["results"]}
        except (KeyError, TypeError, ValueError):
            raise HandLost(f"{vantage}: its probe made no sense; log in again") from None
        finally:
            await hand.close()


async def taken(line: Line) -> Snapshot:
    """Read a snapshot over a line. Raises SessionError or SnapshotError."""
    answer = await line.ask({"do": "snapshot"})
    try:
        snapshot = read_snapshot(json.dumps(answer))
        require_supported(snapshot)
    except SnapshotError as error:
        raise SnapshotError(f"{line.session.host}: {escaped(str(error))}") from None
    return snapshot
