"""provisioning.separate: a host of its own, private addresses, nothing on the public one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from building import SITE, file, site, snapshot

from holdfast.servers.access import Redirect
from holdfast.servers.control import Gap, NotApplicable
from holdfast.servers.controls.firewall import UNIT_FILE
from holdfast.servers.controls.firewall import gaps as gaps_of_the_filter
from holdfast.servers.controls.provisioning import gaps
from holdfast.servers.firewall_table import FILE, UNIT, loadable, render
from holdfast.servers.resources import FIREWALL_UNIT
from holdfast.servers.snapshot import Firewall, Listener, Snapshot, Unit

MEANT = (
    "tcp dport 22 accept",
    "ip saddr 10.0.0.11 tcp dport 3306 accept",
    "ip6 saddr fd00::11 tcp dport 3306 accept",
)
TABLE = render(MEANT)
EVERYWHERE = Listener(protocol="tcp", address="*", port=3306, process="mariadbd")
TOGETHER = SITE[: SITE.index("[hosts.db]")].replace('["app"]', '["app", "database"]') + SITE[
    SITE.index("[databases.todo]") :
].replace('host = "db"', 'host = "app"')


def host(running: str | None = TABLE, listeners: Sequence[Listener] = (EVERYWHERE,)) -> Snapshot:
    return snapshot(
        firewall=Firewall(installed=True, base_chains=(), holdfast=running, forwarding=False),
        listeners=tuple(listeners),
        files={UNIT_FILE: file(UNIT), FILE: file(loadable(running or ""))},
        units={FIREWALL_UNIT: Unit(active="active", enabled="enabled")},
    )


def found(seen: Snapshot, name: str = "db", text: str = SITE) -> list[Gap]:
    of = site(text)
    return list(gaps(of.hosts[name], {name: seen}, of))


@pytest.mark.parametrize("name", ["app", "db"])
def test_hosts_that_stand_apart_with_private_addresses_have_no_gap(name: str) -> None:
    assert found(host(), name) == []


def test_a_host_that_has_nothing_to_do_with_a_database_is_not_judged() -> None:
    with pytest.raises(NotApplicable):
        found(host(), "app", SITE[: SITE.index("[databases.todo]")])


def test_an_application_and_a_database_on_one_host_are_for_a_person() -> None:
    (gap,) = found(host(listeners=()), "app", TOGETHER)
    assert (gap.automatic, "share this host" in gap.what) == (False, True)


def test_a_database_host_without_a_private_address_is_for_a_person() -> None:
    private = 'private_address = ["10.0.0.12", "fd00::12"]\n'
    text = SITE[: SITE.index("[databases.todo]")].replace(private, "")
    (gap,) = found(host(), text=text)
    assert (gap.automatic, gap.evidence) == (False, "private_address is not set")


@pytest.mark.parametrize("address", ["8.8.8.8", "2a00::1"])
def test_a_private_address_of_the_internet_is_for_a_person(address: str) -> None:
    (gap,) = found(host(listeners=()), text=SITE.replace("fd00::12", address))
    assert (gap.automatic, address in gap.evidence) == (False, True)


@pytest.mark.parametrize("address", ["*", "0.0.0.0", "::", "203.0.113.11"])
def test_a_database_that_listens_publicly_without_our_filter_is_reachable(address: str) -> None:
    listener = EVERYWHERE.model_copy(update={"address": address})
    (gap,) = found(host(None, [listener]))
    assert (gap.automatic, f"mariadbd on {address} port 3306" in gap.evidence) == (True, True)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.12", "fd00::12"])
def test_a_database_on_loopback_and_the_private_address_needs_no_filter(address: str) -> None:
    assert found(host(None, [EVERYWHERE.model_copy(update={"address": address})])) == []


def test_another_service_is_not_the_databases() -> None:
    assert found(host(None, [EVERYWHERE.model_copy(update={"port": 3000})])) == []


def test_what_closes_it_is_what_the_filter_wants() -> None:
    of, seen = site(), host(None)
    filter_ = gaps_of_the_filter(of.hosts["db"], {"db": seen}, of)
    (gap,) = found(seen)
    assert set(gap.wants) == {want for each in filter_ for want in each.wants}


@pytest.mark.parametrize(
    "running",
    [
        TABLE.replace("policy drop", "policy accept"),
        render([*MEANT, "tcp dport 3306 accept"]),
        render([*MEANT, "ip saddr 198.51.100.9 tcp dport 3306 accept"]),
        render(MEANT, [Redirect(8080, 3306)]),
        TABLE.replace("\t\ttcp dport 22 accept", "\t\taccept\n\t\ttcp dport 22 accept"),
    ],
    ids=["open policy", "open port", "a stranger", "redirected", "everything"],
)
def test_a_filter_that_lets_strangers_to_the_database_is_closed(running: str) -> None:
    assert running != TABLE
    assert [gap.automatic for gap in found(host(running))] == [True]


@pytest.mark.parametrize("rule", ["tcp dport 8080 accept", "udp dport 3306 accept"])
def test_other_ports_that_are_let_in_are_not_the_databases(rule: str) -> None:
    assert found(host(render([*MEANT, rule]))) == []


def test_what_the_filter_cannot_close_is_for_a_person() -> None:
    text = TOGETHER + (
        '[apps.todo]\nhost = "app"\nuser = "todo"\nnames = ["todo.example.com"]\nserve = "direct"\n'
    )
    web = [f"tcp dport {port} accept" for port in (22, 80, 443)]
    led = render([*web, *MEANT[1:]], [Redirect(80, 3306)])
    (_, gap) = found(host(led), "app", text)
    assert (gap.automatic, "loopback" in gap.mend) == (False, True)
