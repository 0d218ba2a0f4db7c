"""The host's addresses, what listens on them, and the kernel's packet filter."""

from __future__ import annotations

import json
import os
import re
import socket
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

from .read_files import cannot_read
from .read_programs import CannotRead, Program, find

FAMILY, TABLE = "inet", "holdfast"
ANY_FAMILY = "*"
LISTENING = ("LISTEN", "UNCONN")
LARGEST_TABLE = 256 * 1024
MOST_CHAINS = 512

# Tables of the older iptables, which nft does not show: their built-in chains by hook.
LEGACY_NAMES = (("ip", "/proc/net/ip_tables_names"), ("ip6", "/proc/net/ip6_tables_names"))
LEGACY_CHAINS = {
    "filter": ("input", "forward", "output"),
    "mangle": ("prerouting", "input", "forward", "output", "postrouting"),
    "nat": ("prerouting", "input", "output", "postrouting"),
    "raw": ("prerouting", "output"),
    "security": ("input", "forward", "output"),
}
LEGACY_POLICY = "unknown"

_PROCESS = re.compile(r'\("((?:[^"]|"(?!,pid=))*)",pid=(\d+),fd=\d+\)')
_FORWARDING = ("/proc/sys/net/ipv4/conf", "/proc/sys/net/ipv6/conf")


class Socket(NamedTuple):
    """A socket that `ss` shows, with the processes that hold it; unprivileged, there are none."""

    protocol: str
    address: str
    port: int
    names: Tuple[str, ...]
    pids: Tuple[int, ...]


def canonical(address: str) -> Optional[Tuple[int, str]]:
    """Return (4 or 6, the address as it is usually written), None if it is no address."""
    for version, family in ((4, socket.AF_INET), (6, socket.AF_INET6)):
        try:
            packed = socket.inet_pton(family, address)
        except (OSError, ValueError):
            continue
        if version == 6 and packed[:12] == b"\0" * 10 + b"\xff\xff":
            return 4, socket.inet_ntop(socket.AF_INET, packed[12:])
        return version, socket.inet_ntop(family, packed)
    return None


def parse_addresses(text: str) -> List[str]:
    """Return the addresses in `ip -j addr`, loopback left out, IPv4 first. Raises CannotRead."""
    found = set()
    try:
        for interface in json.loads(text):
            if "LOOPBACK" in interface.get("flags", ()):
                continue
            for entry in interface.get("addr_info", ()):
                address = canonical(entry.get("local", ""))
                if address is not None:
                    found.add(address)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise CannotRead("what `ip -j addr` prints is not understood") from error
    return [address for _, address in sorted(found)]


def parse_sockets(text: str) -> List[Socket]:
    """Return what `ss -H -tulnp` shows. Raises CannotRead.

    A process may have any name, also one with a line break in it. What follows the break is
    passed over: its 15 bytes are too few to look like a socket.
    """
    found = []
    for line in text.split("\n"):
        columns = line.split(None, 6)
        if len(columns) < 6 or columns[0] not in ("tcp", "udp") or columns[1] not in LISTENING:
            continue
        if not (columns[2].isdecimal() and columns[3].isdigit()):
            continue
        address, _, port = columns[4].rpartition(":")
        address = address.strip("[]").partition("%")[0].strip("[]")
        known = (4, ANY_FAMILY) if address == ANY_FAMILY else canonical(address)
        if known is None or not (port.isdecimal() and len(port) < 6 and int(port) < 65_536):
            raise CannotRead(f"ss shows a socket that is not understood: {columns[4][:100]}")
        holders = _PROCESS.findall(columns[6] if len(columns) > 6 else "")
        names = tuple(sorted({name for name, _ in holders}))
        pids = tuple(sorted({int(pid) for _, pid in holders}))
        found.append(Socket(columns[0], known[1], int(port), names, pids))
    return sorted(found)


def require_network() -> None:
    """Raise CannotRead if this process sits in a network of its own (systemd's PrivateNetwork).

    There everything is empty without any error. Where the system's network may not be compared,
    an interface besides loopback is the proof.
    """
    try:
        shut_off = os.readlink("/proc/self/ns/net") != os.readlink("/proc/1/ns/net")
    except OSError:
        shut_off = not beyond_loopback(_kernel_text("/proc/self/net/dev"))
    if shut_off:
        raise CannotRead("this reader is shut off in a network of its own")


def beyond_loopback(devices: str) -> bool:
    """Whether /proc/net/dev lists an interface besides loopback."""
    names = (line.partition(":")[0].strip() for line in devices.splitlines() if ":" in line)
    return any(name != "lo" for name in names)


def listeners_section(program: Program, sshd_pid: Optional[int]) -> List[Dict[str, object]]:
    """Return the listeners; sshd's own must be among them. Raises CannotRead."""
    require_network()
    sockets = parse_sockets(program.succeeded())
    if sshd_pid is not None and not any(sshd_pid in each.pids for each in sockets):
        raise CannotRead("ss does not show the socket of the sshd that runs")
    listeners = {
        (each.protocol, each.address, each.port, ",".join(each.names)[:256]) for each in sockets
    }
    return [
        dict(zip(("protocol", "address", "port", "process"), listener))
        for listener in sorted(listeners)
    ]


def parse_base_chains(text: str) -> List[Dict[str, str]]:
    """Return the chains with a hook in `nft -j list ruleset`. Raises CannotRead."""
    try:
        chains = [item["chain"] for item in json.loads(text)["nftables"] if "chain" in item]
        return [
            {
                "family": str(chain["family"]),
                "table": str(chain["table"]),
                "chain": str(chain["name"]),
                "hook": str(chain["hook"]),
                "policy": str(chain.get("policy", "accept")),
            }
            for chain in chains
            if "hook" in chain
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CannotRead("what `nft -j list ruleset` prints is not understood") from error


def has_table(text: str) -> bool:
    """Whether a ruleset that `parse_base_chains` accepted holds our own table."""
    tables = [item.get("table") or {} for item in json.loads(text)["nftables"]]
    return any(each.get("family") == FAMILY and each.get("name") == TABLE for each in tables)


def legacy_chains(family: str, names: str) -> List[Dict[str, str]]:
    """Return the built-in chains of the iptables tables named; their policy stays unknown."""
    return [
        {
            "family": family,
            "table": f"legacy-{name[:64]}",
            "chain": hook.upper(),
            "hook": hook,
            "policy": LEGACY_POLICY,
        }
        for name in sorted(set(names.split()))
        for hook in LEGACY_CHAINS.get(name, ())
    ]


class FirewallAsked(NamedTuple):
    """The questions to nft, None where it is not installed."""

    ruleset: Optional[Program]
    table: Optional[Program]


def ask_nft() -> FirewallAsked:
    """Start both questions."""
    if find("nft") is None or os.geteuid() != 0:
        return FirewallAsked(None, None)
    table = Program("nft", "-s", "list", "table", FAMILY, TABLE)
    return FirewallAsked(Program("nft", "-j", "-t", "list", "ruleset"), table)


def firewall_section(asked: FirewallAsked) -> Dict[str, object]:
    """Return the packet filter as the kernel runs it. Raises CannotRead."""
    if os.geteuid() != 0:
        raise CannotRead("needs root")
    require_network()
    chains: List[Dict[str, str]] = []
    table = None
    if asked.ruleset is not None and asked.table is not None:
        ruleset = asked.ruleset.succeeded()
        chains += parse_base_chains(ruleset)
        if has_table(ruleset):
            table = asked.table.succeeded()
            if len(table) > LARGEST_TABLE:
                raise CannotRead(f"table {FAMILY} {TABLE} is longer than {LARGEST_TABLE}")
    for family, path in LEGACY_NAMES:
        chains += legacy_chains(family, _kernel_text(path))
    if len(chains) > MOST_CHAINS:
        raise CannotRead(f"there are more than {MOST_CHAINS} base chains")
    return {
        "installed": asked.ruleset is not None,
        "base_chains": sorted(chains, key=lambda chain: tuple(chain.values())),
        "holdfast": table,
        "forwarding": forwards(),
    }


def forwards() -> bool:
    """Whether the kernel passes packets on between any two interfaces. Raises CannotRead."""
    if not os.path.isdir(_FORWARDING[0]):
        raise CannotRead(f"{_FORWARDING[0]} is hidden from this reader: it runs in a sandbox")
    for folder in map(Path, _FORWARDING):
        for interface in sorted(folder.glob("*")):
            if interface.name != "default" and _kernel_text(f"{interface}/forwarding") == "1\n":
                return True
    return False


def _kernel_text(path: str) -> str:
    try:
        return Path(path).read_text()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise cannot_read(path, error) from error
