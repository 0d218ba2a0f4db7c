"""The database has a host of its own, which nobody but the application's host can reach.

Source: guide G3.1 and G3.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from holdfast.servers import firewall_table as table
from holdfast.servers.access import allowances, private
from holdfast.servers.attack import (
    OUTSIDE,
    Attack,
    Attacker,
    Endpoint,
    Kind,
    Reach,
    Verdict,
    inconclusive,
    repelled,
    succeeded,
)
from holdfast.servers.control import Control, Gap, NotApplicable, Principle, Severity
from holdfast.servers.controls.firewall import wants as wants_of_the_filter
from holdfast.servers.scan import addresses_of, connect_where_meant, is_loopback, named, worst
from holdfast.servers.snapshot import Listener, Snapshot, judged
from holdfast.site import Database, Host, Role, Site

LOOPBACK = ("127.0.0.1", "::1")
RULE = re.compile(r"(?:ip6? saddr \S+ )?(tcp|udp) dport (\d+) accept")


def gaps(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    """Yield what brings a database nearer to the internet than its application's host."""
    databases = site.databases_on(host.name)
    if Role.DATABASE not in host.roles and not _uses_another_hosts_database(host, site):
        raise NotApplicable("no application of this host uses a database of another one")
    if {Role.APP, Role.DATABASE} <= set(host.roles):
        yield Gap(
            "an application and a database share this host",
            f"roles: {', '.join(sorted(host.roles))}",
            mend="move the database to a host of its own, or make an exception for "
            "provisioning.separate",
        )
    yield from _private_address(host)
    for database in databases:
        yield from _public_listeners(database, host, snapshots, site)


def _uses_another_hosts_database(host: Host, site: Site) -> bool:
    return any(
        host.name in _clients(database) and database.host != host.name
        for database in site.databases.values()
    )


def _clients(database: Database) -> list[str]:
    return sorted({client for user in database.users.values() for client in user.from_hosts})


def _private_address(host: Host) -> Iterator[Gap]:
    mend = "give the host an address in a network that the site's hosts share with nobody else"
    if not host.private_addresses:
        yield Gap("this host has no private address", "private_address is not set", mend=mend)
    for address in host.private_addresses:
        if address.is_global:
            what = "this host's private address is an address of the internet"
            yield Gap(what, f"private_address: {address}", mend=mend)


def _public_listeners(
    database: Database, host: Host, snapshots: Mapping[str, Snapshot], site: Site
) -> Iterator[Gap]:
    """Where Holdfast's filter keeps strangers out, what a database listens on is its own affair."""
    snapshot, port = snapshots[host.name], database.engine.port
    public = [one for one in judged(snapshot.listeners) if _is_public(one, port, host)]
    running = judged(snapshot.firewall).holdfast or ""
    known = {table.allowance(a.protocol, a.port, a.source) for a in allowances(host, site)}
    if not public or _keeps_out(running, port, known):
        return
    yield Gap(
        f"database {database.name} can be reached on a public address",
        ", ".join(f"{one.process or 'a process'} on {one.address} port {port}" for one in public),
        mend="have the database listen on loopback and the private address alone",
        wants=wants_of_the_filter(host, snapshots, site),
    )


def _is_public(listener: Listener, port: int, host: Host) -> bool:
    return (
        (listener.protocol, listener.port) == ("tcp", port)
        and not is_loopback(listener.address)
        and listener.address not in private(host)
    )


def _keeps_out(running: str, port: int, known: set[str]) -> bool:
    """Whether the table lets only in to the port whom the site lets in."""
    if not table.base_stands(running):
        return False
    foreign = (RULE.fullmatch(rule) for rule in table.allowed(running) if rule not in known)
    others = (rule is not None and rule.groups() != ("tcp", str(port)) for rule in foreign)
    leads_there = any(redirect.to == port for redirect in table.redirects(running))
    return all(others) and not leads_there


async def _database(attacker: Attacker) -> Verdict:
    """The application's own connection is the canary: a database that is down closes every port.

    Only who uses the database may reach it, and only on its private addresses.
    """
    databases = attacker.site.databases_on(attacker.host.name)
    if not databases:
        return inconclusive("the site names no database on this host")
    verdicts = [
        await _from(vantage, database, attacker)
        for database in databases
        for vantage in _vantages(database, attacker)
    ]
    return worst(verdicts)


def _vantages(database: Database, attacker: Attacker) -> list[str]:
    """Outside first; of the site's hosts, those that run applications or use the database."""
    apps = {app.name for app in attacker.site.hosts_with(Role.APP)} - {attacker.host.name}
    return [OUTSIDE, *sorted(apps | set(_clients(database)))]


async def _from(vantage: str, database: Database, attacker: Attacker) -> Verdict:
    port, own = database.engine.port, vantage == attacker.host.name
    everywhere = [Endpoint(a, port) for a in (*(LOOPBACK if own else ()), *addresses_of(attacker))]
    user = vantage in _clients(database)
    if user:
        found = await connect_where_meant(attacker, vantage, everywhere)
    else:
        found = await attacker.connect(vantage, everywhere)
    open_ = [e for e in everywhere if found[e] is Reach.OPEN]
    meant = [e for e in open_ if own or (user and e.address in private(attacker.host))]
    if len(meant) < len(open_):
        beyond = [e for e in open_ if e not in meant]
        return succeeded(f"from {vantage}: connected to the database at {named(beyond)}")
    if user and not meant:
        return inconclusive(f"{vantage} itself does not reach the database on port {port}")
    if all(reach is Reach.FAILED for reach in found.values()):
        return inconclusive(f"from {vantage}: no connection could be tried")
    return repelled(f"{vantage} connects {'where it should' if user else 'nowhere'}")


PROVISIONING_SEPARATE = Control(
    id="provisioning.separate",
    title="The database stands apart, where only its application reaches it",
    principle=Principle.PREVENT_DIRECT_ACCESS,
    source="G3.1, G3.2",
    severity=Severity.HIGH,
    stops="a break-in at the application, or a guess from the internet, has the database as well",
    changes=(
        "Has Holdfast's packet filter keep everybody from the database but the hosts that use "
        "it, at their private addresses. Moving a database to a host of its own, or giving hosts "
        "private addresses, is for a person."
    ),
    gaps=gaps,
    roles=frozenset({Role.APP, Role.DATABASE}),
    attacks=(
        Attack(
            "database",
            "connect to the database on every address",
            "outside and the application's hosts",
            Kind.SAFE,
            _database,
            roles=frozenset({Role.DATABASE}),
        ),
    ),
)
