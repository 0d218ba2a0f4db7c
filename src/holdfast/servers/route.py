"""How a host is reached, and what a login on it is made with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from holdfast.servers.hand_greeting import Revealing
from holdfast.servers.known_hosts import SSH_PORT


@dataclass(frozen=True)
class Route:
    """How a host is reached: its name in the site, its addresses in the order to try, the user.

    `through` is the host to jump through. An address is IPv4, IPv6 or a name; behind a jump the
    jump host resolves it.
    """

    host: str
    addresses: tuple[str, ...]
    user: str
    port: int = SSH_PORT
    through: Route | None = None


@dataclass(frozen=True)
class Challenge:
    """What a host asks at login, beyond keys and passwords; the prompts are its own words."""

    host: str
    user: str
    prompts: tuple[str, ...]


AcceptNew = Callable[[str, str], bool | Awaitable[bool]]
Codes = Callable[[Challenge], Awaitable[Sequence[str] | None]]


@dataclass(frozen=True)
class SessionOptions:
    """What logins are made with.

    `config`: OpenSSH client configuration files, the first value wins; hosts are matched by their
    name in the site, and IdentityFile, IdentityAgent, IdentitiesOnly and the algorithms count.
    Where a host is and through which other host it is reached is the site's to say: HostName,
    Port, User, ProxyJump and ProxyCommand do not count, nor does agent forwarding.

    `keys`: private keys or their files, instead of IdentityFile and the default files; `()` offers
    no key at all. `agent`: whether the agent's keys are offered too. `prefer`: fingerprints
    (`SHA256:…`) of the keys to offer first, `only`: of the keys to offer at all. `password`: for
    the host itself, never for a jump host.

    `forward_agent`: the socket that a forwarded agent leads to. Agent forwarding is not asked for
    without it; only an attack asks, with a path where no agent is.

    `accept_new(host, "ssh-ed25519 SHA256:…")` is asked about a host key that nobody has accepted;
    `codes(challenge)` gives one answer for each prompt, or None to give up.
    """

    known_hosts: Path
    config: tuple[Path, ...] = ()
    keys: tuple[asyncssh.SSHKey | Path, ...] | None = None
    agent: bool = True
    prefer: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    forward_agent: Path | None = None
    password: Revealing | None = field(default=None, repr=False)
    accept_new: AcceptNew | None = None
    codes: Codes | None = None
    connect_s: float = 10.0
    login_s: float = 20.0
    keepalive_s: float = 15.0
