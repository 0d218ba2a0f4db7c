"""The one packet filter table that Holdfast owns: `inet holdfast`, IPv4 and IPv6 alike.

New connections are judged per protocol; everything that is not allowed is dropped without an
answer. Ports are redirected where the site says so, and what was redirected is let in by the port
that was asked for, so that nobody reaches the other one directly. Forwarding is stopped, except on
a host that forwards for others: there the table has no chain for it.

The text is written exactly as `nft -s list table` prints it, one rule per source, without sets and
without names from /etc/protocols (which small systems lack), so that what runs can be compared with
what is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from holdfast.servers.access import Redirect

FILE = "/etc/holdfast/firewall.nft"

# What IP itself needs: RFC 4890 for ICMPv6, RFC 1812 for ICMP.
_ICMP = ("echo-request", "destination-unreachable", "time-exceeded", "parameter-problem")
_ICMPV6 = (
    "destination-unreachable",
    "packet-too-big",
    "time-exceeded",
    "parameter-problem",
    "echo-request",
    "mld-listener-query",
    "nd-router-advert",
    "nd-neighbor-solicit",
    "nd-neighbor-advert",
)

_INPUT = (
    "type filter hook input priority filter; policy drop;",
    "ct state established,related accept",
    'iifname "lo" accept',
    "ct state invalid drop",
    "ip6 saddr fe80::/10 ip6 daddr fe80::/10 udp dport 546 accept",  # DHCPv6, RFC 8415
    "jump new_icmp",
    "jump new_tcp",
    "jump new_udp",
)
_FORWARD = ("type filter hook forward priority filter; policy drop;",)
_NEW_ICMP = (
    *(f"icmp type {name} accept" for name in _ICMP),
    *(f"icmpv6 type {name} accept" for name in _ICMPV6),
)
_REDIRECTED = "type nat hook prerouting priority dstnat; policy accept;"
_REDIRECT = re.compile(
    r"fib daddr type local tcp dport ([1-9][0-9]{0,4}) redirect to :([1-9][0-9]{0,4})"
)
BASE_VERSION = "1"

# The table must stand before any address does, and must not wait for anything that needs it.
# Debian's nftables.service flushes every table whenever it loads its own: ours comes after it.
UNIT = f"""\
# Written by Holdfast: loads its own table at boot and touches no other.
[Unit]
Description=Holdfast's packet filter
DefaultDependencies=no
After=local-fs.target systemd-modules-load.service nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service
Before=network-pre.target shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f {FILE}
ExecReload=/usr/sbin/nft -f {FILE}

[Install]
WantedBy=sysinit.target nftables.service
"""


def allowance(protocol: str, port: int, source: str | None) -> str:
    """Return the rule that lets new connections in, in nft's own spelling.

    `source` is an address, or None for everybody.
    """
    if source is None:
        return f"{protocol} dport {port} accept"
    family = "ip6" if ":" in source else "ip"
    return f"{family} saddr {source} {protocol} dport {port} accept"


def render(
    allowed: Iterable[str], redirects: Iterable[Redirect] = (), *, forward: bool = False
) -> str:
    """Return the table as `nft -s list table inet holdfast` prints it.

    With `forward`, what the host forwards for others passes.
    """
    rules = sorted(allowed)
    chains = {
        "new_tcp": [rule for rule in rules if " tcp dport" in f" {rule}"],
        "new_udp": [rule for rule in rules if " udp dport" in f" {rule}"],
        **_base(sorted(redirects), forward=forward),
    }
    lines = ["table inet holdfast {"]
    for number, (name, body) in enumerate(chains.items()):
        lines += [""] if number else []
        lines += [f"\tchain {name} {{", *(f"\t\t{rule}" for rule in body), "\t}"]
    return "\n".join([*lines, "}"]) + "\n"


def _base(redirects: list[Redirect], *, forward: bool) -> dict[str, list[str]]:
    """Return every chain but those that hold the allowances."""
    base = {"input": [*_INPUT]}
    if not forward:
        base["forward"] = [*_FORWARD]
    base["new_icmp"] = [*_NEW_ICMP]
    if redirects:
        base["input"].append("jump new_redirected")
        base["new_redirected"] = [
            f"tcp dport {one.to} ct original proto-dst {one.port} accept" for one in redirects
        ]
        # What is only forwarded, as of containers to the internet, is nobody's visitor.
        own = "fib daddr type local"
        taken = [f"{own} tcp dport {one.port} redirect to :{one.to}" for one in redirects]
        base["redirected"] = [_REDIRECTED, *taken]
    return base


def loadable(table: str) -> str:
    """Return a file that puts the table in place of the running one in a single transaction."""
    return f"# Written by Holdfast.\ntable inet holdfast\ndelete table inet holdfast\n{table}"


def chains(table: str) -> dict[str, list[str]]:
    """Return the rules of each chain, spaces folded; what cannot be placed is under ``""``."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in table.splitlines():
        text = " ".join(line.split())
        if text.startswith("chain ") and text.endswith(" {"):
            name = text[6:-2]
            found[name] = []
        elif text == "}":
            name = ""
        elif text and not text.startswith(("table ", "#")):
            found.setdefault(name, []).append(text)
    return found


def base_stands(table: str) -> bool:
    """Whether everything except the allowances is as Holdfast writes it."""
    found = chains(table)
    base = _base(redirects(table), forward="forward" not in found)
    return {"new_tcp", "new_udp"} <= set(found) and base == {
        name: body for name, body in found.items() if name not in ("new_tcp", "new_udp")
    }


def allowed(table: str) -> list[str]:
    """Return the rules that let new connections in."""
    found = chains(table)
    return sorted([*found.get("new_tcp", []), *found.get("new_udp", [])])


def redirects(table: str) -> list[Redirect]:
    """Return what is redirected; a rule that is no plain redirect is left out."""
    rules = (_REDIRECT.fullmatch(rule) for rule in chains(table).get("redirected", []))
    return sorted(Redirect(int(rule[1]), int(rule[2])) for rule in rules if rule)


def stops_forwarding(table: str) -> bool:
    """Whether nothing that the host forwards passes."""
    return chains(table).get("forward") == [*_FORWARD]


def as_written(table: str) -> str:
    """Return the table that does what this one does, as Holdfast writes it."""
    forward = "forward" not in chains(table)
    return render(allowed(table), redirects(table), forward=forward)


def same(running: str | None, wanted: str) -> bool:
    """Whether the running table does what the wanted one does; the order of allowances is free."""
    if running is None or not base_stands(running) or not base_stands(wanted):
        return False
    return _does(running) == _does(wanted)


def _does(table: str) -> tuple[set[str], list[Redirect], bool]:
    return set(allowed(table)), redirects(table), stops_forwarding(table)
