"""The one packet filter table that Holdfast owns: `inet holdfast`, IPv4 and IPv6 alike.

New connections are judged per protocol; everything that is not allowed is dropped without an
answer. The text is written exactly as `nft -s list table` prints it, one rule per source, without
sets and without names from /etc/protocols (which small systems lack), so that what runs can be
compared with what is wanted.
"""

from __future__ import annotations

from collections.abc import Iterable

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

_BASE: dict[str, tuple[str, ...]] = {
    "input": (
        "type filter hook input priority filter; policy drop;",
        "ct state established,related accept",
        'iifname "lo" accept',
        "ct state invalid drop",
        "ip6 saddr fe80::/10 ip6 daddr fe80::/10 udp dport 546 accept",  # DHCPv6, RFC 8415
        "jump new_icmp",
        "jump new_tcp",
        "jump new_udp",
    ),
    "forward": ("type filter hook forward priority filter; policy drop;",),
    "new_icmp": (
        *(f"icmp type {name} accept" for name in _ICMP),
        *(f"icmpv6 type {name} accept" for name in _ICMPV6),
    ),
}
BASE_VERSION = "1"

# The table must stand before any address does, and must not wait for anything that needs it.
UNIT = f"""\
# Written by Holdfast: loads its own table at boot and touches no other.
[Unit]
Description=Holdfast's packet filter
DefaultDependencies=no
After=local-fs.target systemd-modules-load.service
Before=network-pre.target shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f {FILE}
ExecReload=/usr/sbin/nft -f {FILE}

[Install]
WantedBy=sysinit.target
"""


def allowance(protocol: str, port: int, source: str | None) -> str:
    """Return the rule that lets new connections in, in nft's own spelling.

    `source` is an address, or None for everybody.
    """
    if source is None:
        return f"{protocol} dport {port} accept"
    family = "ip6" if ":" in source else "ip"
    return f"{family} saddr {source} {protocol} dport {port} accept"


def render(allowed: Iterable[str]) -> str:
    """Return the table as `nft -s list table inet holdfast` prints it."""
    rules = sorted(allowed)
    chains = {
        "new_tcp": [rule for rule in rules if " tcp dport" in f" {rule}"],
        "new_udp": [rule for rule in rules if " udp dport" in f" {rule}"],
        **_BASE,
    }
    lines = ["table inet holdfast {"]
    for number, (name, body) in enumerate(chains.items()):
        lines += [""] if number else []
        lines += [f"\tchain {name} {{", *(f"\t\t{rule}" for rule in body), "\t}"]
    return "\n".join([*lines, "}"]) + "\n"


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
    return set(found) == {*_BASE, "new_tcp", "new_udp"} and all(
        found[name] == list(body) for name, body in _BASE.items()
    )


def allowed(table: str) -> list[str]:
    """Return the rules that let new connections in."""
    found = chains(table)
    return sorted([*found.get("new_tcp", []), *found.get("new_udp", [])])


def same(running: str | None, wanted: str) -> bool:
    """Whether the running table does what the wanted one does; the order of allowances is free."""
    if running is None or not base_stands(running) or not base_stands(wanted):
        return False
    return set(allowed(running)) == set(allowed(wanted))
