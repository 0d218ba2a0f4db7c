"""The accounts of the access matrix that are held to one command, as sshd is told."""

from __future__ import annotations

import pytest
from building import SITE, key_line, site
from test_access import BEHIND

from holdfast.servers.access import ADMINS, LIBRARY, MATRIX, RESTRICTED, Row
from holdfast.servers.restricted import HELD, block, blocks, obeys, settings
from holdfast.servers.restricted import key_line as line_of
from holdfast.servers.sshd_config import GLOBAL
from holdfast.site import Site

ROWS = {row.account: row for row in MATRIX if row.command}
FLEET = BEHIND.replace(
    'domain = "todo.example.com"\n',
    'domain = "todo.example.com"\ncontrollers = ["198.51.100.7", "2001:db8::/64"]\n',
)


def of(account: str, host: str, fleet: Site | None = None) -> dict[str, str]:
    fleet = fleet or site(FLEET)
    return block(ROWS[account], fleet.hosts[host], fleet)


def places(fleet: Site) -> dict[str, set[str]]:
    return {name: set(blocks(host, fleet)) for name, host in fleet.hosts.items()}


def test_an_account_has_a_block_where_the_matrix_gives_it_a_place() -> None:
    assert places(site(FLEET)) == {
        "app": {"holdfast-audit"},
        "db": {"holdfast-audit"},
        "backup": {"holdfast-audit", "holdfast-backup", "holdfast-drill"},
    }


def test_a_site_without_controllers_audits_unattended_only_from_a_jump_host() -> None:
    assert places(site(BEHIND)) == {
        "app": set(),
        "db": {"holdfast-audit"},
        "backup": {"holdfast-backup", "holdfast-drill"},
    }


def test_a_site_without_databases_has_no_backups_to_take() -> None:
    text = FLEET.replace('roles = ["database"]', 'roles = ["app"]')
    assert places(site(text))["backup"] == {"holdfast-audit", "holdfast-drill"}


@pytest.mark.parametrize("account", ROWS)
def test_every_block_says_everything_that_makes_an_account_harmless(account: str) -> None:
    held = of(account, "backup")
    assert held.items() >= HELD.items()
    assert (held["ForceCommand"], held["AllowGroups"]) == (ROWS[account].command, RESTRICTED)
    assert held["ForceCommand"].startswith(f"{LIBRARY}/")
    assert (held["DisableForwarding"], held["PermitOpen"]) == ("yes", "none")


def test_no_keyword_of_a_block_is_one_that_match_does_not_take() -> None:
    assert not GLOBAL & set(of("holdfast-audit", "app"))


def test_programs_and_accounts_of_two_rows_differ() -> None:
    assert len({row.command for row in ROWS.values()}) == len(ROWS) == 3


@pytest.mark.parametrize(
    ("account", "host", "users"),
    [
        ("holdfast-audit", "app", ("198.51.100.7/32", "2001:db8::/64")),
        ("holdfast-audit", "db", ("10.0.0.11", "fd00::11", "203.0.113.10")),
        ("holdfast-backup", "backup", ("10.0.0.12",)),
    ],
)
def test_an_account_is_let_in_from_where_the_matrix_says(
    account: str, host: str, users: tuple[str, ...]
) -> None:
    assert of(account, host)["AllowUsers"] == " ".join(f"{account}@{one}" for one in users)


def test_an_account_that_comes_from_anywhere_is_named_without_an_address() -> None:
    assert of("holdfast-drill", "backup")["AllowUsers"] == "holdfast-drill"


def test_only_an_audit_on_a_jump_host_forwards_and_only_to_the_next_hosts_port_22() -> None:
    fleet = site(FLEET.replace('private_address = "10.0.0.12"', 'private_address = "fd00::12"'))
    held = of("holdfast-audit", "app", fleet)
    assert held["PermitOpen"] == "[fd00::12]:22 10.0.0.12:22"
    assert held["AllowTcpForwarding"] == "local"
    assert "DisableForwarding" not in held
    on_jump = FLEET.replace('roles = ["app"]', 'roles = ["app", "backup"]')
    assert of("holdfast-drill", "app", site(on_jump))["DisableForwarding"] == "yes"


def test_a_setting_names_the_block_that_it_stands_in() -> None:
    fleet = site(FLEET)
    found = settings(fleet.hosts["app"], fleet)
    assert found["User holdfast-audit ForceCommand"] == f"{LIBRARY}/give-snapshot"
    assert {key.rpartition(" ")[0] for key in found} == {"User holdfast-audit"}


@pytest.mark.parametrize(
    ("reported", "obeyed"),
    [
        ((RESTRICTED,), True),
        ((RESTRICTED, ADMINS), True),
        ((ADMINS, RESTRICTED), True),
        ((ADMINS,), False),
        ((RESTRICTED, ADMINS, "sudo"), False),
        (("*",), False),
        ((), False),
    ],
)
def test_groups_that_later_blocks_add_are_seen(reported: tuple[str, ...], obeyed: bool) -> None:
    assert obeys("AllowGroups", reported, RESTRICTED) is obeyed


@pytest.mark.parametrize(
    ("reported", "obeyed"),
    [(("a@1", "a@2"), True), (("a@2", "a@1"), True), (("a@1",), False), (("a@1", "a"), False)],
)
def test_users_that_later_blocks_add_are_seen(reported: tuple[str, ...], obeyed: bool) -> None:
    assert obeys("AllowUsers", reported, "a@1 a@2") is obeyed


@pytest.mark.parametrize(
    ("reported", "obeyed"),
    [(("no",), True), (("yes",), False), (("no", "yes"), False), ((), False)],
)
def test_any_other_keyword_has_the_one_value(reported: tuple[str, ...], obeyed: bool) -> None:
    assert obeys("PermitTTY", reported, "no") is obeyed


def line(row: Row, host: str, origins: tuple[str, ...] | None = None) -> str:
    fleet = site(FLEET)
    return line_of(row, key_line("a"), fleet.hosts[host], fleet, origins)


def test_the_line_of_a_key_is_held_to_the_same() -> None:
    assert line(ROWS["holdfast-drill"], "backup") == (
        f'restrict,command="{LIBRARY}/give-backup" {key_line("a")}'
    )
    assert line(ROWS["holdfast-audit"], "app") == (
        f'restrict,command="{LIBRARY}/give-snapshot",from="198.51.100.7/32,2001:db8::/64",'
        f'port-forwarding,permitopen="10.0.0.12:22" {key_line("a")}'
    )


def test_the_line_of_a_database_hosts_key_names_that_host_alone() -> None:
    held = line(ROWS["holdfast-backup"], "backup", origins=("10.0.0.99",))
    assert 'from="10.0.0.99"' in held


def test_a_site_without_any_of_it_is_no_error() -> None:
    fleet = site(SITE.replace('controllers = ["198.51.100.7"]\n', ""))
    assert blocks(fleet.hosts["app"], fleet) == {}
