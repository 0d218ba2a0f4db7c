"""What an attack is, and what it may use: written against vantages, free of any transport.

Each attack ends `repelled`, `succeeded` or `inconclusive`. A host that is down or refuses
everybody repels nothing, so every attack names its canary: the legitimate counterpart from the
same vantage, tried before and after. If that fails, the attack is inconclusive.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from holdfast.servers.snapshot import Snapshot
from holdfast.site import Host, Role, Secret, Site

OUTSIDE = "outside"  # the vantage of everybody: the machine that Holdfast runs on


class Outcome(StrEnum):
    REPELLED = "repelled"
    SUCCEEDED = "succeeded"
    INCONCLUSIVE = "inconclusive"


class Kind(StrEnum):
    """`disruptive` trips limits or makes noise and is asked for first; `lab` is for lab hosts."""

    SAFE = "safe"
    DISRUPTIVE = "disruptive"
    LAB = "lab"


class Reach(StrEnum):
    """How an attempt to reach an endpoint ended.

    TCP: a connection was taken, or refused. UDP: a datagram came back, or word that nobody listens
    on that port (ICMP port unreachable).
    """

    OPEN = "open"
    REFUSED = "refused"
    SILENT = "silent"
    FAILED = "failed"  # no route, no such family: nothing was learned


class Login(StrEnum):
    """How a login attempt ended; UNREACHED says nothing about the credentials."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNREACHED = "unreached"


class AlgorithmClass(StrEnum):
    """What a client and an SSH server agree on first (RFC 4253, 7.1)."""

    KEX = "key exchange"
    CIPHER = "cipher"
    MAC = "MAC"
    HOST_KEY = "host key"


class Exchange(StrEnum):
    """How a key exchange ended; UNREACHED says nothing about the algorithms."""

    COMPLETED = "completed"
    REFUSED = "refused"
    UNREACHED = "unreached"


@dataclass(frozen=True)
class OtherKeys:
    """How logins ended with this machine's keys that the site does not name.

    `tried` are their fingerprints, `accepted` the ones that were let in. `made` says that this
    machine holds none, so that one was made for the attempt.
    """

    tried: tuple[str, ...]
    accepted: tuple[str, ...]
    unreached: bool
    made: bool


@dataclass(frozen=True)
class Endpoint:
    """`protocol` is tcp or udp."""

    address: str
    port: int
    protocol: str = "tcp"


@dataclass(frozen=True)
class Ran:
    """How a command ended that the attacker ran on the host as an ordinary login."""

    status: int
    output: str


@dataclass(frozen=True)
class PasswordTrial:
    """Which passwords a stand-in account could set, in the order asked.

    `strong` is whether a strong one was taken, `reason` what was said about that one.
    """

    accepted: tuple[bool, ...]
    strong: bool
    reason: str


class Attacker(Protocol):
    """What an attacker can do against one host; `prove` supplies it over real connections."""

    host: Host
    site: Site
    snapshot: Snapshot
    login: str  # whose login `run` uses: the operator's, or root's where there is no other yet

    async def connect(self, vantage: str, endpoints: Sequence[Endpoint]) -> dict[Endpoint, Reach]:
        """Try every endpoint from `outside` or from the host of that name."""
        ...

    async def login_with_admin_key(self, user: str) -> Login:
        """Offer the operator's own key for any user."""
        ...

    async def login_with_new_key(self, user: str) -> Login:
        """Offer a key that was made a moment ago."""
        ...

    async def login_with_password(self, user: str) -> Login:
        """Offer the operator's sudo password of this host, and no key."""
        ...

    async def login_with_other_keys(self, user: str) -> OtherKeys:
        """Offer each key that this machine holds and that the site does not name, one by one."""
        ...

    async def login_by_key_file(self, path: str) -> Login:
        """Write a key made a moment ago to a file below `login`'s home, log in with it, and remove
        the file. Raises SessionError where there is such a file already, which is left alone.
        """
        ...

    async def forwarded_agent(self) -> str:
        """Ask for agent forwarding; return the socket's path on the host, "" where none is made.

        No agent stands behind it, so that nobody on the host could use one.
        """
        ...

    async def exchange_keys(self, offer: Mapping[AlgorithmClass, Sequence[str]]) -> Exchange:
        """Offer these algorithms alone, modern ones of each class that is not named."""
        ...

    async def run(self, argv: Sequence[str], typed: str = "") -> Ran:
        """Run a command on the host as the operator's login, without sudo; `typed` is its input."""
        ...

    async def own_password(self) -> Secret:
        """Return the operator's sudo password of this host."""
        ...

    async def try_passwords(self, passwords: Sequence[str]) -> PasswordTrial:
        """Set each for an account that exists only in a private copy of the host's /etc."""
        ...

    async def stranger_by_su(self) -> bool:
        """Whether an account outside group sudo becomes another by su, knowing its password.

        Both exist only in a private copy of the host's /etc.
        """
        ...

    async def canary(self) -> bool:
        """Whether the operator's own proper login works right now."""
        ...


@dataclass(frozen=True)
class Verdict:
    outcome: Outcome
    evidence: str


@dataclass(frozen=True)
class Attack:
    """A live attempt that must fail. `id` is `CONTROL/NAME` without the control."""

    name: str
    title: str
    vantage: str  # outside, app host, database host, browser, or the host itself
    kind: Kind
    attempt: Callable[[Attacker], Awaitable[Verdict]]
    roles: frozenset[Role] = frozenset(Role)


def repelled(evidence: str) -> Verdict:
    return Verdict(Outcome.REPELLED, evidence)


def succeeded(evidence: str) -> Verdict:
    return Verdict(Outcome.SUCCEEDED, evidence)


def inconclusive(evidence: str) -> Verdict:
    return Verdict(Outcome.INCONCLUSIVE, evidence)


def login_verdict(login: Login, what: str) -> Verdict:
    """Return what a login that must not be let in has shown."""
    if login is Login.ACCEPTED:
        return succeeded(f"{what} was let in")
    if login is Login.REFUSED:
        return repelled(f"{what} was refused")
    return inconclusive(f"{what}: sshd was not reached")
