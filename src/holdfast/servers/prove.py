"""Prove: the attacks that the controls name, live, against hosts that the operator administers.

Before the first attack on a host the operator logs in there: only who holds a key to it attacks
it. The same login is the canary, before and after each attack.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import asyncssh

from holdfast.servers.attack import (
    AlgorithmClass,
    Attack,
    Endpoint,
    Exchange,
    Kind,
    Login,
    OtherKeys,
    Outcome,
    PasswordTrial,
    Ran,
    Reach,
    Verdict,
    inconclusive,
)
from holdfast.servers.control import Control
from holdfast.servers.fleet import Fleet, Line, taken
from holdfast.servers.hand.probe import MOST_TARGETS
from holdfast.servers.key_exchange import exchange_keys
from holdfast.servers.login import key_prints
from holdfast.servers.session_errors import HandLost, LoginRefused, SessionError, quoted
from holdfast.servers.snapshot import CannotJudge, Snapshot, SnapshotError
from holdfast.site import Host, Secret, Site

CONNECT_S = 1.0
CANARY_S = 45.0  # Debian 13's sshd turns a source away for a while after failed logins
RUN_S = 20.0
ASIDE_S = 150.0  # the hand gives what it does aside 120 s

FIND_AGENT = ["sh", "-c", 'test -S "${SSH_AUTH_SOCK-}" && printf %s "$SSH_AUTH_SOCK"']
# A key planted for an attack lives a minute at most, should this machine be cut off meanwhile.
UPROOT = 'cd && [ "$(cat "$1")" = "$2" ] && rm -f "$1"'
PLANT = f"""\
cd && umask 077 && set -C && printf '%s\\n' "$2" >"$1" || exit 1
(sleep 60; {UPROOT}) </dev/null >/dev/null 2>&1 &
"""

AskPassword = Callable[[str], Awaitable[Secret]]


@dataclass(frozen=True)
class Attempt:
    """How one attack ended: on a host, or on the application `app` of that host."""

    attack: str
    control: str
    host: str
    vantage: str
    title: str
    outcome: Outcome
    evidence: str
    app: str = ""

    @property
    def target(self) -> str:
        """What was attacked, in words."""
        return f"{self.app} on {self.host}" if self.app else self.host

    @classmethod
    def ended(cls, control: Control, attack: Attack, host: Host, verdict: Verdict) -> Attempt:
        return cls(
            f"{control.id}/{attack.name}",
            control.id,
            host.name,
            attack.vantage,
            attack.title,
            verdict.outcome,
            verdict.evidence,
        )


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
        protocols = sorted({endpoint.protocol for endpoint in endpoints})
        found = await asyncio.gather(*(self._reach(vantage, endpoints, p) for p in protocols))
        return {endpoint: how for part in found for endpoint, how in part.items()}

    async def _reach(
        self, vantage: str, endpoints: Sequence[Endpoint], protocol: str
    ) -> dict[Endpoint, Reach]:
        mine = [endpoint for endpoint in endpoints if endpoint.protocol == protocol]
        found: dict[Endpoint, Reach] = {}
        for start in range(0, len(mine), MOST_TARGETS):
            part = mine[start : start + MOST_TARGETS]
            targets = [(endpoint.address, endpoint.port) for endpoint in part]
            results = await self._fleet.probe(vantage, targets, CONNECT_S, protocol)
            for endpoint in part:
                how = results.get((endpoint.address, endpoint.port), "")
                found[endpoint] = Reach(how) if how in set(Reach) else Reach.FAILED
        return found

    async def login_with_admin_key(self, user: str) -> Login:
        return await self._try(user, prefer=True)

    async def login_with_new_key(self, user: str) -> Login:
        key = asyncssh.generate_private_key("ssh-ed25519")
        return await self._try(user, keys=(key,), agent=False)

    async def login_with_other_keys(self, user: str) -> OtherKeys:
        named = {key.fingerprint for admin in self.site.admins.values() for key in admin.keys}
        route = self._fleet.route(self.host.name, user)
        held = await key_prints(route, self._fleet.options)
        others = tuple(key for key in held if key not in named)
        if not others:
            login = await self.login_with_new_key(user)
            accepted = ("a key made a moment ago",) if login is Login.ACCEPTED else ()
            return OtherKeys((), accepted, login is Login.UNREACHED, made=True)
        ended = {key: await self._try(user, only=(key,)) for key in others}
        return OtherKeys(
            others,
            tuple(key for key, login in ended.items() if login is Login.ACCEPTED),
            Login.UNREACHED in ended.values(),
            made=False,
        )

    async def login_by_key_file(self, path: str) -> Login:
        key = asyncssh.generate_private_key("ssh-ed25519", comment="holdfast prove")
        arguments = ["holdfast", path, key.export_public_key("openssh").decode().strip()]
        planted = await self.run(["sh", "-c", PLANT, *arguments])
        if planted.status:
            raise SessionError(
                f"{self.host.name}: ~/{path} was not written: {quoted(planted.output)}; if there "
                "is one already, it was left alone: look at the keys that it holds"
            )
        try:
            return await self._try(self.login, keys=(key,), agent=False)
        finally:
            await self.run(["sh", "-c", UPROOT, *arguments])

    async def forwarded_agent(self) -> str:
        with tempfile.TemporaryDirectory() as folder:
            nowhere = Path(folder) / "no-agent"
            options = replace(self._fleet.preferring(), forward_agent=nowhere)
            through = await self._fleet.jump(self.host.name)
            login = self._fleet.session(self.host.name, self.login, options, through)
            async with login as session:
                asked = (await session.run(FIND_AGENT, timeout_s=RUN_S)).stdout
        unasked = (await self._line.session.run(FIND_AGENT, timeout_s=RUN_S)).stdout
        return "" if asked == unasked else quoted(asked)

    async def exchange_keys(self, offer: Mapping[AlgorithmClass, Sequence[str]]) -> Exchange:
        through = await self._fleet.jump(self.host.name)
        route = self._fleet.route(self.host.name, self.login)
        return await exchange_keys(route, offer, through)

    async def login_with_password(self, user: str) -> Login:
        secret = await self._password(self.host.name)
        return await self._try(user, keys=(), agent=False, password=secret)

    async def run(self, argv: Sequence[str], typed: str = "") -> Ran:
        done = await self._line.session.run(argv, typed.encode() or None, timeout_s=RUN_S)
        output = (done.stdout + done.stderr).decode("utf-8", "replace")
        return Ran(-1 if done.status is None else done.status, output)

    async def own_password(self) -> Secret:
        return await self._password(self.host.name)

    async def try_passwords(self, passwords: Sequence[str]) -> PasswordTrial:
        answer = await self._line.ask(
            {"do": "try-passwords", "passwords": list(passwords)}, timeout_s=ASIDE_S
        )
        try:
            accepted = tuple(bool(taken) for taken in answer["accepted"])
            trial = PasswordTrial(accepted, bool(answer["strong"]), str(answer["reason"]))
        except (KeyError, TypeError):
            trial = PasswordTrial((), strong=False, reason="")
        if len(trial.accepted) != len(passwords):
            raise HandLost(f"{self.host.name}: its answer about passwords made no sense")
        return trial

    async def stranger_by_su(self) -> bool:
        answer = await self._line.ask({"do": "try-su"}, timeout_s=ASIDE_S)
        return answer.get("became") is True

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
        only: tuple[str, ...] | None = None,
    ) -> Login:
        """Log in with what an attack has; the jump host gets the operator's proper keys.

        So it is this host, and no other, that refuses where the answer is REFUSED.
        """
        options = replace(self._fleet.options, agent=agent, password=password, only=only)
        if keys is not None:
            options = replace(options, keys=keys)
        try:
            through = await self._fleet.jump(self.host.name)
        except SessionError:
            return Login.UNREACHED
        login = self._fleet.session(self.host.name, user, None if prefer else options, through)
        try:
            async with login:
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
    await fleet.jump(host.name)  # settles who jumps
    line = await fleet.line(host.name)
    attacker = LiveAttacker(host, fleet, line, await taken(line), password)
    for control, attack in _attacks(host, controls, kinds):
        say(attack.title)
        yield Attempt.ended(control, attack, host, await _attempt(attack, attacker))


def _attacks(
    host: Host, controls: Sequence[Control], kinds: frozenset[Kind]
) -> Iterator[tuple[Control, Attack]]:
    """Yield the attacks of these kinds that are meant for the roles of the host."""
    for control in controls:
        for attack in control.attacks:
            if attack.kind in kinds and attack.roles & frozenset(host.roles):
                yield control, attack


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
        Attempt.ended(control, attack, host, inconclusive(why))
        for control, attack in _attacks(host, controls, kinds)
    ]
