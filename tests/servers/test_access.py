"""The access matrix: which connections the site gives each host."""

from __future__ import annotations

from pathlib import Path

import pytest
from building import DIRECT_SITE, SITE, key_line, site

from holdfast.servers.access import (
    MATRIX,
    Allowance,
    Origin,
    Place,
    Redirect,
    Right,
    Row,
    allowances,
    as_table,
    is_address,
    never_turned_away,
    next_hops,
    redirects,
    sources,
    ssh_sources,
)
from holdfast.site import Site

BASE = f"""
[site]
name = "todo"
domain = "todo.example.com"

[admins.alice]
keys = ["{key_line("alice")}"]
"""
BEHIND = (
    BASE
    + """
[hosts.app]
roles = ["app"]
address = ["203.0.113.10", "app.example.com"]
private_address = ["10.0.0.11", "fd00::11"]

[hosts.db]
roles = ["database"]
address = "10.0.0.12"
private_address = "10.0.0.12"
through = "app"

[hosts.backup]
roles = ["backup"]
address = "203.0.113.12"
private_address = "10.0.0.13"
"""
)


def rows(of: Site, host: str) -> set[tuple[str, int, str | None]]:
    return {(a.protocol, a.port, a.source) for a in allowances(of.hosts[host], of)}


def test_ports_are_redirected_where_an_application_serves_itself() -> None:
    of = site(DIRECT_SITE)
    assert redirects(of.hosts["app"], of) == (Redirect(80, 3000), Redirect(443, 3003))


@pytest.mark.parametrize("name", ["app", "db"])
def test_ports_are_redirected_nowhere_else(name: str) -> None:
    of = site(DIRECT_SITE if name == "db" else SITE)
    assert redirects(of.hosts[name], of) == ()


def test_an_application_host_lets_in_admins_and_the_web() -> None:
    assert rows(site(), "app") == {("tcp", 22, None), ("tcp", 80, None), ("tcp", 443, None)}


def test_a_database_host_lets_in_admins_and_each_address_of_its_applications_hosts() -> None:
    assert rows(site(), "db") == {
        ("tcp", 22, None),
        ("tcp", 3306, "10.0.0.11"),
        ("tcp", 3306, "fd00::11"),
    }


@pytest.mark.parametrize(
    ("engine", "port"), [("mariadb", 3306), ("mysql", 3306), ("postgresql", 5432), ("redis", 6379)]
)
def test_a_database_is_let_in_on_its_own_port(engine: str, port: int) -> None:
    of = site(SITE.replace('engine = "mariadb"', f'engine = "{engine}"'))
    assert {p for _, p, source in rows(of, "db") if source} == {port}


def test_a_host_behind_another_is_reached_from_that_one_alone() -> None:
    of = site(BEHIND)
    assert ssh_sources(of.hosts["db"], of) == ("10.0.0.11", "fd00::11", "203.0.113.10")


def test_a_host_that_is_reached_directly_is_reached_from_anywhere() -> None:
    of = site(BEHIND)
    assert ssh_sources(of.hosts["app"], of) == (None,)


def test_a_database_host_that_nobody_reaches_directly_lets_nobody_in_from_anywhere() -> None:
    assert None not in {source for _, _, source in rows(site(BEHIND), "db")}


def test_a_backup_host_that_is_reached_directly_lets_in_everybody_to_sshd() -> None:
    assert rows(site(BEHIND), "backup") == {("tcp", 22, None)}


def test_a_backup_host_behind_another_lets_in_the_last_hop_and_the_database_hosts() -> None:
    of = site(BEHIND + 'through = "app"\n')
    whys = {a.source: a.why for a in allowances(of.hosts["backup"], of)}
    last_hop = ("10.0.0.11", "fd00::11", "203.0.113.10")
    assert whys == dict.fromkeys(last_hop, "admin") | {"10.0.0.12": "backup of a database host"}


def test_further_ports_of_a_role_are_let_in_on_that_role_alone() -> None:
    of = site(SITE + "\n[profiles]\nports = { app = [8443] }\n")
    assert Allowance("tcp", 8443, None, "profiles.ports.app") in allowances(of.hosts["app"], of)
    assert ("tcp", 8443, None) not in rows(of, "db")


def test_several_roles_add_up() -> None:
    of = site(SITE.replace('roles = ["database"]', 'roles = ["database", "app"]'))
    assert {80, 443, 3306} <= {port for _, port, _ in rows(of, "db")}


def test_every_allowance_stands_once() -> None:
    of = site(
        SITE.replace(
            "[databases.todo.users.todo]",
            "[databases.todo.users.other]\n"
            'from = ["app"]\ngrants = { "*" = ["SELECT"] }\n[databases.todo.users.todo]',
        )
    )
    found = allowances(of.hosts["db"], of)
    assert len(found) == len(set(found)) == 3


def test_the_order_of_allowances_is_always_the_same() -> None:
    more = "".join(
        f'\n[databases.d{n}]\nhost = "db"\nengine = "mariadb"\n[databases.d{n}.users.u]\n'
        'from = ["app"]\ngrants = { "*" = ["SELECT"] }\n'
        for n in range(9)
    )
    of = site(SITE + more)
    found = allowances(of.hosts["db"], of)

    def fully(a: Allowance) -> tuple[str, int, str, str]:
        return (a.protocol, a.port, a.source or "", a.why)

    assert list(found) == sorted(found, key=fully)


@pytest.mark.parametrize(
    ("text", "address"),
    [("10.0.0.1", True), ("fd00::1", True), ("app.example.com", False), ("10.0.0.0/8", False)],
)
def test_an_address_is_told_from_a_name(text: str, address: bool) -> None:
    assert is_address(text) is address


CONTROLLED = BEHIND.replace(
    'domain = "todo.example.com"\n',
    'domain = "todo.example.com"\ncontrollers = ["198.51.100.7"]\n',
)


def row(who: str) -> Row:
    (found,) = (one for one in MATRIX if one.who == who)
    return found


@pytest.mark.parametrize(
    ("who", "host", "come_from"),
    [
        ("admin", "app", (None,)),
        ("admin", "db", ("10.0.0.11", "fd00::11", "203.0.113.10")),
        ("unattended audit", "app", ("198.51.100.7/32",)),
        ("unattended audit", "db", ("10.0.0.11", "fd00::11", "203.0.113.10")),
        ("backup of a database host", "backup", ("10.0.0.12",)),
        ("drill", "backup", (None,)),
        ("application", "app", ()),
        ("the hand's revert and timers", "app", ()),
        ("controllers", "backup", ("198.51.100.7/32",)),
    ],
)
def test_a_row_reaches_a_host_from_where_it_may(
    who: str, host: str, come_from: tuple[str | None, ...]
) -> None:
    of = site(CONTROLLED)
    assert sources(row(who), of.hosts[host], of) == come_from


def test_an_application_reaches_its_database_from_the_hosts_of_its_users() -> None:
    of = site()
    assert sources(row("application"), of.hosts["db"], of) == ("10.0.0.11", "fd00::11")


def test_where_audits_come_from_is_never_turned_away() -> None:
    """Behind a jump every login comes from the last hop: one that is turned away shuts all out."""
    of = site(CONTROLLED)
    assert never_turned_away(of.hosts["app"], of) == {"198.51.100.7/32"}
    assert never_turned_away(of.hosts["db"], of) == {"10.0.0.11", "fd00::11", "203.0.113.10"}


def test_a_jump_hosts_next_hops_are_those_that_are_reached_through_it() -> None:
    of = site(BEHIND)
    assert next_hops(of.hosts["app"], of) == ("10.0.0.12",)
    assert next_hops(of.hosts["db"], of) == ()


def test_who_has_a_shell_gives_a_second_factor_and_who_has_none_is_held_to_a_program() -> None:
    with_key = [one for one in MATRIX if one.key != "none" and one.place is not Place.FRESH]
    assert {one.second_factor for one in with_key if Right.SHELL in one.may} == {True}
    assert all(bool(one.command) == (Right.SHELL not in one.may) for one in with_key)


def test_no_two_rows_share_an_account_and_no_right_but_two() -> None:
    """Admins and audits both jump; every other right is one row's alone."""
    accounts = [one.account for one in MATRIX if one.account]
    assert len(set(accounts)) == len(accounts)
    shared = {right for right in Right if sum(right in one.may for one in MATRIX) > 1}
    assert shared == {Right.JUMP}


def test_what_uses_no_network_comes_from_nowhere() -> None:
    of = site(CONTROLLED)
    offline = [one for one in MATRIX if one.origin is Origin.NOWHERE]
    assert [sources(one, host, of) for one in offline for host in of.hosts.values()] == [(), (), ()]


def test_the_documentation_holds_the_matrix_as_it_is() -> None:
    """Where it does not: put what `as_table` returns in place of the table."""
    text = Path(__file__).parents[2].joinpath("docs/access.md").read_text()
    assert as_table() in text
