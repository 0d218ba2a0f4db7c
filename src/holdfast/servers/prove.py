"""Prove: the attacks that the controls name, live, against hosts that the operator administers.

Before the first attack on a host the operator logs in there: only who holds a key to it attacks
it. The same login is the canary, before and after each attack.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import asyncssh

from holdfast.servers.attack import (
    Attack,
    Endpoint,
    Kind,
    Login,
    Outcome,
    Ran,
    Reach,
    Verdict,
    inconclusive,
)
from holdfast.servers.control import Control
from holdfast.servers.fleet import Fleet, Line, taken
from holdfast.servers.hand.probe import MOST_TARGETS, probe
from holdfast.servers.session_errors import LoginRefused, SessionError
from holdfast.servers.snapshot import CannotJudge, Snapshot, SnapshotError
from holdfast.site import Host, Secret, Site

OUTSIDE = "outside"
CONNECT_S = 1.0
CANARY_S = 45.0  # Debian 13's sshd turns a source away for a while after failed logins
RUN_S = 20.0

AskPassword = Callable[[str], Awaitable[Secret]]


@dataclass(frozen=True)
class Attempt:
    """How one attack ended."""

    attack: str
    control: str
    host: str
    vantage: str
    title: str
    outcome: Outcome
    evidence: str


class LiveAttacker:
    """An attacker with real connections; see `attack.Attacker`."""

    def __init__(
        self, host: Host, fleet: Fleet, line: Line, snapshot: Snapshot, password: AskPassword
    ) -> None:
        self.host = host
        self.site: Site = fleet.site
        self.snapshot = snapshot
        self.login = line.user
        self._fleet = fleet
        self._line = line
        self._password = password

    async def connect(self, vantage: str, endpoints: Sequence[Endpoint]) -> dict[Endpoint, Reach]:
        found: dict[Endpoint, Reach] = {}
        for start in range(0, len(endpoints), MOST_TARGETS):
            part = endpoints[start : start + MOST_TARGETS]
            results = await self._probe(vantage, [(e.address, e.port) for e in part])
            for endpoint in part:
                how = results.get((endpoint.address, endpoint.port), "")
                found[endpoint] = Reach(how) if how in set(Reach) else Reach.FAILED
        return found

    async def _probe(
        self, vantage: str, targets: Sequence[tuple[str, int]]
    ) -> dict[tuple[str, int], str]:
        """Outside is this machine; both vantages connect with the very same code."""
        if vantage != OUTSIDE:
            return await self._fleet.probe(vantage, targets, CONNECT_S)
        request = {"targets": [list(target) for target in targets], "timeout_s": CONNECT_S}
        answer = await asyncio.to_thread(probe, request, lambda _: None)
        return {(address, port): how for address, port, how in answer["results"]}

    async def login_with_admin_key(self, user: str) -> Login:
        return await self._try(user, prefer=True)

    async def login_with_new_key(self, user: str) -> Login:
        key = asyncssh.generate_private_key("ssh-ed25519")
        return await self._try(user, keys=(key,), agent=False)

    async def login_with_password(self, user: str) -> Login:
        secret = await self._password(self.host.name)
        return await self._try(user, keys=(), agent=False, password=secret)

    async def run(self, argv: Sequence[str]) -> Ran:
        done = await self._line.session.run(argv, timeout_s=RUN_S)
        output = (done.stdout + done.stderr).decode("utf-8", "replace")
        return Ran(-1 if done.status is None else done.status, output)

    async def canary(self) -> bool:
        """Try the proper login until it works, as long as sshd may turn this address away."""
        deadline = time.monotonic() + CANARY_S
        while True:
            with contextlib.suppress(SessionError):
                async with self._fleet.session(self.host.name, self.login):
                    return True
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(1.0)

    async def _try(
        self,
        user: str,
        *,
        keys: tuple[asyncssh.SSHKey, ...] | None = None,
        agent: bool = True,
        password: Secret | None = None,
        prefer: bool = False,
    ) -> Login:
        options = replace(self._fleet.options, agent=agent, password=password)
        if keys is not None:
            options = replace(options, keys=keys)
        try:
            async with self._fleet.session(self.host.name, user, None if prefer else options):
                return Login.ACCEPTED
        except LoginRefused:
            return Login.REFUSED
        except SessionError:
            return Login.UNREACHED


async def prove(
    host: Host,
    fleet: Fleet,
    controls: Sequence[Control],
    kinds: frozenset[Kind],
    password: AskPassword,
    say: Callable[[str], None],
) -> AsyncGenerator[Attempt]:
    """Run every attack of these kinds against one host; yield how each ended, as it ends.

    Raises SessionError, SnapshotError.
    """
    line = await fleet.line(host.name)
    attacker = LiveAttacker(host, fleet, line, await taken(line), password)
    for control in controls:
        for attack in control.attacks:
            if attack.kind in kinds and attack.roles & frozenset(host.roles):
                say(attack.title)
                verdict = await _attempt(attack, attacker)
                yield Attempt(
                    f"{control.id}/{attack.name}",
                    control.id,
                    host.name,
                    attack.vantage,
                    attack.title,
                    verdict.outcome,
                    verdict.evidence,
                )


async def _attempt(attack: Attack, attacker: LiveAttacker) -> Verdict:
    if not await attacker.canary():
        return inconclusive("the canary, a proper login, did not work before the attack")
    try:
        verdict = await attack.attempt(attacker)
    except (SessionError, SnapshotError, CannotJudge) as error:
        return inconclusive(str(error))
    if verdict.outcome is Outcome.REPELLED and not await attacker.canary():
        return inconclusive("the canary, a proper login, did not work after the attack")
    return verdict


def unreached(
    host: Host, controls: Sequence[Control], kinds: frozenset[Kind], why: str
) -> list[Attempt]:
    """Return an inconclusive attempt per attack for a host that could not be reached."""
    return [
        Attempt(
            f"{control.id}/{attack.name}",
            control.id,
            host.name,
            attack.vantage,
            attack.title,
            Outcome.INCONCLUSIVE,
            why,
        )
        for control in controls
        for attack in control.attacks
        if attack.kind in kinds and attack.roles & frozenset(host.roles)
    ]
