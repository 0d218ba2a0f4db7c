"""admins.ordinary: an own account per admin, and nobody else who logs in or becomes root."""

from __future__ import annotations

from typing import Any

import pytest
from building import SITE, account, file, key_line, site, snapshot

from holdfast.servers.access import ADMINS
from holdfast.servers.control import Gap, Phase
from holdfast.servers.controls.admins import gaps
from holdfast.servers.snapshot import Account, CannotJudge, Snapshot
from holdfast.site import Site

KEY_FILE = "/home/alice/.ssh/authorized_keys"
WITH_STORED_PASSWORD = SITE.replace(
    "[hosts.app]", 'sudo_password = "command:pass show {host}/sudo"\n[hosts.app]', 1
)


def alice(**changes: Any) -> Account:
    """The admin's account as it should be."""
    fields: dict[str, Any] = {
        "home": "/home/alice",
        "shell": "/bin/bash",
        "password": "set",
        "groups": ("sudo", ADMINS),
        "key_files": {KEY_FILE: file(f"{key_line('alice')}\n", 0o600, "alice", "alice")},
    }
    return account(1000, **(fields | changes))


def host(*, packages: tuple[str, ...] = ("sudo",), **accounts: Account) -> Snapshot:
    """A host with these accounts beside root's and the system's; alice's is fine unless given."""
    held = {"root": account(0, shell="/bin/bash"), "daemon": account(1), "alice": alice()}
    return snapshot(
        packages=dict.fromkeys(packages, "1"),
        groups={"sudo": (), ADMINS: ()},
        accounts=held | accounts,
    )


def found(seen: Snapshot, of: Site | None = None) -> list[Gap]:
    of = of or site()
    return list(gaps(of.hosts["app"], {"app": seen}, of))


def only(seen: Snapshot, of: Site | None = None) -> Gap:
    """The one gap there is."""
    (gap,) = found(seen, of)
    return gap


def without(seen: Snapshot, name: str) -> Snapshot:
    assert isinstance(seen.accounts, dict)
    left = {key: value for key, value in seen.accounts.items() if key != name}
    return seen.model_copy(update={"accounts": left})


def wanted(gap: Gap) -> set[tuple[str, str, str]]:
    return {(want.resource, want.key, want.value) for want in gap.wants}


def test_a_host_with_exactly_the_sites_admins_has_no_gap() -> None:
    assert found(host()) == []


def test_a_host_without_sudo_gets_it() -> None:
    assert wanted(only(host(packages=()))) == {("package sudo", "installed", "yes")}


def test_the_group_that_may_log_in_is_made() -> None:
    seen = host().model_copy(update={"groups": {"sudo": ()}})
    assert wanted(only(seen)) == {(f"group {ADMINS}", "exists", "yes")}


def test_an_admin_without_an_account_gets_all_of_it() -> None:
    demands = set().union(*map(wanted, found(without(host(), "alice"))))
    key = site().admins["alice"].keys[0]
    assert demands == {
        ("account alice", "open", "/bin/bash"),
        ("account alice", "group sudo", "present"),
        ("account alice", f"group {ADMINS}", "present"),
        ("account alice", f"ssh-key {key.line}", "present"),
        ("account alice", "password", "secret admins.alice.sudo_password"),
    }


def test_everything_of_an_admin_only_widens() -> None:
    wants = [want for gap in found(without(host(), "alice")) for want in gap.wants]
    assert {want.phase for want in wants} == {Phase.WIDEN}


def test_an_expired_admin_is_let_in_again() -> None:
    gap = only(host(alice=alice(expired=True)))
    assert gap.what == "the account of alice has expired"
    assert wanted(gap) == {("account alice", "open", "/bin/bash")}


@pytest.mark.parametrize("group", ["sudo", ADMINS])
def test_an_admin_joins_a_missing_group(group: str) -> None:
    groups = tuple({"sudo", ADMINS} - {group})
    gap = only(host(alice=alice(groups=groups)))
    assert wanted(gap) == {("account alice", f"group {group}", "present")}


def test_an_admin_with_a_shell_that_refuses_logins_is_for_a_person() -> None:
    gap = only(host(alice=alice(shell="/usr/sbin/nologin")))
    assert "chsh" in gap.mend


def test_an_admin_who_is_a_second_root_is_for_a_person_and_nothing_is_changed() -> None:
    gaps_of_root = found(host(alice=alice().model_copy(update={"uid": 0})))
    assert [gap.automatic for gap in gaps_of_root] == [False] * len(gaps_of_root)
    assert "has UID 0" in gaps_of_root[0].what


@pytest.mark.parametrize(
    ("content", "held"),
    [
        (f"{key_line('alice')}\n", True),
        (key_line("alice"), True),
        (f"{key_line('eve')}\n{key_line('alice')}\n", True),
        (f"{key_line('alice').rsplit(' ', 1)[0]}\n", True),
        (f"{key_line('alice').rsplit(' ', 1)[0]} another comment\n", True),
        (f"# {key_line('alice')}\n", False),
        (f"#{key_line('alice')}\n", False),
        (f'command="/bin/true" {key_line("alice")}\n', False),
        (f"restrict {key_line('alice')}\n", False),
        (f"{key_line('eve')}\n", False),
        (f"{key_line('alice')[:-20]}\n", False),
        ("", False),
    ],
)
def test_a_key_counts_only_where_it_opens_a_shell(content: str, held: bool) -> None:
    files = {KEY_FILE: file(content, 0o600, "alice", "alice")}
    missing = found(host(alice=alice(key_files=files)))
    assert [want.key.split()[0] for gap in missing for want in gap.wants] == (
        [] if held else ["ssh-key"]
    )


def test_a_key_in_a_file_that_sshd_will_stop_reading_does_not_count() -> None:
    files = {KEY_FILE + "2": file(f"{key_line('alice')}\n", 0o600, "alice", "alice")}
    missing = found(host(alice=alice(key_files=files)))
    assert [want.key.split()[0] for gap in missing for want in gap.wants] == ["ssh-key"]


def test_a_key_file_that_is_no_text_is_not_taken_for_an_empty_one() -> None:
    held = file("", 0o600, "alice", "alice").model_copy(
        update={"content": None, "sha256": "1" * 64}
    )
    with pytest.raises(CannotJudge):
        found(host(alice=alice(key_files={KEY_FILE: held})))


def test_the_operator_with_a_locked_password_gets_one_by_its_name() -> None:
    gap = only(host(alice=alice(password="locked")))
    assert wanted(gap) == {("account alice", "password", "secret admins.alice.sudo_password")}


def test_another_admins_locked_password_is_that_persons_own_matter() -> None:
    assert found(host(alice=alice(password="locked")), site(operator="bob")) == []


def test_another_admins_locked_password_is_set_where_a_store_has_it() -> None:
    gap = only(host(alice=alice(password="locked")), site(WITH_STORED_PASSWORD, operator="bob"))
    assert wanted(gap) == {("account alice", "password", "secret admins.alice.sudo_password")}


def test_an_admins_empty_password_is_replaced_whoever_runs_this() -> None:
    gap = only(host(alice=alice(password="empty")), site(operator="bob"))
    assert wanted(gap) == {("account alice", "password", "secret admins.alice.sudo_password")}


STRANGERS = {
    "has a login shell": (account(1001, shell="/bin/bash"), "has a login shell"),
    "is the first person": (account(1000, shell="/bin/bash"), "has a login shell"),
    "is the last person": (account(65533, shell="/bin/bash"), "has a login shell"),
    "has an empty password": (account(33, password="empty"), "has an empty password"),
    "is a second root": (account(0, shell="/bin/bash"), "is a second root"),
    "is a second root that may not log in": (account(0), "is a second root"),
    "is in group sudo": (account(33, groups=("sudo",)), "is in group sudo"),
    "is in group docker": (account(33, groups=("www-data", "docker")), "is in group docker"),
    "is in group lxd": (account(33, groups=("lxd",)), "is in group lxd"),
    "is in group disk": (account(33, groups=("disk",)), "is in group disk"),
    "is let in by AllowGroups": (account(33, shell="/bin/sh", groups=(ADMINS,)), f"group {ADMINS}"),
}


@pytest.mark.parametrize(("stranger", "says"), STRANGERS.values(), ids=STRANGERS)
def test_a_stranger_is_a_gap_for_a_person(stranger: Account, says: str) -> None:
    gap = only(host(eve=stranger))
    assert says in gap.what
    assert not gap.automatic


@pytest.mark.parametrize(("stranger", "says"), STRANGERS.values(), ids=STRANGERS)
def test_what_to_do_about_a_stranger_names_the_account(stranger: Account, says: str) -> None:
    assert all("eve" in gap.mend for gap in found(host(eve=stranger)))


@pytest.mark.parametrize(
    "group", ["sudo", "docker", "lxd", "incus-admin", "libvirt", "disk", "shadow", "root"]
)
def test_every_group_that_leads_to_root_counts(group: str) -> None:
    assert f"group {group}" in only(host(eve=account(33, groups=(group,)))).what


@pytest.mark.parametrize(
    "harmless",
    [
        account(33),
        account(999, shell="/bin/bash"),
        account(65534, shell="/bin/bash"),
        account(1001, shell="/bin/bash", expired=True),
        account(1001, shell="/usr/sbin/nologin"),
        account(1001, shell="/sbin/nologin"),
        account(1001, shell="/bin/false"),
        account(1001, shell="/usr/bin/false"),
        account(1001, shell="/bin/sync"),
        account(33, groups=("www-data", "users")),
    ],
    ids=[
        "system",
        "below 1000",
        "nobody",
        "expired",
        "nologin",
        "nologin of old",
        "false",
        "false of new",
        "sync",
        "ordinary groups",
    ],
)
def test_an_account_that_cannot_do_harm_is_no_gap(harmless: Account) -> None:
    assert found(host(other=harmless)) == []


def test_a_stranger_who_is_everything_at_once_yields_each_gap() -> None:
    eve = account(1001, shell="/bin/bash", password="empty", groups=("sudo", "docker"))
    assert len(found(host(eve=eve))) == 4


def test_root_itself_is_no_stranger() -> None:
    root = account(0, shell="/bin/bash", groups=("root",), password="set")
    assert found(host(root=root)) == []


def test_roots_empty_password_is_a_gap() -> None:
    assert "root has an empty password" in only(host(root=account(0, password="empty"))).what
