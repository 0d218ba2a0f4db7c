"""Addresses, listeners and the packet filter, from what the system's programs print."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.servers.hand import read_network
from holdfast.servers.hand.read_programs import CannotRead


@pytest.mark.parametrize(
    ("line", "socket"),
    [
        (
            'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=33,fd=3))',
            ("tcp", "0.0.0.0", 22, ("sshd",), (33,)),
        ),
        (
            'tcp LISTEN 0 4096 *:22 *:* users:(("sshd",pid=33,fd=3),("systemd",pid=1,fd=9))',
            ("tcp", "*", 22, ("sshd", "systemd"), (1, 33)),
        ),
        ("tcp LISTEN 0 80 [::1]:3306 [::]:*", ("tcp", "::1", 3306, (), ())),
        ("tcp LISTEN 0 80 [::ffff:10.0.0.1]:80 *:*", ("tcp", "10.0.0.1", 80, (), ())),
        ("udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:*", ("udp", "127.0.0.53", 53, (), ())),
        ("udp UNCONN 0 0 [fe80::1]%eth0:546 [::]:*", ("udp", "fe80::1", 546, (), ())),
        ("udp UNCONN 0 0 [fe80::1%eth0]:546 [::]:*", ("udp", "fe80::1", 546, (), ())),
        (
            'tcp LISTEN 0 1 *:80 *:* users:(("a b",c),("pid=1",pid=2,fd=3))',
            ("tcp", "*", 80, ('a b",c),("pid=1',), (2,)),
        ),
    ],
)
def test_a_listening_socket(line: str, socket: tuple[object, ...]) -> None:
    assert read_network.parse_sockets(f"{line}\n") == [socket]


@pytest.mark.parametrize("name", ["\ntcp LISTEN 0 0", "\nudp a b c d e", "\n", '"x",pid=1,fd=3'])
def test_a_process_cannot_forge_or_hide_a_listener_by_its_name(name: str) -> None:
    text = f'tcp LISTEN 0 1 *:8080 *:* users:(("{name}",pid=2,fd=3))\ntcp LISTEN 0 1 *:9 *:*\n'
    sockets = read_network.parse_sockets(text)
    assert [(each.address, each.port) for each in sockets] == [("*", 9), ("*", 8080)]


@pytest.mark.parametrize("place", ["nowhere:22", "*:ssh", "*:99999", "10.0.0.1:"])
def test_a_socket_that_is_not_understood_is_not_passed_over(place: str) -> None:
    with pytest.raises(CannotRead):
        read_network.parse_sockets(f"tcp LISTEN 0 128 {place} *:*\n")


def test_addresses_come_without_loopback_and_in_order() -> None:
    text = json.dumps(
        [
            {"flags": ["LOOPBACK", "UP"], "addr_info": [{"local": "127.0.0.1"}]},
            {
                "flags": ["UP"],
                "addr_info": [{"local": "fd77:0::1"}, {"local": "10.0.0.11"}, {"dev": "x"}],
            },
            {"addr_info": [{"local": "10.0.0.11"}]},
            {},
        ]
    )
    assert read_network.parse_addresses(text) == ["10.0.0.11", "fd77::1"]


RULESET = {
    "nftables": [
        {"metainfo": {"version": "1.0.6"}},
        {"table": {"family": "ip", "name": "holdfast", "handle": 1}},
        {"chain": {"family": "ip", "table": "f", "name": "plain", "handle": 1}},
        {
            "chain": {
                "family": "ip",
                "table": "f",
                "name": "in",
                "type": "filter",
                "hook": "input",
                "prio": 0,
                "policy": "drop",
            }
        },
    ]
}


def test_base_chains_are_those_with_a_hook() -> None:
    assert read_network.parse_base_chains(json.dumps(RULESET)) == [
        {"family": "ip", "table": "f", "chain": "in", "hook": "input", "policy": "drop"}
    ]


def test_our_table_is_told_apart_from_one_of_another_family() -> None:
    assert not read_network.has_table(json.dumps(RULESET))
    ours = {"nftables": [{"table": {"family": "inet", "name": "holdfast"}}]}
    assert read_network.has_table(json.dumps(ours))


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{}", '{"nftables": 1}', "Error: no", "[" * 9999]
)
def test_what_is_no_ruleset_is_refused(text: str) -> None:
    with pytest.raises(CannotRead):
        read_network.parse_base_chains(text)


@pytest.mark.parametrize("text", ["", "null", "1", "[1]", '[{"addr_info": 1}]', "[" * 9999])
def test_what_is_no_list_of_addresses_is_refused(text: str) -> None:
    with pytest.raises(CannotRead):
        read_network.parse_addresses(text)


@given(st.text(max_size=200))
def test_no_output_breaks_the_parsers(text: str) -> None:
    for parse in (
        read_network.parse_base_chains,
        read_network.parse_addresses,
        read_network.parse_sockets,
    ):
        with contextlib.suppress(CannotRead):
            parse(text)
    read_network.legacy_chains("ip", text)
    read_network.beyond_loopback(text)


def test_tables_of_the_older_iptables_show_as_base_chains() -> None:
    chains = read_network.legacy_chains("ip6", "filter\nunheard-of\n")
    assert [(each["table"], each["chain"], each["policy"]) for each in chains] == [
        ("legacy-filter", "INPUT", "unknown"),
        ("legacy-filter", "FORWARD", "unknown"),
        ("legacy-filter", "OUTPUT", "unknown"),
    ]


def test_a_network_of_its_own_has_loopback_only() -> None:
    head = "Inter-|   Receive\n face |bytes    packets\n"
    assert not read_network.beyond_loopback(f"{head}    lo:  0 0\n")
    assert read_network.beyond_loopback(f"{head}    lo:  0 0\n  eth0: 0 0\n")
