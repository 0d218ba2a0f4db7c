"""The access matrix: which connections the site gives each host."""

from __future__ import annotations

import pytest
from building import DIRECT_SITE, SITE, key_line, site

from holdfast.servers.access import (
    Allowance,
    Redirect,
    allowances,
    is_address,
    redirects,
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


def test_a_backup_host_lets_in_the_database_hosts() -> None:
    of = site(BEHIND)
    whys = {a.why: a.source for a in allowances(of.hosts["backup"], of)}
    assert whys == {"admins": None, "backups of db": "10.0.0.12"}


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
