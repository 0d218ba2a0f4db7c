"""Addresses and networks of the site file."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, InstanceOf

from holdfast.site.errors import Refused, shown
from holdfast.site.names import dns_name
from holdfast.site.table import text_to

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

LISTEN = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]]+)):([0-9]{1,5})")
LARGEST_PORT = 65535


def address(text: str) -> str:
    """An IP address or a DNS name, in its canonical form."""
    try:
        return str(ip_address(text))
    except _NoIPAddress:
        return dns_name(text)


def ip_address(text: str) -> IPAddress:
    """An IP address that one host alone can have."""
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        raise _NoIPAddress(
            f"{shown(text)} is not an IP address", 'write one like "10.0.0.11"'
        ) from None
    if parsed.is_unspecified or parsed.is_multicast or text == "255.255.255.255":
        raise Refused(f"{shown(text)} is no address of one host", "write the host's own address")
    if isinstance(parsed, IPv6Address) and (parsed.scope_id or parsed.ipv4_mapped):
        raise Refused(
            f"{shown(text)} holds a zone or an IPv4 address", "write the plain IPv6 or IPv4 address"
        )
    return parsed


def private_address(text: str) -> IPAddress:
    """An IP address that other hosts reach; it becomes a source in their firewalls."""
    parsed = ip_address(text)
    if parsed.is_loopback or parsed.is_link_local:
        raise Refused(
            f"{shown(text)} cannot be reached from another host",
            "write the address in the network the hosts share",
        )
    return parsed


def network(text: str) -> IPNetwork:
    """An IP address or a network in CIDR notation, but not the whole internet."""
    try:
        parsed = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise Refused(
            f"{shown(text)} is neither an IP address nor a network",
            'write "198.51.100.7" or "198.51.100.0/24"',
        ) from None
    if parsed.prefixlen == 0:
        raise Refused(f"{shown(text)} is the whole internet", "name the addresses that are meant")
    if "/" in text and ipaddress.ip_interface(text).ip != parsed.network_address:
        raise Refused(
            f"{shown(text)} is an address inside a network",
            f"write the network {parsed}, or the address alone",
        )
    return parsed


@dataclass(frozen=True)
class Listen:
    """Where an application listens on its host: `127.0.0.1:3000`, `[::1]:3000`."""

    address: IPAddress
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `ADDRESS:PORT`; raises `Refused`."""
        match = LISTEN.fullmatch(text)
        if match is None or not 0 < int(match[3]) <= LARGEST_PORT:
            raise Refused(f"{shown(text)} is not an address and a port", 'write "127.0.0.1:3000"')
        try:
            parsed = ipaddress.ip_address(match[1] or match[2])
        except ValueError:
            raise Refused(
                f"{shown(text)} does not begin with an IP address", 'write "127.0.0.1:3000"'
            ) from None
        return cls(parsed, int(match[3]))

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"{host}:{self.port}"


class _NoIPAddress(Refused):
    """It may still be a name."""


Address = Annotated[str, AfterValidator(address)]
PrivateAddress = Annotated[IPAddress, BeforeValidator(text_to(private_address))]
Network = Annotated[IPNetwork, BeforeValidator(text_to(network))]
ListenAddress = Annotated[InstanceOf[Listen], BeforeValidator(text_to(Listen.parse))]
