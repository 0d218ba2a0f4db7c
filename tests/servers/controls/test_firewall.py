"""firewall.inbound: what runs, what is loaded at boot, and what the site lets in."""

from __future__ import annotations

from typing import Any

import pytest
from building import DIRECT_SITE, SITE, file, site, snapshot

from holdfast.servers.access import Redirect
from holdfast.servers.control import Gap, Phase
from holdfast.servers.controls import provisioning, redirect
from holdfast.servers.controls.firewall import UNIT_FILE, gaps
from holdfast.servers.firewall_table import FILE, UNIT, loadable, render
from holdfast.servers.resources import FIREWALL_UNIT
from holdfast.servers.snapshot import BaseChain, Firewall, Listener, Snapshot, Unit

WEB = ("tcp dport 22 accept", "tcp dport 80 accept", "tcp dport 443 accept")
TABLE = render(WEB)
ENABLED = Unit(active="active", enabled="enabled")


def host(
    running: str | None = TABLE,
    *,
    written: str | None = None,
    unit: Unit | None = ENABLED,
    packages: tuple[str, ...] = (),
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
        files={UNIT_FILE: file(UNIT), **({FILE: file(text)} if text else {})},
        units={FIREWALL_UNIT: unit} if unit else {},
        packages=dict.fromkeys(packages, "1"),
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
        ("forward", "stopped"),
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
    seen = host().model_copy(update={"files": {UNIT_FILE: file(UNIT)}})
    assert wanted(seen) == {("boot", "enabled")}


@pytest.mark.parametrize("text", ["", UNIT.replace("nftables.service", "")])
def test_a_unit_that_somebody_altered_is_written_anew(text: str) -> None:
    seen = host().model_copy(update={"files": {FILE: file(loadable(TABLE)), UNIT_FILE: file(text)}})
    assert wanted(seen) == {("boot", "enabled")}


# A host that forwards for others

FREE = render(WEB, forward=True)


def manual(seen: Snapshot) -> list[Gap]:
    return [gap for gap in found(seen) if not gap.automatic]


def test_a_host_that_forwards_is_filtered_without_stopping_that() -> None:
    wants = wanted(host(None, written="", unit=None, forwarding=True))
    assert {("base", "1"), ("forward", "free")} <= wants


def test_what_a_host_forwards_is_for_a_person_before_and_after() -> None:
    untouched = host(None, written="", unit=None, forwarding=True)
    before, after = (manual(seen) for seen in (untouched, host(FREE, forwarding=True)))
    assert [gap.what for gap in before] == [gap.what for gap in after]
    assert (len(after), "127.0.0.1" in after[0].mend) == (1, True)


def test_a_host_that_forwards_and_is_filtered_wants_nothing() -> None:
    assert wanted(host(FREE, forwarding=True)) == set()


def test_forwarding_that_our_table_stops_is_for_a_person() -> None:
    (gap,) = found(host(forwarding=True))
    assert (gap.automatic, "nft delete chain inet holdfast forward" in gap.mend) == (False, True)


def test_a_host_that_forwards_and_is_stopped_is_judged_as_any_other() -> None:
    assert wanted(host(render(WEB[:2]), forwarding=True)) == {(f"allow {WEB[2]}", "present")}


def test_a_host_that_forwards_no_more_is_stopped_from_it() -> None:
    assert wanted(host(FREE)) == {("forward", "stopped")}


def test_a_forward_chain_that_somebody_opened_is_not_closed_while_the_host_forwards() -> None:
    opened = TABLE.replace("hook forward priority filter; policy drop", "hook forward priority 1")
    assert opened != TABLE
    assert wanted(host(opened, forwarding=True)) >= {("base", "1"), ("forward", "free")}


# Filters of somebody else


def chain(policy: str, hook: str = "input", family: str = "ip", table: str = "filter") -> BaseChain:
    return BaseChain(family=family, table=table, chain=hook.upper(), hook=hook, policy=policy)


@pytest.mark.parametrize(
    "foreign",
    [
        chain("drop"),
        chain("drop", family="ip6"),
        chain("drop", family="inet", table="fw"),
        chain("unknown", table="legacy-filter"),
    ],
    ids=lambda foreign: f"{foreign.family} {foreign.table}",
)
def test_a_filter_of_somebody_else_that_drops_is_for_a_person(foreign: BaseChain) -> None:
    (gap,) = found(host(base_chains=(foreign,)))
    assert not gap.automatic
    assert f"table {foreign.family} {foreign.table}" in gap.evidence
    assert "tcp 22, tcp 80, tcp 443" in gap.mend or "tcp 22, tcp 443, tcp 80" in gap.mend


@pytest.mark.parametrize(
    "harmless",
    [
        chain("accept"),
        chain("drop", hook="forward"),
        chain("drop", family="bridge"),
        chain("drop", family="inet", table="holdfast"),
    ],
    ids=["accept", "forward", "bridge", "our own"],
)
def test_a_filter_that_keeps_nobody_out_is_no_clash(harmless: BaseChain) -> None:
    assert found(host(base_chains=(harmless,))) == []


def test_ufw_is_taken_away_by_its_own_command() -> None:
    (gap,) = found(host(base_chains=(chain("drop"),), packages=("ufw", "iptables")))
    assert "sudo ufw disable" in gap.mend


@pytest.mark.parametrize("package", ["iptables", "python3-nftables"])
def test_rules_that_cannot_be_read_yet_are_told_before_they_can(package: str) -> None:
    blind = host(None, written="", unit=None, installed=False, packages=(package,))
    (before,) = manual(blind)
    (after,) = found(host(base_chains=(chain("drop"),)))
    assert before.what == after.what


# Redirects

REDIRECTED = render(WEB, [Redirect(80, 3000), Redirect(443, 3003)])


def test_a_redirect_that_the_site_does_not_mention_is_removed() -> None:
    odd = render(WEB, [Redirect(8080, 22)])
    assert wanted(host(odd)) == {("redirect 8080", "absent")}


def test_redirects_of_the_site_are_judged_elsewhere() -> None:
    of = site(DIRECT_SITE)
    assert list(gaps(of.hosts["app"], {"app": host(REDIRECTED)}, of)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("dport 80 redirect to :3000", "dport 80-90 redirect to :3000"),
        ("ct original proto-dst 80 accept", "accept"),
        ("jump new_redirected", "accept"),
        ("hook prerouting", "hook output"),
    ],
)
def test_an_altered_redirect_is_put_back(old: str, new: str) -> None:
    altered = REDIRECTED.replace(old, new)
    assert altered != REDIRECTED
    assert ("base", "1") in wanted(host(altered))


def test_every_demand_is_on_the_packet_filter() -> None:
    seen = host(None, written="", unit=None)
    assert {want.resource for gap in found(seen) for want in gap.wants} == {"firewall"}


def test_what_closes_ports_waits_until_a_login_was_proven() -> None:
    seen = host(None, written="", unit=None)
    assert {want.phase for gap in found(seen) for want in gap.wants} == {Phase.NARROW}


EXEMPT = '[exceptions]\n"firewall.inbound" = { because = "a filter of our own" }\n'


def test_a_host_that_goes_without_the_filter_gets_none_by_way_of_its_database() -> None:
    of = site(SITE + EXEMPT)
    listener = Listener(protocol="tcp", address="*", port=3306, process="mariadbd")
    seen = {"db": snapshot(listeners=(listener,))}
    exposed = list(provisioning.gaps(of.hosts["db"], seen, of))
    assert [gap.automatic for gap in exposed] == [False]


def test_a_host_that_goes_without_the_filter_gets_none_by_way_of_its_redirect() -> None:
    of = site(DIRECT_SITE + EXEMPT)
    direct = list(redirect.gaps(of.hosts["app"], {"app": snapshot()}, of))
    assert [gap.automatic for gap in direct] == [False]
