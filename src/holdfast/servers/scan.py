"""Scanning a host: which ports are tried from a vantage, and what the answers say.

Only addresses that the site names are tried; a host's own claims are not believed. A TCP port that
takes a connection and a UDP port that answers are successes, unless the site lets that vantage in.

A UDP port that is *refused* let nobody in, but the word that nobody listens came from the host: the
datagram passed the filter, or a filter of somebody else refuses in the same words. So it is neither
a success nor a sign that the host is protected: without a success, the scan is inconclusive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from holdfast.servers.access import allowances, is_address, private
from holdfast.servers.attack import (
    Attacker,
    Endpoint,
    Outcome,
    Reach,
    Verdict,
    inconclusive,
    repelled,
    succeeded,
)
from holdfast.servers.snapshot import judged

# Ports behind which something costly tends to stand: tried whether or not a listener was seen.
USUAL_TCP_PORTS = (
    *(21, 22, 23, 25, 53, 80, 110, 111, 135, 139, 143, 389, 443, 445, 465, 587, 631, 993, 995),
    *(1433, 1521, 2049, 2375, 2376, 2379, 2812, 3000, 3003, 3128, 3306, 3389, 4369, 5000, 5432),
    *(5601, 5672, 5900, 5984, 6379, 6443, 8000, 8080, 8081, 8443, 8888, 9000, 9090, 9092, 9200),
    *(9300, 10250, 11211, 15672, 27017, 33060),
)
USUAL_UDP_PORTS = (
    *(7, 17, 19, 53, 67, 69, 88, 111, 123, 137, 138, 161, 177, 389, 443, 500, 514, 520, 523, 623),
    *(1194, 1434, 1701, 1812, 1900, 2049, 3478, 4500, 4789, 5060, 5353, 5683, 6881, 8125, 10001),
    *(11211, 17185, 27015, 33848, 51820),
)
MOST_NAMED = 8
MEANT_TRIES = 3


async def scan(
    attacker: Attacker,
    vantage: str,
    ports: Iterable[tuple[str, int]],
    addresses: Sequence[str] | None = None,
) -> Verdict:
    """Try (protocol, port) on these addresses, or on all that the site names."""
    targets = addresses_of(attacker) if addresses is None else addresses
    pairs = sorted(ports)
    endpoints = [Endpoint(address, port, how) for address in targets for how, port in pairs]
    if not endpoints:
        return inconclusive("no address of this host is known")
    found = await attacker.connect(vantage, endpoints)
    open_ = [e for e in endpoints if found[e] is Reach.OPEN and not allowed(attacker, vantage, e)]
    if open_:
        return succeeded(f"from {vantage}: reached {named(open_)}")
    refused = [e for e in endpoints if e.protocol == "udp" and found[e] is Reach.REFUSED]
    refused = [e for e in refused if not allowed(attacker, vantage, e)]
    if refused:
        return inconclusive(
            f"from {vantage}: nobody listens on {named(refused)}, says the host itself; a filter "
            "that keeps datagrams out says nothing"
        )
    tried = [e for e in endpoints if found[e] is not Reach.FAILED]
    if not tried:
        return inconclusive(f"from {vantage}: no connection could be tried")
    count = len({endpoint.address for endpoint in tried})
    return repelled(f"from {vantage}: {len(tried)} ports on {count} addresses stay closed")


async def connect_where_meant(
    attacker: Attacker, vantage: str, endpoints: Sequence[Endpoint]
) -> dict[Endpoint, Reach]:
    """Try endpoints of which one is meant to take a connection, a few times if need be.

    A packet that gets lost is sent again after a second, which is longer than one try waits.
    """
    found: dict[Endpoint, Reach] = {}
    for _ in range(MEANT_TRIES):
        found = await attacker.connect(vantage, endpoints)
        if Reach.OPEN in found.values():
            break
    return found


async def scan_from_other_hosts(attacker: Attacker, ports: Iterable[tuple[str, int]]) -> Verdict:
    """Scan from every other host of the site; the worst verdict counts."""
    pairs = sorted(ports)
    names = [name for name in attacker.site.hosts if name != attacker.host.name]
    if not names:
        return repelled("the site has no other host")
    return worst(await asyncio.gather(*(scan(attacker, name, pairs) for name in names)))


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the first success, else the first that says nothing, else all evidence together."""
    for outcome in (Outcome.SUCCEEDED, Outcome.INCONCLUSIVE):
        for verdict in verdicts:
            if verdict.outcome is outcome:
                return verdict
    return repelled("; ".join(verdict.evidence for verdict in verdicts))


def tcp(ports: Iterable[int]) -> set[tuple[str, int]]:
    return {("tcp", port) for port in ports}


def udp(ports: Iterable[int]) -> set[tuple[str, int]]:
    return {("udp", port) for port in ports}


def listening(attacker: Attacker, protocol: str) -> set[int]:
    """Return the ports of a protocol on which the host listens for others."""
    return {
        one.port
        for one in judged(attacker.snapshot.listeners)
        if one.protocol == protocol and not is_loopback(one.address) and one.port
    }


def addresses_of(attacker: Attacker) -> list[str]:
    """Return the addresses of the host that the site names."""
    named_ = (*attacker.host.addresses, *private(attacker.host))
    return list(dict.fromkeys(address for address in named_ if is_address(address)))


def allowed(attacker: Attacker, vantage: str, endpoint: Endpoint) -> bool:
    """Whether the site lets this vantage reach the endpoint."""
    origin = attacker.site.hosts.get(vantage)
    sources = {*origin.addresses, *private(origin)} if origin else set()
    return any(
        (a.protocol, a.port) == (endpoint.protocol, endpoint.port)
        and (a.source is None or a.source in sources)
        for a in allowances(attacker.host, attacker.site)
    )


def is_loopback(address: str) -> bool:
    """Whether a listener's address is reached from its own host alone; `*` is none."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def named(endpoints: Sequence[Endpoint]) -> str:
    """Spell the first few endpoints for a person."""
    words = [
        f"{e.address} {'UDP ' if e.protocol == 'udp' else ''}port {e.port}"
        for e in endpoints[:MOST_NAMED]
    ]
    more = len(endpoints) - MOST_NAMED
    return ", ".join(words) + (f" and {more} more" if more > 0 else "")
