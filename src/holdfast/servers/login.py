"""One login at one address of a host: where to connect, whom to trust, which keys to offer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncssh

from holdfast.servers.known_hosts import KnownHosts, Pins, fingerprint
from holdfast.servers.login_client import AddressFailed, LoginClient, NewHostKey, key_print
from holdfast.servers.route import Route, SessionOptions
from holdfast.servers.session_errors import HostKeyUnknown, SessionError, quoted

asyncssh.set_log_level(logging.CRITICAL)  # what goes wrong is raised; its log quotes servers

METHODS = ("publickey", "keyboard-interactive", "password")
NO_TRUST: tuple[list[Any], ...] = ([], [], [], [], [], [], [])  # asyncssh trusts no key by itself


@dataclass(frozen=True)
class LoggedIn:
    """An open connection, and the key that opened it (None where it was a password)."""

    connection: asyncssh.SSHClientConnection
    address: str
    key_fingerprint: str | None


async def log_in(
    route: Route,
    address: str,
    options: SessionOptions,
    tunnel: asyncssh.SSHClientConnection | None,
) -> LoggedIn:
    """Log in at one address. Raises AddressFailed, or a SessionError that ends the attempt."""
    known_hosts = KnownHosts(options.known_hosts)
    for _ in range(2):
        pins = known_hosts.pins(route.host, route.addresses, route.port)
        try:
            return await _attempt(route, address, options, pins, tunnel)
        except NewHostKey as new:
            await _accept(route, new.key, options)
            known_hosts.add(route.host, address, route.port, new.key)
    raise AddressFailed("it keeps showing new host keys")


async def _accept(route: Route, key: asyncssh.SSHKey, options: SessionOptions) -> None:
    """Ask about a new key while nothing is connected: the answer may take a person's time."""
    shown = fingerprint(key)
    if options.accept_new is not None:
        answer = options.accept_new(route.host, shown)
        if answer if isinstance(answer, bool) else await answer:
            return
    raise HostKeyUnknown(
        f"{route.host}: its host key {shown} is unknown; compare it with what the host's console "
        "shows (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then accept it"
    )


def _learning(
    route: Route, address: str, options: SessionOptions, pins: Pins
) -> Callable[[list[asyncssh.SSHKey], object, object, object], None] | None:
    """Pin a host's better keys where it is known by a weaker one alone.

    The host, which has proven the pinned key, proves each further one in the same session
    (OpenSSH's PROTOCOL, 2.5): so it is still known when sshd stops offering the weaker one.
    """
    if pins.modern:
        return None

    def learn(proven: list[asyncssh.SSHKey], *_: object) -> None:
        with contextlib.suppress(SessionError):  # the next login will learn them
            for key in proven:
                KnownHosts(options.known_hosts).learn(route.host, address, route.port, key)

    return learn


async def _attempt(
    route: Route,
    address: str,
    options: SessionOptions,
    pins: Pins,
    tunnel: asyncssh.SSHClientConnection | None,
) -> LoggedIn:
    async with contextlib.AsyncExitStack() as stack:
        keys = await _keys(route, options, stack)
        clock = asyncio.timeout(options.login_s)
        client = LoginClient(route, options, pins, keys, clock)
        where: dict[str, Any]
        if tunnel is None:
            connected = await dialled(address, route.port, options.connect_s)
            where = {"tunnel": None, "sock": connected}
        else:
            where = {"tunnel": Tunnel(tunnel, address, route.port)}
        try:
            async with clock:
                connection = await asyncssh.connect(
                    route.host,
                    client_factory=lambda: client,
                    **_settings(route, options, pins),
                    **where,
                    server_host_keys_handler=_learning(route, address, options, pins),
                )
        except TimeoutError:
            raise AddressFailed(f"no login within {options.login_s:g} s") from None
        except (asyncssh.Error, OSError) as error:
            raise client.reason(error) from error
        return LoggedIn(connection, address, client.key_fingerprint)


def _settings(route: Route, options: SessionOptions, pins: Pins) -> dict[str, Any]:
    """Explicit, so that no configuration file decides where to go, whom to trust, what to run."""
    return {
        "port": route.port,
        "username": route.user,
        "config": [str(path) for path in options.config] or None,
        "known_hosts": NO_TRUST,
        "x509_trusted_certs": None,
        "server_host_key_algs": pins.algorithms(),
        "canonicalize_hostname": False,
        "proxy_command": None,
        "client_keys": None,  # the client offers them one by one
        "agent_forwarding": str(options.forward_agent) if options.forward_agent else False,
        "x11_forwarding": False,
        "host_based_auth": False,
        "public_key_auth": True,
        "password_auth": True,
        "kbdint_auth": True,
        "gss_kex": False,
        "gss_auth": False,
        "preferred_auth": METHODS,
        "env": None,
        "send_env": None,
        "request_pty": False,
        "encoding": None,
        "connect_timeout": None,
        "login_timeout": 0,
        "keepalive_interval": options.keepalive_s,
        "keepalive_count_max": 3,
    }


async def _keys(
    route: Route, options: SessionOptions, stack: contextlib.AsyncExitStack
) -> list[asyncssh.SSHKeyPair]:
    """The keys to offer, each once: preferred ones first, then the agent's, then the files'."""
    try:
        resolved = await asyncio.to_thread(
            asyncssh.SSHClientConnectionOptions,
            **{
                **_settings(route, options, Pins(options.known_hosts, ())),
                "host": route.host,
                "tunnel": None,
                "client_keys": () if options.keys is None else list(options.keys) or None,
            },
        )
    except (OSError, ValueError) as error:
        raise SessionError(
            f"{route.host}: the SSH configuration or a key cannot be used: {quoted(str(error))}; "
            "mend or remove what it names"
        ) from error
    keys: list[asyncssh.SSHKeyPair] = []
    if options.agent and resolved.agent_path:
        with contextlib.suppress(OSError, ValueError):  # no agent is no fault
            agent = await stack.enter_async_context(asyncssh.connect_agent(resolved.agent_path))
            keys += await agent.get_keys(resolved.agent_identities)
    keys += resolved.client_keys or ()
    once: dict[bytes, asyncssh.SSHKeyPair] = {}
    for key in keys:
        once.setdefault(key.public_data, key)
    chosen = [k for k in once.values() if options.only is None or key_print(k) in options.only]
    return sorted(chosen, key=lambda key: key_print(key) not in options.prefer)


async def key_prints(route: Route, options: SessionOptions) -> tuple[str, ...]:
    """Return the fingerprints of the keys that a login would offer. Raises SessionError."""
    async with contextlib.AsyncExitStack() as stack:
        return tuple(key_print(key) for key in await _keys(route, options, stack))


async def dialled(address: str, port: int, timeout_s: float) -> socket.socket:
    """Return an open connection. Raises AddressFailed."""
    loop = asyncio.get_running_loop()
    connection: socket.socket | None = None
    try:
        async with asyncio.timeout(timeout_s):
            found = await loop.getaddrinfo(address, port, type=socket.SOCK_STREAM)
            family, kind, protocol, _, where = found[0]
            connection = socket.socket(family, kind, protocol)
            connection.setblocking(False)
            await loop.sock_connect(connection, where)
            return connection
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, TimeoutError):
            raise AddressFailed(f"no answer within {timeout_s:g} s") from None
        if isinstance(error, OSError):
            raise AddressFailed((error.strerror or str(error)).lower()) from error
        raise


class Tunnel:
    """Leads asyncssh to the site's address, whatever a configuration file says of the host."""

    def __init__(self, jump: asyncssh.SSHClientConnection, address: str, port: int) -> None:
        self._jump = jump
        self._where = (address, port)

    async def create_connection(self, factory: Any, _host: str, _port: int) -> Any:
        return await self._jump.create_connection(factory, *self._where)
