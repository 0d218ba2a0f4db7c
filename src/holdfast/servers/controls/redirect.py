"""An application that serves itself needs no privilege: its ports are reached by redirect.

Source: guide G3.11. Corrected: the privileged ports are those below 1024, and the ports behind the
redirect are reached through it alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from holdfast.servers import firewall_table as table
from holdfast.servers.access import DIRECT_PORTS, Redirect, redirects
from holdfast.servers.attack import (
    OUTSIDE,
    Attack,
    Attacker,
    Endpoint,
    Kind,
    Outcome,
    Reach,
    Verdict,
    inconclusive,
)
from holdfast.servers.control import (
    Control,
    Gap,
    NotApplicable,
    Phase,
    Principle,
    Severity,
    Want,
)
from holdfast.servers.controls.firewall import INBOUND
from holdfast.servers.controls.firewall import wants as wants_of_the_filter
from holdfast.servers.scan import (
    addresses_of,
    connect_where_meant,
    is_loopback,
    scan,
    scan_from_other_hosts,
    tcp,
    worst,
)
from holdfast.servers.snapshot import Listener, Snapshot, judged
from holdfast.site import Host, Role, Serve, Site


def gaps(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    """Yield each port of the web that does not lead to the application, and what stands in between.

    Where several applications want the same ports, nothing is redirected until a person decides.
    """
    direct = [app.name for app in site.apps_on(host.name) if app.serve is Serve.DIRECT]
    if not direct:
        raise NotApplicable("no application of this host serves itself")
    if len(direct) > 1:
        yield Gap(
            "several applications want ports 80 and 443 of this host for themselves",
            f'serve = "direct": {", ".join(direct)}',
            mend='serve all but one with serve = "proxy", or give each a host of its own',
        )
        return
    if site.exception_for(INBOUND, host.name) is not None:
        yield Gap(
            "the redirect stands in Holdfast's packet filter, which this host goes without",
            f"exception for {INBOUND}",
            mend=f"end that exception, or redirect {_ports()} yourself and make an exception for "
            "firewall.redirect",
        )
        return
    snapshot = snapshots[host.name]
    running = set(table.redirects(judged(snapshot.firewall).holdfast or ""))
    listeners = [one for one in judged(snapshot.listeners) if one.protocol == "tcp"]
    rest = wants_of_the_filter(host, snapshots, site)
    for redirect in redirects(host, site):
        in_the_way = list(_in_the_way(redirect, listeners))
        yield from in_the_way
        if redirect not in running and not in_the_way:
            want = Want("firewall", f"redirect {redirect.port}", str(redirect.to), Phase.NARROW)
            yield Gap(
                f"port {redirect.port} does not lead to {direct[0]}",
                f"no redirect to port {redirect.to} in table inet holdfast",
                wants=(want, *rest),
            )


def _ports() -> str:
    return ", ".join(f"{port} to {to}" for port, to in DIRECT_PORTS.items())


def _in_the_way(redirect: Redirect, listeners: Iterable[Listener]) -> Iterator[Gap]:
    """A redirect takes visitors away from who listens on the port itself, and leads past loopback.

    `to` is only looked at where something listens there: an application that does not run is not
    this control's concern.
    """
    held = [one for one in listeners if one.port == redirect.port and not is_loopback(one.address)]
    if held:
        yield Gap(
            f"somebody listens on port {redirect.port} itself, which the redirect would cut off",
            ", ".join(f"{one.process or 'a process'} on {one.address}" for one in held),
            mend=f"have the application listen on port {redirect.to}, without privilege, and stop "
            f"what listens on port {redirect.port}",
        )
    behind = [one for one in listeners if one.port == redirect.to]
    if behind and all(is_loopback(one.address) for one in behind):
        yield Gap(
            f"the application listens where the redirect of port {redirect.port} does not lead",
            ", ".join(f"{one.process or 'a process'} on {one.address}" for one in behind),
            mend=f"have it listen on [::]:{redirect.to}: who is not redirected is kept out",
        )


async def _past_the_redirect(attacker: Attacker) -> Verdict:
    """The ports of the web are the canary: an application that is down answers nowhere."""
    verdict = worst(
        [
            await scan(attacker, OUTSIDE, tcp(DIRECT_PORTS.values())),
            await scan_from_other_hosts(attacker, tcp(DIRECT_PORTS.values())),
        ]
    )
    if verdict.outcome is not Outcome.REPELLED or not redirects(attacker.host, attacker.site):
        return verdict
    web = [Endpoint(address, port) for address in addresses_of(attacker) for port in DIRECT_PORTS]
    if Reach.OPEN not in (await connect_where_meant(attacker, OUTSIDE, web)).values():
        return inconclusive("from outside: the application does not answer on ports 80 and 443")
    return verdict


FIREWALL_REDIRECT = Control(
    id="firewall.redirect",
    title="An application that serves itself does so without privilege",
    principle=Principle.LEAST_PRIVILEGE,
    source="G3.11",
    severity=Severity.MEDIUM,
    stops="an application runs as root for the sake of two ports, and a flaw in it is root's",
    changes=(
        "Takes connections to ports 80 and 443 to ports 3000 and 3003 of the application, in "
        "Holdfast's own table, over IPv4 and IPv6. Connections to 3000 and 3003 themselves are "
        "dropped."
    ),
    deviates=(
        "The guide leaves ports 3000 and 3003 open to everybody beside the redirect, and "
        "redirects IPv4 alone. Here a connection is let in by the port that was asked for."
    ),
    gaps=gaps,
    roles=frozenset({Role.APP}),
    attacks=(
        Attack(
            "past-the-redirect",
            "connect to ports 3000 and 3003 directly",
            "outside and the other hosts",
            Kind.SAFE,
            _past_the_redirect,
            roles=frozenset({Role.APP}),
        ),
    ),
)
