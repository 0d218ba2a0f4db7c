"""The first words of an SSH connection: which algorithms a server agrees on (RFC 4253, 7.1)."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import asyncssh

from holdfast.servers.attack import AlgorithmClass, Exchange
from holdfast.servers.login import NO_TRUST, dialled
from holdfast.servers.login_client import AddressFailed
from holdfast.servers.route import Route
from holdfast.servers.session import Session

# What the tried algorithms are is known, and why they are offered: `cryptography` need not say so.
warnings.filterwarnings("ignore", module=r"asyncssh\.crypto\.")

ANSWER_S = 10.0

MODERN: Mapping[AlgorithmClass, Sequence[str]] = {
    AlgorithmClass.KEX: ("curve25519-sha256", "curve25519-sha256@libssh.org"),
    # No cipher that brings its own authentication: no MAC would be agreed on with it.
    AlgorithmClass.CIPHER: ("aes256-ctr", "aes128-ctr"),
    AlgorithmClass.MAC: ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"),
    AlgorithmClass.HOST_KEY: ("ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"),
}
_OPTIONS = {
    AlgorithmClass.KEX: "kex_algs",
    AlgorithmClass.CIPHER: "encryption_algs",
    AlgorithmClass.MAC: "mac_algs",
    AlgorithmClass.HOST_KEY: "server_host_key_algs",
}


class _Onlooker(asyncssh.SSHClient):
    """Takes any host key, since nothing is said to the host and nobody logs in."""

    def __init__(self) -> None:
        self.connection: asyncssh.SSHClientConnection | None = None

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self.connection = conn

    @property
    def answered(self) -> bool:
        """Whether it was an SSH server that answered, and not a closed door."""
        return bool(self.connection and self.connection.get_extra_info("server_version"))

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        return True


async def exchange_keys(
    route: Route, offer: Mapping[AlgorithmClass, Sequence[str]], through: Session | None
) -> Exchange:
    """Offer these algorithms alone, modern ones of each class that `offer` does not name.

    `through` is an open session on the host to jump through. The connection ends where a login
    would begin. Raises SessionError where the jump host does not lead on.
    """
    algorithms = {_OPTIONS[of]: list(names) for of, names in {**MODERN, **offer}.items()}
    for address in route.addresses:
        ended = await _at(route, address, algorithms, through)
        if ended is not Exchange.UNREACHED:
            return ended
    return Exchange.UNREACHED


async def _at(
    route: Route, address: str, algorithms: Mapping[str, list[str]], through: Session | None
) -> Exchange:
    where: dict[str, Any]
    onlooker = _Onlooker()
    try:
        if through is None:
            where = {"sock": await dialled(address, route.port, ANSWER_S)}
        else:
            where = {"tunnel": through.tunnel(address, route.port)}
        async with asyncio.timeout(ANSWER_S):
            connection = await asyncssh.connect(
                route.host,
                **where,
                **algorithms,
                username=route.user,
                client_factory=lambda: onlooker,
                config=None,
                known_hosts=NO_TRUST,
                client_keys=None,
                agent_path=None,
                preferred_auth=(),
                gss_kex=False,
            )
    except asyncssh.KeyExchangeFailed:
        return Exchange.REFUSED
    except asyncssh.PermissionDenied:
        return Exchange.COMPLETED  # sshd asked who is there, in what was agreed on
    except (asyncssh.ConnectionLost, ConnectionError):
        # sshd ends the connection where it has no host key of an offered kind.
        return Exchange.REFUSED if onlooker.answered else Exchange.UNREACHED
    except (AddressFailed, asyncssh.Error, OSError, TimeoutError):
        return Exchange.UNREACHED
    connection.abort()
    return Exchange.COMPLETED
