"""The packet filter table: what is written, and whether what runs is the same."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.servers.access import Redirect
from holdfast.servers.firewall_table import (
    FILE,
    UNIT,
    allowance,
    allowed,
    as_written,
    base_stands,
    chains,
    loadable,
    redirects,
    render,
    same,
    stops_forwarding,
)

ports = st.integers(1, 65535)
sources = st.none() | st.ip_addresses().map(str)
rules = st.sets(st.builds(allowance, st.sampled_from(["tcp", "udp"]), ports, sources), max_size=8)
taken = st.dictionaries(ports, ports, max_size=4).map(
    lambda found: sorted(Redirect(port, to) for port, to in found.items())
)
tables = st.builds(render, rules, taken, forward=st.booleans())


@pytest.mark.parametrize(
    ("protocol", "port", "source", "rule"),
    [
        ("tcp", 22, None, "tcp dport 22 accept"),
        ("udp", 53, None, "udp dport 53 accept"),
        ("tcp", 3306, "10.0.0.11", "ip saddr 10.0.0.11 tcp dport 3306 accept"),
        ("tcp", 3306, "fd00::11", "ip6 saddr fd00::11 tcp dport 3306 accept"),
    ],
)
def test_a_rule_is_spelled_as_nft_spells_it(
    protocol: str, port: int, source: str | None, rule: str
) -> None:
    assert allowance(protocol, port, source) == rule


@given(rules)
def test_what_is_let_in_is_read_back_from_the_table(wanted: set[str]) -> None:
    assert allowed(render(wanted)) == sorted(wanted)


@given(rules)
def test_the_rest_of_the_table_stands_whatever_is_let_in(wanted: set[str]) -> None:
    assert base_stands(render(wanted))


@given(rules, rules)
def test_two_tables_are_the_same_when_they_let_the_same_in(one: set[str], other: set[str]) -> None:
    assert same(render(one), render(other)) is (one == other)


@given(rules, taken, st.booleans())
def test_what_a_table_does_is_read_back_from_it(
    wanted: set[str], of: list[Redirect], forward: bool
) -> None:
    table = render(wanted, of, forward=forward)
    read = (allowed(table), redirects(table), not stops_forwarding(table))
    assert read == (sorted(wanted), of, forward)


@given(tables)
def test_whatever_a_table_does_it_stands_as_it_was_written(table: str) -> None:
    assert (base_stands(table), as_written(table)) == (True, table)


@given(tables, tables)
def test_tables_that_are_written_alike_do_the_same(one: str, other: str) -> None:
    assert same(one, other) is (one == other)


@given(rules)
def test_the_file_holds_the_table_as_it_will_run(wanted: set[str]) -> None:
    assert loadable(render(wanted)).endswith(render(wanted))


def test_no_table_is_not_the_same_as_an_empty_one() -> None:
    assert not same(None, render([]))


def test_the_order_of_rules_in_the_kernel_is_free() -> None:
    table = render(["tcp dport 22 accept", "tcp dport 80 accept"])
    turned = table.replace("dport 22", "dport 0").replace("dport 80", "dport 22")
    assert same(turned.replace("dport 0", "dport 80"), table)


def test_a_table_with_an_open_base_is_not_the_same() -> None:
    table = render(["tcp dport 22 accept"])
    assert not same(table.replace("policy drop", "policy accept"), table)


def test_a_wanted_table_with_an_open_base_is_not_the_same_either() -> None:
    table = render(["tcp dport 22 accept"])
    assert not same(table, table.replace("policy drop", "policy accept"))


def test_where_nothing_is_redirected_there_is_no_chain_for_it() -> None:
    assert set(chains(render([]))) == {"new_tcp", "new_udp", "input", "forward", "new_icmp"}


def test_what_is_redirected_is_let_in_by_the_port_that_was_asked_for() -> None:
    found = chains(render([], [Redirect(80, 3000)]))
    assert found["redirected"][1:] == ["fib daddr type local tcp dport 80 redirect to :3000"]
    assert found["new_redirected"] == ["tcp dport 3000 ct original proto-dst 80 accept"]
    assert found["input"][-1] == "jump new_redirected"


def test_a_table_for_a_host_that_forwards_has_no_chain_for_that() -> None:
    free = chains(render([], forward=True))
    assert set(chains(render([]))) - set(free) == {"forward"}


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_each_protocol_has_a_chain_of_its_own(protocol: str) -> None:
    assert chains(render([f"{protocol} dport 7 accept"]))[f"new_{protocol}"] == [
        f"{protocol} dport 7 accept"
    ]


def test_everything_new_is_dropped_unless_it_is_let_in() -> None:
    found = chains(render([]))
    assert [found[chain][0].endswith("policy drop;") for chain in ("input", "forward")] == [
        True,
        True,
    ]


def test_what_ip_itself_needs_is_let_in() -> None:
    kinds = [
        "icmp type echo-request",
        "icmp type destination-unreachable",
        "icmp type time-exceeded",
        "icmp type parameter-problem",
        "icmpv6 type destination-unreachable",
        "icmpv6 type packet-too-big",
        "icmpv6 type time-exceeded",
        "icmpv6 type parameter-problem",
        "icmpv6 type echo-request",
        "icmpv6 type mld-listener-query",
        "icmpv6 type nd-router-advert",
        "icmpv6 type nd-neighbor-solicit",
        "icmpv6 type nd-neighbor-advert",
    ]
    assert chains(render([]))["new_icmp"] == [f"{kind} accept" for kind in kinds]


def test_comments_of_a_file_are_no_rules() -> None:
    assert base_stands(render([]).replace("{\n", "{\n\t# a comment\n"))


@given(st.text(max_size=200))
def test_no_text_from_a_host_breaks_the_reading(text: str) -> None:
    assert not base_stands(text)


def test_a_rule_outside_every_chain_is_noticed() -> None:
    assert not base_stands(render([]) + "tcp dport 22 accept\n")


def test_only_our_own_table_is_replaced() -> None:
    commands = [line for line in loadable(render([])).splitlines() if not line.startswith("\t")]
    assert commands == [
        "# Written by Holdfast.",
        "table inet holdfast",
        "delete table inet holdfast",
        "table inet holdfast {",
        "",
        "",
        "",
        "",
        "}",
    ]


def test_the_unit_comes_after_the_one_that_flushes_every_table() -> None:
    (after,) = [line for line in UNIT.splitlines() if line.startswith("After=")]
    assert after.endswith(" nftables.service")


def test_the_unit_loads_the_file_that_is_written() -> None:
    assert f"ExecStart=/usr/sbin/nft -f {FILE}" in UNIT.splitlines()


@pytest.mark.skipif(shutil.which("nft") is None, reason="needs nft")
def test_nft_takes_the_file(needs_root: None) -> None:
    table = render([allowance("tcp", 3306, "fd00::1")], [Redirect(80, 3000)])
    command = ["unshare", "--net", "nft", "--check", "--file", "-"]
    ran = subprocess.run(command, input=loadable(table), text=True, capture_output=True)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("nft") is None, reason="needs nft")
@pytest.mark.parametrize("of", [[], [Redirect(80, 3000), Redirect(443, 3003)]])
@pytest.mark.parametrize("forward", [False, True])
def test_nft_prints_the_table_as_it_is_written(
    needs_root: None, of: list[Redirect], forward: bool
) -> None:
    wanted = [allowance("udp", 53, None), allowance("tcp", 3306, "10.0.0.1")]
    table = render(wanted, of, forward=forward)
    shell = "nft -f - && nft -s list table inet holdfast"
    command = ["unshare", "--net", "sh", "-c", shell]
    ran = subprocess.run(command, input=loadable(table), text=True, capture_output=True)
    assert ran.stdout == table
