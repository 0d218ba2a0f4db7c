"""Which networks an address belongs to."""

from __future__ import annotations

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.gate.networks import networks


@pytest.mark.parametrize(
    ("address", "narrow", "wide"),
    [
        ("198.51.100.7", "198.51.100.7/32", "198.51.100.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("::ffff:198.51.100.7", "198.51.100.7/32", "198.51.100.0/24"),
        ("::ffff:c633:6407", "198.51.100.7/32", "198.51.100.0/24"),
        ("fe80::1%eth0", "fe80::/64", "fe80::/48"),
        ("::1", "::/64", "::/48"),
    ],
)
def test_networks(address: str, narrow: str, wide: str) -> None:
    assert networks(address) == (narrow, wide)


@given(st.integers(2**112, 2**128 - 1), st.integers(0, 2**64 - 1))
def test_whoever_has_a_network_of_64_bits_is_one_visitor(number: int, rest: int) -> None:
    one, other = IPv6Address(number), IPv6Address(number >> 64 << 64 | rest)
    assert networks(str(one)) == networks(str(other))


@pytest.mark.parametrize(
    "text", ["", "unix:", "1.2.3", "1.2.3.4:80", "[::1]", "01.2.3.4", "1.2.3.4/8", "x" * 9999, "\0"]
)
def test_what_is_no_address_is_all_one_place(text: str) -> None:
    assert networks(text) == ("nowhere", "nowhere at all")
