"""Who may reach what, and with what: the access matrix as data.

sshd's AllowGroups and the packet filter's allowances are generated from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from holdfast.site import Database, Host, Role, Serve, Site

ADMINS = "holdfast-admins"  # the group that AllowGroups lets in
SSH_PORT = 22
WEB_PORTS = (80, 443)
DIRECT_PORTS = {80: 3000, 443: 3003}  # where an application that serves itself listens


@dataclass(frozen=True)
class Allowance:
    """New connections that a host takes: from one address, or from everybody (`source` None)."""

    protocol: str
    port: int
    source: str | None
    why: str


def allowances(host: Host, site: Site) -> tuple[Allowance, ...]:
    """Return every way in that the site gives this host, sorted."""
    return tuple(sorted(set(_allowances(host, site)), key=_order))


def _allowances(host: Host, site: Site) -> Iterator[Allowance]:
    for source in ssh_sources(host, site):
        yield Allowance("tcp", SSH_PORT, source, "admins")
    if Role.APP in host.roles:
        for port in WEB_PORTS:
            yield Allowance("tcp", port, None, "the web")
    if Role.BACKUP in host.roles:
        for origin in site.hosts_with(Role.DATABASE):
            for source in private(origin):
                yield Allowance("tcp", SSH_PORT, source, f"backups of {origin.name}")
    for database in site.databases_on(host.name):
        for source in _clients(database, site):
            yield Allowance("tcp", database.engine.port, source, f"database {database.name}")
    for role in host.roles:
        for port in site.profiles.ports_of(role):
            yield Allowance("tcp", port, None, f"profiles.ports.{role}")


@dataclass(frozen=True, order=True)
class Redirect:
    """New TCP connections to `port` that are taken to another port of the same host."""

    port: int
    to: int


def redirects(host: Host, site: Site) -> tuple[Redirect, ...]:
    """Return what is redirected on this host: the web's ports, where an application serves them."""
    if all(app.serve is not Serve.DIRECT for app in site.apps_on(host.name)):
        return ()
    return tuple(Redirect(port, to) for port, to in sorted(DIRECT_PORTS.items()))


def ssh_sources(host: Host, site: Site) -> tuple[str | None, ...]:
    """Return where admins come from: anywhere, or the host before this one.

    The last hop's own addresses count too: behind a jump, either may be the source.
    """
    if host.through is None:
        return (None,)
    last_hop = site.hosts[host.through]
    return (*private(last_hop), *filter(is_address, last_hop.addresses))


def private(host: Host) -> tuple[str, ...]:
    """Return the addresses under which the other hosts know this one."""
    return tuple(str(address) for address in host.private_addresses)


def is_address(text: str) -> bool:
    """Whether this is an IP address and not a name."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _clients(database: Database, site: Site) -> Iterator[str]:
    for user in database.users.values():
        for client in user.from_hosts:
            yield from private(site.hosts[client])


def _order(allowance: Allowance) -> tuple[str, int, str, str]:
    return (allowance.protocol, allowance.port, allowance.source or "", allowance.why)
