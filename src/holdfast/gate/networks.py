"""The networks that an address belongs to: whoever has one address often has its neighbours too."""

from __future__ import annotations

import ipaddress

NARROW, WIDE = {4: 32, 6: 64}, {4: 24, 6: 48}
"""How many bits of an address name what one visitor has, and what one provider hands out."""


def networks(address: str) -> tuple[str, str]:
    """Return the narrow and the wide network of an address; what is no address is all one place.

    An IPv4 address that is written as IPv6 is the IPv4 address.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "nowhere", "nowhere at all"
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return _network(found, NARROW), _network(found, WIDE)


def _network(address: ipaddress.IPv4Address | ipaddress.IPv6Address, bits: dict[int, int]) -> str:
    return str(ipaddress.ip_network((address, bits[address.version]), strict=False))
