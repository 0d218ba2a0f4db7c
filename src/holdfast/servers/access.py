"""Who may reach what, and with what: the access matrix as data.

sshd's configuration (`restricted.py`) and the packet filter's allowances are generated from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address

from holdfast.site import Database, Host, Role, Serve, Site

ADMINS = "holdfast-admins"  # the group that AllowGroups lets in
RESTRICTED = "holdfast-restricted"  # the group of the accounts that are held to one command
LIBRARY = "/usr/lib/holdfast"  # where the programs of the forced commands are
NO_KEY = "none"
SSH_PORT = 22
WEB_PORTS = (80, 443)
DIRECT_PORTS = {80: 3000, 443: 3003}  # where an application that serves itself listens


class Place(StrEnum):
    """On which hosts a row holds."""

    FRESH = "a fresh host"
    EVERY = "every host"
    DATABASE = "database hosts"
    BACKUP = "backup hosts"
    OWN = "its own host"

    def includes(self, host: Host) -> bool:
        """Whether the row holds on this host, once Holdfast has been through."""
        roles = {Place.DATABASE: Role.DATABASE, Place.BACKUP: Role.BACKUP}
        return self is not Place.FRESH and (self not in roles or roles[self] in host.roles)


class Origin(StrEnum):
    """Where a row comes from; behind a jump, that is the host before."""

    ANYWHERE = "anywhere, or the host before"
    CONTROLLERS = "the controllers, or the host before"
    DATABASE_HOSTS = "the database hosts"
    CLIENTS = "the hosts that the database's users are from"
    NOWHERE = "no network"


class Right(StrEnum):
    """What a row may do."""

    FIRST_CONTACT = "first contact, once"
    SHELL = "a shell, any command, files"
    SUDO = "sudo with a password"
    JUMP = "forward to the next host's port 22"
    SNAPSHOT = "read a snapshot"
    ADD = "add a new object"
    FETCH = "fetch objects"
    QUERY = "its grants on the database"
    UNDO = "undo its own journal"
    UNPENALISED = "stay welcome after failed logins"


@dataclass(frozen=True)
class Row:
    """One row of the access matrix; what it may do and nothing else.

    `account` is its account on the host, "" where it is no single one. An account with a
    `command` is restricted: sshd runs that program whatever was asked for.
    """

    who: str
    place: Place
    key: str
    second_factor: bool
    may: frozenset[Right]
    origin: Origin
    held_by: str
    account: str = ""
    command: str = ""


_BLOCK = "own Match User block: forced command, no terminal, keys that only root can change"

MATRIX: tuple[Row, ...] = (
    Row(
        "provider's root",
        Place.FRESH,
        "the provider's key or password",
        False,
        frozenset({Right.FIRST_CONTACT}),
        Origin.ANYWHERE,
        "PermitRootLogin no, as soon as an admin's login and sudo are proven",
        account="root",
    ),
    Row(
        "admin",
        Place.EVERY,
        "the admin's",
        True,
        frozenset({Right.SHELL, Right.SUDO, Right.JUMP}),
        Origin.ANYWHERE,
        "AllowGroups, keys only, sudo asks for a password",
    ),
    Row(
        "unattended audit",
        Place.EVERY,
        "the site's audit key",
        False,
        frozenset({Right.SNAPSHOT, Right.JUMP}),
        Origin.CONTROLLERS,
        f"{_BLOCK}; AllowUsers and from= name where it comes from; on a jump host PermitOpen",
        account="holdfast-audit",
        command=f"{LIBRARY}/give-snapshot",
    ),
    Row(
        "backup of a database host",
        Place.BACKUP,
        "that host's backup key",
        False,
        frozenset({Right.ADD}),
        Origin.DATABASE_HOSTS,
        f"{_BLOCK}; AllowUsers names the database hosts, from= the key's own one",
        account="holdfast-backup",
        command=f"{LIBRARY}/take-backup",
    ),
    Row(
        "drill",
        Place.BACKUP,
        "the site's restore key",
        False,
        frozenset({Right.FETCH}),
        Origin.ANYWHERE,
        f"{_BLOCK}; the program only reads",
        account="holdfast-drill",
        command=f"{LIBRARY}/give-backup",
    ),
    Row(
        "application",
        Place.DATABASE,
        NO_KEY,
        False,
        frozenset({Right.QUERY}),
        Origin.CLIENTS,
        "packet filter, its database user's grants; its own account is in no group that logs in",
    ),
    Row(
        "the hand's revert and timers",
        Place.OWN,
        NO_KEY,
        False,
        frozenset({Right.UNDO}),
        Origin.NOWHERE,
        "units of root that open no connection",
    ),
    Row(
        "controllers",
        Place.EVERY,
        NO_KEY,
        False,
        frozenset({Right.UNPENALISED}),
        Origin.CONTROLLERS,
        "PerSourcePenaltyExemptList",
    ),
)


def sources(row: Row, host: Host, site: Site) -> tuple[str | None, ...]:
    """Return the addresses and networks from which a row reaches this host; None is everybody."""
    match row.origin:
        case Origin.ANYWHERE:
            return ssh_sources(host, site)
        case Origin.CONTROLLERS:
            if host.through is not None:
                return ssh_sources(host, site)
            return tuple(str(network) for network in site.controllers)
        case Origin.DATABASE_HOSTS:
            return tuple(a for one in site.hosts_with(Role.DATABASE) for a in private(one))
        case Origin.CLIENTS:
            return tuple(a for one in site.databases_on(host.name) for a in _clients(one, site))
        case Origin.NOWHERE:
            return ()


def never_turned_away(host: Host, site: Site) -> frozenset[str]:
    """Return the addresses whose failed logins sshd must not hold against them."""
    exempt = (row for row in MATRIX if Right.UNPENALISED in row.may)
    return frozenset(a for row in exempt for a in sources(row, host, site) if a is not None)


def next_hops(host: Host, site: Site) -> tuple[str, ...]:
    """Return the addresses of the hosts that are reached through this one, as Holdfast dials."""
    behind = site.behind(host.name)
    found = (address for one in behind for address in (*private(one), *one.addresses))
    return tuple(dict.fromkeys(found))


def as_table() -> str:
    """Return the matrix as a Markdown table."""
    lines = ["| who | account | host | key | second factor | may | from | held to it by |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for row in MATRIX:
        rights = ", ".join(right for right in Right if right in row.may)
        cells = (row.who, f"`{row.account}`" if row.account else "–", row.place, row.key)
        more = ("yes" if row.second_factor else "no", rights, row.origin, row.held_by)
        lines.append(f"| {' | '.join((*cells, *more))} |")
    return "\n".join(lines) + "\n"


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
    yield from _ssh(host, site)
    if Role.APP in host.roles:
        for port in WEB_PORTS:
            yield Allowance("tcp", port, None, "the web")
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


def _ssh(host: Host, site: Site) -> Iterator[Allowance]:
    """Yield each row's way to sshd; where everybody may connect, no source is named beside."""
    rows = [row for row in MATRIX if row.key != NO_KEY and row.place.includes(host)]
    ways = {source: row.who for row in reversed(rows) for source in sources(row, host, site)}
    for source in [None] if None in ways else ways:
        yield Allowance("tcp", SSH_PORT, source, ways[source])


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
