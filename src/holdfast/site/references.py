"""What must agree between the tables of a site: names that others name, and things had once."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping

from holdfast.site.apps import App, Authority, Serve
from holdfast.site.databases import Database
from holdfast.site.errors import KeyPath, Refused, closest, key_text, shown
from holdfast.site.grants import refused_grants
from holdfast.site.hosts import Role
from holdfast.site.public_key import PublicKey
from holdfast.site.site import Site
from holdfast.site.web import WebServer

Found = tuple[KeyPath, Refused]


def disagreements(site: Site) -> Iterator[Found]:
    """Every place where one table contradicts another, with what is wrong there."""
    yield from _admins(site)
    yield from _ways(site)
    yield from _addresses(site)
    yield from _quotas(site)
    yield from _databases(site)
    yield from _apps(site)
    yield from _backups(site)
    yield from _exceptions(site)


def _admins(site: Site) -> Iterator[Found]:
    if site.hosts and not site.admins:
        yield ("hosts",), Refused("no admin may log in to the hosts", "add [admins.NAME] with keys")
    owners: dict[PublicKey, str] = {}
    for admin in site.admins.values():
        for index, key in enumerate(admin.keys):
            owner = owners.setdefault(key, admin.name)
            if owner != admin.name:
                yield (
                    ("admins", admin.name, "keys", index),
                    Refused(f"this is also {owner}'s key", "give each person an own key"),
                )


def _ways(site: Site) -> Iterator[Found]:
    for host in site.hosts.values():
        if host.through is None:
            continue
        place: KeyPath = ("hosts", host.name, "through")
        if host.through == host.name:
            yield place, Refused("a host is not reached through itself", "name another, or remove")
            continue
        if host.through not in site.hosts:
            yield place, _no_host(host.through, site)
    for circle in _circles(site):
        yield (
            ("hosts", circle[0], "through"),
            Refused(f"this way goes in a circle: {' → '.join(circle)}", "remove one through"),
        )


def _circles(site: Site) -> Iterator[list[str]]:
    """Each circle of two or more hosts once, beginning and ending with its first in the file."""
    done: set[str] = set()
    for start in site.hosts:
        way: dict[str, None] = {}
        at: str | None = start
        while at is not None and at in site.hosts and at not in done and at not in way:
            way[at] = None
            at = site.hosts[at].through
        if at is not None and at in way:
            names = list(way)
            circle = names[names.index(at) :]
            if len(circle) > 1:
                yield [*circle, circle[0]]
        done |= set(way)


def _addresses(site: Site) -> Iterator[Found]:
    owners: dict[str, str] = {}
    for host in site.hosts.values():
        named = (("address", host.addresses), ("private_address", host.private_addresses))
        places: dict[str, KeyPath] = {}
        for key, addresses in named:
            for index, address in enumerate(map(str, addresses)):
                places.setdefault(address, ("hosts", host.name, key, index))
        for address, place in places.items():
            owner = owners.setdefault(address, host.name)
            if owner != host.name:
                refused = Refused(f"{shown(address)} is also host {owner}'s", "mend one of them")
                yield place, refused


def _quotas(site: Site) -> Iterator[Found]:
    for host in site.hosts.values():
        if host.quota_bytes is not None and Role.BACKUP not in host.roles:
            yield (
                ("hosts", host.name, "quota"),
                Refused('only hosts with the role "backup" have a quota', "remove it"),
            )


def _databases(site: Site) -> Iterator[Found]:
    first_at: dict[tuple[str, int], Database] = {}
    for database in site.databases.values():
        place: KeyPath = ("databases", database.name)
        yield from _host_with(site, (*place, "host"), database.host, Role.DATABASE)
        first = first_at.setdefault((database.host, database.engine.port), database)
        if first.engine is not database.engine:
            yield (
                (*place, "engine"),
                Refused(
                    f"{database.engine} and {first.engine} on one host share a port",
                    f"use the engine of databases.{first.name}",
                ),
            )
        yield from _users(site, database)


def _users(site: Site, database: Database) -> Iterator[Found]:
    for user in database.users.values():
        place: KeyPath = ("databases", database.name, "users", user.name)
        for index, name in enumerate(user.from_hosts):
            if name not in site.hosts:
                yield (*place, "from", index), _no_host(name, site)
            elif name != database.host:
                yield from _privately_reached(site, (*place, "from", index), name, database.host)
        for at, refused in refused_grants(database.engine, user.grants):
            yield (*place, "grants", *at), refused


def _privately_reached(site: Site, place: KeyPath, source: str, target: str) -> Iterator[Found]:
    for name in (source, target):
        if name in site.hosts and not site.hosts[name].private_addresses:
            yield (
                place,
                Refused(
                    f"host {name} has no private address, and the database is reached by it",
                    f'add private_address = "…" to [hosts.{name}]',
                ),
            )


def _apps(site: Site) -> Iterator[Found]:
    for app in site.apps.values():
        place: KeyPath = ("apps", app.name)
        yield from _host_with(site, (*place, "host"), app.host, Role.APP)
        if app.database is not None and app.database not in site.databases:
            yield (*place, "database"), _unknown("database", app.database, site.databases)
        if app.user in site.admins:
            yield (
                (*place, "user"),
                Refused(f"{app.user} is an admin", "give the application an account of its own"),
            )
        yield from _serving(site, app)
    yield from _shared(site)


def _serving(site: Site, app: App) -> Iterator[Found]:
    place: KeyPath = ("apps", app.name)
    if app.serve is Serve.PROXY and app.listen is None:
        yield (
            place,
            Refused("listen is missing", 'say where it listens: listen = "127.0.0.1:3000"'),
        )
    if app.certificate is not Authority.APACHE:
        return
    if app.serve is Serve.DIRECT:
        yield (
            (*place, "certificate"),
            Refused('"apache" needs Apache in front of the application', 'write "acme"'),
        )
    elif site.web.server is not WebServer.APACHE:
        yield (
            (*place, "certificate"),
            Refused(f'"apache" does not go with {site.web.server}', 'write "acme"'),
        )


def _shared(site: Site) -> Iterator[Found]:
    """What two applications on one host must not share."""
    owners: dict[Hashable, str] = {}
    for app in site.apps.values():
        parts: list[tuple[KeyPath, Hashable, str]] = [
            (("user",), app.user, "give each application an account of its own"),
            (("listen",), app.listen, "choose another port"),
        ]
        for index, name in enumerate(app.names):
            parts.append((("names", index), name, "give each name to one application"))
        for at, value, mend in parts:
            if value is None:
                continue
            owner = owners.setdefault((app.host, at[0], value), app.name)
            if owner != app.name:
                yield ("apps", app.name, *at), Refused(f"apps.{owner} has the same", mend)


def _backups(site: Site) -> Iterator[Found]:
    if site.backups is not None:
        yield from _host_with(site, ("backups", "to"), site.backups.to, Role.BACKUP)


def _exceptions(site: Site) -> Iterator[Found]:
    for exception in site.exceptions.values():
        for index, name in enumerate(exception.hosts or ()):
            if name not in site.hosts:
                yield ("exceptions", exception.control, "hosts", index), _no_host(name, site)


def _host_with(site: Site, place: KeyPath, name: str, role: Role) -> Iterator[Found]:
    if name not in site.hosts:
        yield place, _no_host(name, site)
    elif role not in site.hosts[name].roles:
        yield (
            place,
            Refused(f'host {name} has no role "{role}"', f"add it to {key_text(('hosts', name))}"),
        )


def _no_host(name: str, site: Site) -> Refused:
    return _unknown("host", name, site.hosts)


def _unknown(what: str, name: str, known: Mapping[str, object]) -> Refused:
    otherwise = f"add [{what}s.{name}] or name one that is there"
    return Refused(f"there is no {what} {shown(name)}", closest(name, known, otherwise=otherwise))
