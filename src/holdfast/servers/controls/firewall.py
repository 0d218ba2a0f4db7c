"""What may connect to a host: what the site says, from where the site says, IPv4 and IPv6 alike.

Source: guide G3.11. Corrected: the guide filters IPv4 only, drops all ICMP, and leaves the
application's own ports open to the world. What others have set up is left alone: where it clashes
with the site, a person decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address

from holdfast.servers import firewall_table as table
from holdfast.servers.access import Allowance, allowances, is_address, redirects
from holdfast.servers.attack import OUTSIDE, Attack, Attacker, Kind, Verdict
from holdfast.servers.control import Control, Gap, Phase, Principle, Severity, Want
from holdfast.servers.resources import FIREWALL_UNIT
from holdfast.servers.scan import (
    USUAL_TCP_PORTS,
    USUAL_UDP_PORTS,
    listening,
    scan,
    scan_from_other_hosts,
    tcp,
    udp,
)
from holdfast.servers.snapshot import BaseChain, Firewall, Snapshot, judged
from holdfast.site import Host, Site

UNIT_FILE = f"/etc/systemd/system/{FIREWALL_UNIT}"
FILTERING_PACKAGES = ("iptables", "python3-nftables")  # they filter without the program nft
IP_FAMILIES = ("inet", "ip", "ip6")

INBOUND = "firewall.inbound"


def gaps(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    """Yield what the running filter lets in beyond the site, or keeps out that the site lets in."""
    snapshot = snapshots[host.name]
    firewall = judged(snapshot.firewall)
    wanted = allowances(host, site)
    if not firewall.installed:
        yield Gap(
            "there is no packet filter",
            "package nftables: absent",
            wants=(Want("package nftables", "installed", "yes", Phase.WIDEN),),
        )
    yield from _base(firewall)
    yield from _rules(firewall, wanted)
    yield from _redirects(firewall, host, site)
    yield from _boot(snapshot, firewall)
    yield from _forwarding(firewall)
    yield from _other_filters(snapshot, firewall, wanted)


def wants(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> tuple[Want, ...]:
    """Return everything that is wanted of the filter, for controls that rely on it.

    A table that holds one of its rules and not the others would lock everybody out. Nothing is
    wanted of a filter that the site goes without.
    """
    if site.exception_for(INBOUND, host.name) is not None:
        return ()
    return tuple(want for gap in gaps(host, snapshots, site) for want in gap.wants)


def _base(firewall: Firewall) -> Iterator[Gap]:
    running = firewall.holdfast or ""
    free = firewall.forwarding and not table.stops_forwarding(running)
    forward = ("forward", "free" if free else "stopped")
    if not running:
        what, seen = "everybody may connect to everything", "table inet holdfast is not loaded"
        yield _gap(what, seen, ("base", table.BASE_VERSION), forward)
    elif not table.base_stands(running):
        what, seen = "the table was altered", "table inet holdfast differs"
        yield _gap(what, seen, ("base", table.BASE_VERSION), forward)
    elif not firewall.forwarding and not table.stops_forwarding(running):
        what = "what this host would forward for others is not stopped"
        yield _gap(what, "net.*.forwarding is off, and chain forward is missing", forward)


def _rules(firewall: Firewall, wanted: tuple[Allowance, ...]) -> Iterator[Gap]:
    rules = {table.allowance(a.protocol, a.port, a.source): a for a in wanted}
    held = set(table.allowed(firewall.holdfast or ""))
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


def _redirects(firewall: Firewall, host: Host, site: Site) -> Iterator[Gap]:
    """Those that the site wants are firewall.redirect's to judge."""
    known = {redirect.port for redirect in redirects(host, site)}
    for redirect in table.redirects(firewall.holdfast or ""):
        if redirect.port not in known:
            yield _gap(
                "a port is redirected that the site does not mention",
                f"port {redirect.port} leads to {redirect.to}",
                (f"redirect {redirect.port}", "absent"),
            )


def _gap(what: str, evidence: str, *wants: tuple[str, str]) -> Gap:
    return Gap(what, evidence, wants=tuple(Want("firewall", *w, Phase.NARROW) for w in wants))


def _boot(snapshot: Snapshot, firewall: Firewall) -> Iterator[Gap]:
    unit = judged(snapshot.units).get(FIREWALL_UNIT)
    enabled = ("boot", "enabled")
    if unit is None or unit.enabled != "enabled":
        what = "the packet filter is gone after a reboot"
        yield _gap(what, f"{FIREWALL_UNIT} is not enabled", enabled)
    elif firewall.holdfast is not None:
        running = table.loadable(table.as_written(firewall.holdfast))
        if _text(snapshot, table.FILE) != running:
            what = "another packet filter is loaded at boot than the one that runs"
            yield _gap(what, f"{table.FILE} differs from table inet holdfast", enabled)
        elif _text(snapshot, UNIT_FILE) != table.UNIT:
            what = "the packet filter is not loaded as Holdfast does it"
            yield _gap(what, f"{UNIT_FILE} was altered", enabled)


def _text(snapshot: Snapshot, path: str) -> str:
    held = snapshot.files.get(path)
    return "" if held is None else (judged(held).content or "")


def _forwarding(firewall: Firewall) -> Iterator[Gap]:
    """A host that forwards has somebody who wants it to: containers, a tunnel, a router."""
    if not firewall.forwarding:
        return
    if table.stops_forwarding(firewall.holdfast or ""):
        yield Gap(
            "Holdfast's table stops what this host forwards for others",
            "net.*.forwarding is on, and chain forward drops",
            mend="turn forwarding off with sysctl; or, if it is meant: "
            "sudo nft delete chain inet holdfast forward, then apply again",
        )
        return
    yield Gap(
        "what this host forwards for others is not filtered by Holdfast",
        "net.*.forwarding is on: published ports of containers go past the filter of the host",
        mend="publish containers' ports on 127.0.0.1 alone, filter the others in chain "
        "DOCKER-USER, or turn forwarding off with sysctl; then make an exception",
    )


def _other_filters(
    snapshot: Snapshot, firewall: Firewall, wanted: tuple[Allowance, ...]
) -> Iterator[Gap]:
    """A packet has to pass every filter: one more that drops may keep out what the site lets in."""
    packages = judged(snapshot.packages)
    seen = [_spelled(chain) for chain in firewall.base_chains if _may_keep_out(chain)]
    if not firewall.installed:
        others = [name for name in FILTERING_PACKAGES if name in packages]
        seen += [f"{name} is installed; its rules are unknown until nftables is" for name in others]
    if not seen:
        return
    ports = ", ".join(dict.fromkeys(f"{a.protocol} {a.port}" for a in wanted))
    stop = "sudo ufw disable" if "ufw" in packages else "set its policy to accept"
    yield Gap(
        "a packet filter of somebody else may keep out what the site lets in",
        "; ".join(seen),
        mend=f"let {ports} in there too; or, once Holdfast's table stands, take it away: {stop}",
    )


def _may_keep_out(chain: BaseChain) -> bool:
    ours = (chain.family, chain.table) == ("inet", "holdfast")
    takes_part = chain.hook == "input" and chain.family in IP_FAMILIES
    return takes_part and not ours and chain.policy != "accept"


def _spelled(chain: BaseChain) -> str:
    return f"table {chain.family} {chain.table}, chain {chain.chain}: policy {chain.policy}"


async def _usual_tcp_ports(attacker: Attacker) -> Verdict:
    return await scan(attacker, OUTSIDE, tcp({*USUAL_TCP_PORTS, *listening(attacker, "tcp")}))


async def _usual_udp_ports(attacker: Attacker) -> Verdict:
    return await scan(attacker, OUTSIDE, udp({*USUAL_UDP_PORTS, *listening(attacker, "udp")}))


async def _every_tcp_port(attacker: Attacker) -> Verdict:
    """One public address of each family: the table does not tell addresses apart."""
    named = [address for address in attacker.host.addresses if is_address(address)]
    one_each = {ip_address(address).version: address for address in reversed(named)}
    return await scan(attacker, OUTSIDE, tcp(range(1, 65536)), sorted(one_each.values()))


async def _from_the_other_hosts(attacker: Attacker) -> Verdict:
    ports = tcp({*USUAL_TCP_PORTS, *listening(attacker, "tcp")})
    ports |= udp({*USUAL_UDP_PORTS, *listening(attacker, "udp")})
    return await scan_from_other_hosts(attacker, ports)


FIREWALL_INBOUND = Control(
    id=INBOUND,
    title="Only what the site says may connect",
    principle=Principle.PREVENT_DIRECT_ACCESS,
    source="G3.11",
    severity=Severity.CRITICAL,
    stops="a database, a cache or a forgotten service answers to the whole internet",
    changes=(
        "Loads one table of its own, inet holdfast, that drops whatever the site does not let "
        "in, over IPv4 and IPv6, and a unit that loads it at boot. Tables of others are not "
        "touched, and what a host forwards for others is not stopped: both are told to a person."
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
            OUTSIDE,
            Kind.SAFE,
            _usual_tcp_ports,
        ),
        Attack(
            "usual-udp-ports",
            "ask the usual UDP ports and every UDP listener",
            OUTSIDE,
            Kind.SAFE,
            _usual_udp_ports,
        ),
        Attack(
            "from-other-hosts",
            "reach from the site's other hosts what is not meant for them",
            "the other hosts",
            Kind.SAFE,
            _from_the_other_hosts,
        ),
        Attack(
            "every-port", "connect to every TCP port", OUTSIDE, Kind.DISRUPTIVE, _every_tcp_port
        ),
    ),
)
