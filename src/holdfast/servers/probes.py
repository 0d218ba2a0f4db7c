"""The site's own connections: what must work after a change if it worked before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from holdfast.servers.access import DIRECT_PORTS, WEB_PORTS, is_address, private
from holdfast.servers.attack import OUTSIDE
from holdfast.servers.fleet import Fleet
from holdfast.servers.session_errors import SessionError
from holdfast.site import App, Host, Serve, Site


@dataclass(frozen=True)
class Probe:
    """A TCP connection that the site needs, from outside or from one of its hosts."""

    vantage: str
    address: str
    port: int
    purpose: str

    def __str__(self) -> str:
        return f"{self.purpose} ({self.vantage} to {self.address} port {self.port})"


def probes_for(host: Host, site: Site) -> tuple[Probe, ...]:
    """Return the connections that a change on this host could break."""
    return tuple(dict.fromkeys((*_databases(host, site), *_applications(host, site))))


def _databases(host: Host, site: Site) -> Iterator[Probe]:
    for database in site.databases.values():
        clients = {client for user in database.users.values() for client in user.from_hosts}
        if host.name not in {database.host, *clients}:
            continue
        for client in sorted(clients):
            for address in private(site.hosts[database.host]):
                yield Probe(client, address, database.engine.port, f"database {database.name}")


def _applications(host: Host, site: Site) -> Iterator[Probe]:
    """An application answers on its own host, and its visitors from outside."""
    for app in site.apps_on(host.name):
        for address, port in _listens(app):
            yield Probe(host.name, address, port, f"application {app.name}")
        for address in filter(is_address, host.addresses):
            for port in WEB_PORTS:
                yield Probe(OUTSIDE, address, port, f"visitors of {app.name}")


def _listens(app: App) -> Iterator[tuple[str, int]]:
    if app.listen is not None:
        yield str(app.listen.address), app.listen.port
    elif app.serve is Serve.DIRECT:
        yield from (("127.0.0.1", port) for port in DIRECT_PORTS.values())


async def answering(fleet: Fleet, probes: Sequence[Probe]) -> dict[Probe, bool]:
    """Try every probe; one whose own host cannot be reached counts as not answering."""

    async def of(vantage: str) -> dict[Probe, bool]:
        mine = [probe for probe in probes if probe.vantage == vantage]
        try:
            found = await fleet.probe(vantage, [(p.address, p.port) for p in mine])
        except SessionError:
            found = {}
        return {probe: found.get((probe.address, probe.port)) == "open" for probe in mine}

    groups = await asyncio.gather(*(of(v) for v in {probe.vantage for probe in probes}))
    return {probe: ok for group in groups for probe, ok in group.items()}
