"""Logins that attacks try on a host behind another: whose refusal counts, and who sees which key.

Both are servers in this process; the operator's key is the one that they let in.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path
from typing import TypeVar

import asyncssh
import pytest
from building import SITE, site, snapshot
from doors import KEY, Door, server

from holdfast.servers.attack import Login, OtherKeys
from holdfast.servers.fleet import Fleet, Line
from holdfast.servers.prove import LiveAttacker
from holdfast.servers.route import Route, SessionOptions
from holdfast.site import Secret

OTHER = asyncssh.generate_private_key("ssh-ed25519")
BEHIND = SITE.replace("[hosts.db]\n", '[hosts.db]\nthrough = "app"\n')
PASSWORD = "the operator's word"
Ended = TypeVar("Ended")


@dataclass
class AnyKey(Door):
    """A server that lets everybody in who has a key, whichever."""

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        self.heard.append(key.get_fingerprint())
        return True


class Nearby(Fleet):
    """A fleet whose hosts listen on ports of this machine, with hands that need no sudo."""

    ways: Mapping[str, Route]

    def route(self, host: str, user: str) -> Route:
        through = self.site.hosts[host].through
        beyond = self.route(through, user) if through else None
        return changed(self.ways[host], host=host, user=user, through=beyond)

    @asynccontextmanager
    async def fresh(
        self, host: str, user: str, options: SessionOptions | None = None
    ) -> AsyncIterator[Line]:
        async with self.session(host, user, options) as session:
            hand = await session.hand(privileged=False)
            try:
                yield Line(session, hand)
            finally:
                await hand.close()


@dataclass
class Ground:
    """An attacker of the host behind the jump host, and a way to end that host."""

    attacker: LiveAttacker
    end_target: Callable[[], Awaitable[None]]


@asynccontextmanager
async def ground(folder: Path, jump: Door, target: Door) -> AsyncIterator[Ground]:
    async def password(host: str) -> Secret:
        return Secret(PASSWORD)

    options = SessionOptions(
        folder / "known_hosts", keys=(KEY, OTHER), agent=False, accept_new=lambda *_: True
    )
    async with server(jump) as app, AsyncExitStack() as until_ended:
        db = await until_ended.enter_async_context(server(target))
        fleet = Nearby(site(BEHIND), options, password)
        fleet.ways = {"app": app, "db": db}
        async with fleet:
            host = fleet.site.hosts["db"]
            line = await fleet.line("db")
            yield Ground(LiveAttacker(host, fleet, line, snapshot(), password), until_ended.aclose)


def tried(
    folder: Path, jump: Door, target: Door, attack: Callable[[Ground], Awaitable[Ended]]
) -> Ended:
    """Return how an attack ended."""

    async def story() -> Ended:
        async with asyncio.timeout(60), ground(folder, jump, target) as here:
            return await attack(here)

    return asyncio.run(story())


async def with_a_new_key(here: Ground) -> Login:
    return await here.attacker.login_with_new_key("alice")


async def with_a_password(here: Ground) -> Login:
    return await here.attacker.login_with_password("alice")


async def with_other_keys(here: Ground) -> OtherKeys:
    return await here.attacker.login_with_other_keys("alice")


def test_a_new_key_is_let_in_where_only_the_jump_host_would_refuse_it(tmp_path: Path) -> None:
    assert tried(tmp_path, Door(), AnyKey(), with_a_new_key) is Login.ACCEPTED


def test_a_password_is_let_in_where_the_jump_host_takes_keys_only(tmp_path: Path) -> None:
    target = Door(password=PASSWORD)
    assert tried(tmp_path, Door(), target, with_a_password) is Login.ACCEPTED


def test_a_key_of_nobody_is_let_in_where_only_the_jump_host_would_refuse_it(
    tmp_path: Path,
) -> None:
    target = Door(keys=(KEY, OTHER))
    ended = tried(tmp_path, Door(), target, with_other_keys)
    assert OTHER.get_fingerprint() in ended.accepted


@pytest.mark.parametrize("attack", [with_a_new_key, with_a_password])
def test_a_target_that_refuses_is_what_refused(
    tmp_path: Path, attack: Callable[[Ground], Awaitable[Login]]
) -> None:
    assert tried(tmp_path, Door(), Door(), attack) is Login.REFUSED


def test_the_target_alone_sees_the_keys_of_an_attack(tmp_path: Path) -> None:
    jump, target = Door(), Door()
    tried(tmp_path, jump, target, with_other_keys)
    assert OTHER.get_fingerprint() in target.heard
    assert set(jump.heard) == {KEY.get_fingerprint()}


def test_a_target_that_is_down_has_refused_nobody(tmp_path: Path) -> None:
    async def attack(here: Ground) -> Login:
        await here.end_target()
        return await here.attacker.login_with_new_key("alice")

    assert tried(tmp_path, Door(), Door(), attack) is Login.UNREACHED


def test_a_jump_host_that_refuses_is_no_target_that_refused(tmp_path: Path) -> None:
    jump = Door()

    async def attack(here: Ground) -> Login:
        jump.keys = ()
        return await here.attacker.login_with_new_key("alice")

    assert tried(tmp_path, jump, Door(), attack) is Login.UNREACHED
