"""What may connect to a host: what the site says, from where the site says, IPv4 and IPv6 alike.

Source: guide G3.11. Corrected: the guide filters IPv4 only, drops all ICMP, and leaves the
application's own ports open to the world.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address

from holdfast.servers import firewall_table as table
from holdfast.servers.access import Allowance, allowances, is_address, private
from holdfast.servers.attack import (
    Attack,
    Attacker,
    Endpoint,
    Kind,
    Outcome,
    Reach,
    Verdict,
    inconclusive,
    repelled,
    succeeded,
)
from holdfast.servers.control import Control, Gap, Phase, Principle, Severity, Want
from holdfast.servers.resources import FIREWALL_UNIT
from holdfast.servers.snapshot import Firewall, Snapshot, judged
from holdfast.site import Host, Role, Site

# Ports behind which something costly tends to stand: tried whether or not a listener was seen.
USUAL_PORTS = (
    *(21, 22, 23, 25, 53, 80, 110, 111, 135, 139, 143, 389, 443, 445, 465, 587, 631, 993, 995),
    *(1433, 1521, 2049, 2375, 2376, 2379, 2812, 3000, 3003, 3128, 3306, 3389, 4369, 5000, 5432),
    *(5601, 5672, 5900, 5984, 6379, 6443, 8000, 8080, 8081, 8443, 8888, 9000, 9090, 9092, 9200),
    *(9300, 10250, 11211, 15672, 27017, 33060),
)


def gaps(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    """Yield what the running filter lets in beyond the site, or keeps out that the site lets in."""
    snapshot = snapshots[host.name]
    firewall = judged(snapshot.firewall)
    if not firewall.installed:
        yield Gap(
            "there is no packet filter",
            "package nftables: absent",
            wants=(Want("package nftables", "installed", "yes", Phase.WIDEN),),
        )
    if firewall.forwarding and firewall.holdfast is None:
        yield Gap(
            "this host forwards packets for others, which Holdfast's table would stop",
            "net.*.forwarding is on",
            mend="turn forwarding off with sysctl, or make an exception for firewall.inbound",
        )
        return
    yield from _rules(firewall, allowances(host, site))
    yield from _boot(snapshot, firewall)


def _rules(firewall: Firewall, wanted: tuple[Allowance, ...]) -> Iterator[Gap]:
    rules = {table.allowance(a.protocol, a.port, a.source): a for a in wanted}
    running = firewall.holdfast or ""
    held = set(table.allowed(running))
    if not table.base_stands(running):
        yield _gap(
            "everybody may connect to everything" if not running else "the table was altered",
            "table inet holdfast is not loaded" if not running else "table inet holdfast differs",
            ("base", table.BASE_VERSION),
        )
    for rule, allowance in rules.items():
        if rule not in held:
            yield _gap(
                f"{allowance.protocol} {allowance.port} is not let in for {allowance.why}",
                f"no rule: {rule}",
                (f"allow {rule}", "present"),
            )
    for rule in sorted(held - set(rules)):
        yield _gap(
            "something is let in that the site does not mention",
            f"rule: {rule}",
            (f"allow {rule}", "absent"),
        )


def _gap(what: str, evidence: str, want: tuple[str, str]) -> Gap:
    return Gap(what, evidence, wants=(Want("firewall", *want, Phase.NARROW),))


def _boot(snapshot: Snapshot, firewall: Firewall) -> Iterator[Gap]:
    unit = judged(snapshot.units).get(FIREWALL_UNIT)
    held = snapshot.files.get(table.FILE)
    written = "" if held is None else (judged(held).content or "")
    if unit is None or unit.enabled != "enabled":
        yield _gap(
            "the packet filter is gone after a reboot",
            f"{FIREWALL_UNIT} is not enabled",
            ("boot", "enabled"),
        )
    elif firewall.holdfast is not None and written != table.loadable(
        table.render(table.allowed(firewall.holdfast))
    ):
        yield _gap(
            "another packet filter is loaded at boot than the one that runs",
            f"{table.FILE} differs from table inet holdfast",
            ("boot", "enabled"),
        )


async def _connect_from_outside(attacker: Attacker) -> Verdict:
    ports = {*USUAL_PORTS, *_listening(attacker)}
    return await _scan(attacker, "outside", sorted(ports))


async def _scan_everything(attacker: Attacker) -> Verdict:
    """One public address of each family: the table does not tell addresses apart."""
    named = [address for address in attacker.host.addresses if is_address(address)]
    one_each = {ip_address(address).version: address for address in reversed(named)}
    return await _scan(attacker, "outside", range(1, 65536), sorted(one_each.values()))


async def _connect_from_the_other_hosts(attacker: Attacker) -> Verdict:
    ports = sorted({*USUAL_PORTS, *_listening(attacker)})
    verdicts = []
    for name in attacker.site.hosts:
        if name != attacker.host.name:
            verdicts.append(await _scan(attacker, name, ports))
    for outcome in (Outcome.SUCCEEDED, Outcome.INCONCLUSIVE):
        for verdict in verdicts:
            if verdict.outcome is outcome:
                return verdict
    if not verdicts:
        return repelled("the site has no other host")
    return repelled("; ".join(verdict.evidence for verdict in verdicts))


async def _scan(
    attacker: Attacker, vantage: str, ports: Iterable[int], addresses: list[str] | None = None
) -> Verdict:
    """Whatever takes a connection that the site does not mention is a success."""
    targets = _addresses(attacker) if addresses is None else addresses
    endpoints = [Endpoint(address, port) for address in targets for port in ports]
    if not endpoints:
        return inconclusive("no address of this host is known")
    found = await attacker.connect(vantage, endpoints)
    open_ = [e for e in endpoints if found[e] is Reach.OPEN and not _allowed(attacker, vantage, e)]
    if open_:
        places = ", ".join(f"{e.address} port {e.port}" for e in open_[:8])
        return succeeded(f"from {vantage}: connected to {places}")
    tried = [e for e in endpoints if found[e] is not Reach.FAILED]
    if not tried:
        return inconclusive(f"from {vantage}: no connection could be tried")
    count = len({endpoint.address for endpoint in tried})
    return repelled(f"from {vantage}: {len(tried)} ports on {count} addresses stay closed")


def _addresses(attacker: Attacker) -> list[str]:
    """The addresses of the host that the site names; a host's own claims are not believed."""
    named = (*attacker.host.addresses, *private(attacker.host))
    return list(dict.fromkeys(address for address in named if is_address(address)))


def _listening(attacker: Attacker) -> set[int]:
    listeners = judged(attacker.snapshot.listeners)
    return {one.port for one in listeners if one.protocol == "tcp" and not _local(one.address)}


def _local(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _allowed(attacker: Attacker, vantage: str, endpoint: Endpoint) -> bool:
    origin = attacker.site.hosts.get(vantage)
    sources = {*origin.addresses, *private(origin)} if origin else set()
    return any(
        a.port == endpoint.port and (a.source is None or a.source in sources)
        for a in allowances(attacker.host, attacker.site)
    )


async def _database_from_outside(attacker: Attacker) -> Verdict:
    """The application's own connection is the canary: a database that is down closes every port."""
    databases = attacker.site.databases_on(attacker.host.name)
    if not databases:
        return inconclusive("the site names no database on this host")
    for database in databases:
        port = database.engine.port
        everywhere = [Endpoint(a, port) for a in _addresses(attacker)]
        found = await attacker.connect("outside", everywhere)
        open_ = [e.address for e in everywhere if found[e] is Reach.OPEN]
        if open_:
            return succeeded(f"connected to the database at {', '.join(open_)} port {port}")
        if all(reach is Reach.FAILED for reach in found.values()):
            return inconclusive("from outside: no connection could be tried")
        inside = [Endpoint(a, port) for a in private(attacker.host)]
        clients = {client for user in database.users.values() for client in user.from_hosts}
        for client in sorted(clients):
            reached = await attacker.connect(client, inside)
            if Reach.OPEN not in reached.values():
                return inconclusive(f"{client} itself does not reach the database on port {port}")
    return repelled("the application's host connects to the database, outside does not")


FIREWALL_INBOUND = Control(
    id="firewall.inbound",
    title="Only what the site says may connect",
    principle=Principle.PREVENT_DIRECT_ACCESS,
    source="G3.11",
    severity=Severity.CRITICAL,
    stops="a database, a cache or a forgotten service answers to the whole internet",
    changes=(
        "Loads one table of its own, inet holdfast, that drops whatever the site does not let "
        "in, over IPv4 and IPv6, and a unit that loads it at boot. Tables of others are not "
        "touched."
    ),
    deviates=(
        "The guide filters IPv4 only, drops all ICMP and leaves the application's own ports "
        "open to everybody. Here both families are filtered alike and the ICMP that networks "
        "need passes."
    ),
    gaps=gaps,
    attacks=(
        Attack(
            "usual-ports",
            "connect to the usual ports and to every listener",
            "outside",
            Kind.SAFE,
            _connect_from_outside,
        ),
        Attack(
            "from-other-hosts",
            "connect from the site's other hosts to what is not meant for them",
            "the other hosts",
            Kind.SAFE,
            _connect_from_the_other_hosts,
        ),
        Attack(
            "every-port", "connect to every TCP port", "outside", Kind.DISRUPTIVE, _scan_everything
        ),
        Attack(
            "database",
            "connect to the database",
            "outside",
            Kind.SAFE,
            _database_from_outside,
            roles=frozenset({Role.DATABASE}),
        ),
    ),
)
