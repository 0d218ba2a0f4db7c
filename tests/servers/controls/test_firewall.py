"""firewall.inbound: what runs, what is loaded at boot, and what the site lets in."""

from __future__ import annotations

from typing import Any

import pytest
from building import file, site, snapshot

from holdfast.servers.control import Gap, Phase
from holdfast.servers.controls.firewall import gaps
from holdfast.servers.firewall_table import FILE, loadable, render
from holdfast.servers.resources import FIREWALL_UNIT
from holdfast.servers.snapshot import Firewall, Snapshot, Unit

WEB = ("tcp dport 22 accept", "tcp dport 80 accept", "tcp dport 443 accept")
TABLE = render(WEB)
ENABLED = Unit(active="active", enabled="enabled")


def host(
    running: str | None = TABLE,
    *,
    written: str | None = None,
    unit: Unit | None = ENABLED,
    **filter_: Any,
) -> Snapshot:
    """An application host with this table in the kernel and this one in the file."""
    facts: dict[str, Any] = {
        "installed": True,
        "base_chains": (),
        "holdfast": running,
        "forwarding": False,
    }
    text = loadable(running or "") if written is None else written
    return snapshot(
        firewall=Firewall(**(facts | filter_)),
        files={FILE: file(text)} if text else {},
        units={FIREWALL_UNIT: unit} if unit else {},
    )


def found(seen: Snapshot, name: str = "app") -> list[Gap]:
    of = site()
    return list(gaps(of.hosts[name], {name: seen}, of))


def wanted(seen: Snapshot) -> set[tuple[str, str]]:
    return {(want.key, want.value) for gap in found(seen) for want in gap.wants}


def test_a_host_that_lets_in_what_the_site_says_has_no_gap() -> None:
    assert found(host()) == []


def test_the_order_of_rules_is_free() -> None:
    first, second = (f"\t\t{rule}\n" for rule in sorted(WEB)[:2])
    swapped = TABLE.replace(first, "@").replace(second, first).replace("@", second)
    assert swapped != TABLE
    assert found(host(swapped, written=loadable(TABLE))) == []


def test_a_host_without_nftables_gets_it_before_anything_is_closed() -> None:
    seen = host(None, written="", unit=None, installed=False)
    wants = [want for gap in found(seen) for want in gap.wants]
    widening = [(w.resource, w.key, w.value) for w in wants if w.phase is Phase.WIDEN]
    assert widening == [("package nftables", "installed", "yes")]


def test_a_host_without_our_table_gets_all_of_it() -> None:
    assert wanted(host(None, written="", unit=None)) == {
        ("base", "1"),
        ("boot", "enabled"),
        *((f"allow {rule}", "present") for rule in WEB),
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("policy drop", "policy accept"),
        ("ct state invalid drop", "ct state new accept"),
        ("jump new_udp", "accept"),
        ("hook forward", "hook output"),
        ("nd-router-advert accept", "nd-router-advert drop"),
        ("\tchain new_udp {\n\t}\n", ""),
        ("table inet holdfast {", "table inet holdfast {\n\tset evil {\n\t\ttype ipv4_addr\n\t}"),
        ("\t\tjump new_icmp", "\t\taccept\n\t\tjump new_icmp"),
    ],
)
def test_an_altered_table_is_put_back(old: str, new: str) -> None:
    altered = TABLE.replace(old, new)
    assert altered != TABLE
    assert ("base", "1") in wanted(host(altered))


@pytest.mark.parametrize("rule", WEB)
def test_a_missing_rule_is_added(rule: str) -> None:
    left = render(set(WEB) - {rule})
    assert wanted(host(left)) == {(f"allow {rule}", "present")}


@pytest.mark.parametrize(
    "rule",
    ["tcp dport 3306 accept", "ip saddr 198.51.100.9 tcp dport 22 accept", "udp dport 53 accept"],
)
def test_a_rule_that_the_site_does_not_mention_is_removed(rule: str) -> None:
    assert wanted(host(render({*WEB, rule}))) == {(f"allow {rule}", "absent")}


def test_a_rule_in_words_of_its_own_is_removed_too() -> None:
    altered = TABLE.replace("\t\ttcp dport 22 accept", "\t\taccept\n\t\ttcp dport 22 accept")
    assert ("allow accept", "absent") in wanted(host(altered))


def test_a_database_host_lets_in_its_applications_hosts_alone() -> None:
    seen = host(None, written="", unit=None)
    rules = {w.key for gap in found(seen, "db") for w in gap.wants if w.key.startswith("allow ")}
    assert rules == {
        "allow tcp dport 22 accept",
        "allow ip saddr 10.0.0.11 tcp dport 3306 accept",
        "allow ip6 saddr fd00::11 tcp dport 3306 accept",
    }


@pytest.mark.parametrize(
    "unit",
    [None, *(Unit(active="active", enabled=how) for how in ("disabled", "masked", "static"))],
    ids=["absent", "disabled", "masked", "static"],
)
def test_a_table_that_is_gone_after_a_reboot_is_a_gap(unit: Unit | None) -> None:
    assert wanted(host(unit=unit)) == {("boot", "enabled")}


@pytest.mark.parametrize(
    "written",
    [
        "flush ruleset\n",
        loadable(render({*WEB, "tcp dport 23 accept"})),
        loadable(TABLE.replace("policy drop", "policy accept")),
        loadable(TABLE.replace("ct state invalid drop", "accept")),
        f"{loadable(TABLE)}add rule inet holdfast input accept\n",
        f"{loadable(TABLE)}flush ruleset\n",
    ],
    ids=[
        "nothing",
        "more let in",
        "open policy",
        "open base",
        "a rule after it",
        "flushed after it",
    ],
)
def test_another_table_in_the_file_than_in_the_kernel_is_a_gap(written: str) -> None:
    assert wanted(host(written=written)) == {("boot", "enabled")}


def test_a_missing_file_is_a_gap() -> None:
    seen = host().model_copy(update={"files": {}})
    assert wanted(seen) == {("boot", "enabled")}


def test_a_host_that_forwards_for_others_is_for_a_person() -> None:
    (gap,) = found(host(None, written="", unit=None, forwarding=True))
    assert (gap.automatic, "sysctl" in gap.mend) == (False, True)


def test_a_host_that_forwards_and_is_filtered_already_is_judged_as_any_other() -> None:
    assert wanted(host(render(WEB[:2]), forwarding=True)) == {(f"allow {WEB[2]}", "present")}


def test_every_demand_is_on_the_packet_filter() -> None:
    seen = host(None, written="", unit=None)
    assert {want.resource for gap in found(seen) for want in gap.wants} == {"firewall"}


def test_what_closes_ports_waits_until_a_login_was_proven() -> None:
    seen = host(None, written="", unit=None)
    assert {want.phase for gap in found(seen) for want in gap.wants} == {Phase.NARROW}
