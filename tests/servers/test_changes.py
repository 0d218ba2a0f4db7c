"""The closed set of changes: what each says of itself, and what is sent of it."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError

import pytest

from holdfast.servers.changes import (
    ABSENT,
    Change,
    CreateGroup,
    EnablePamProfile,
    EnableUnit,
    InstallPackages,
    JoinGroup,
    LoadFirewall,
    LockPassword,
    MakeFolder,
    OpenAccount,
    Secret,
    SetParameters,
    SetPassword,
    StartUnit,
    WriteFile,
    resolved,
    text_digest,
)
from holdfast.servers.hand.steps import KINDS, step

PASSWORD = "correct horse"
SET = SetPassword("alice", Secret("admins.alice.sudo_password"), "locked")
NEW_FILE = WriteFile("/etc/x", "a\n", 0o640, "root", "adm", ABSENT, "")
CHANGED_FILE = WriteFile("/etc/x", "a\nc\n", 0o640, "root", "adm", "0640 root adm 00", "a\nb\n")

TITLES = [
    (InstallPackages(("nftables", "sudo")), "packages", "install nftables, sudo"),
    (CreateGroup("g"), "group g", "create group g"),
    (
        OpenAccount("alice", "/bin/bash", ABSENT),
        "account alice",
        "create account alice, shell /bin/bash",
    ),
    (
        OpenAccount("alice", "/bin/bash", "expired"),
        "account alice",
        "open account alice, shell /bin/bash",
    ),
    (JoinGroup("alice", "sudo"), "account alice, group sudo", "put alice into group sudo"),
    (SET, "password of alice", "set the password of alice (admins.alice.sudo_password)"),
    (MakeFolder("/etc/h", 0o700, "a", "b", ABSENT), "/etc/h", "folder /etc/h, 0700 a:b"),
    (NEW_FILE, "/etc/x", "write /etc/x, 0640 root:adm"),
    (CHANGED_FILE, "/etc/x", "change /etc/x, 0640 root:adm"),
    (
        LoadFirewall("t", ABSENT, ""),
        "nft inet holdfast",
        "load table inet holdfast into the kernel",
    ),
    (LockPassword("root", "set"), "password of root", "lock the password of root"),
    (
        EnablePamProfile("pwquality", "password", "pam_pwquality.so"),
        "PAM profile pwquality",
        "switch on pam_pwquality.so for password in PAM",
    ),
    (EnableUnit("x.service", "disabled"), "unit x.service", "enable x.service"),
    (StartUnit("x.timer"), "unit x.timer, running", "start x.timer"),
    (
        SetParameters((("net/x", "1"),), (("net/x", "0"),)),
        "kernel parameters",
        "set 1 parameter of the running kernel",
    ),
]
EVERY = [change for change, _, _ in TITLES]


@pytest.mark.parametrize(("change", "resource", "title"), TITLES)
def test_a_change_says_what_it_does_to_what(change: Change, resource: str, title: str) -> None:
    assert (change.resource, change.title()) == (resource, title)


def test_every_kind_of_change_is_known_to_the_hand() -> None:
    assert {kind.kind for kind in Change.__subclasses__()} == set(KINDS)


def test_every_kind_of_change_has_a_row_here() -> None:
    assert {type(change) for change in EVERY} == set(Change.__subclasses__())


@pytest.mark.parametrize("change", EVERY)
def test_what_is_sent_is_plain_data_that_the_hand_takes(change: Change) -> None:
    wire = json.loads(json.dumps(change.wire()))
    assert step(wire).wire["kind"] == change.kind


def test_kinds_run_in_an_order_of_their_own() -> None:
    orders = [kind.order for kind in Change.__subclasses__()]
    assert len(set(orders)) == len(orders)


def test_an_account_stands_before_what_belongs_to_it() -> None:
    kinds: list[type[Change]] = [
        InstallPackages,
        CreateGroup,
        OpenAccount,
        JoinGroup,
        SetPassword,
        LockPassword,
        MakeFolder,
        WriteFile,
        EnablePamProfile,
        LoadFirewall,
        EnableUnit,
        StartUnit,
        SetParameters,
    ]
    orders = [kind.order for kind in kinds]
    assert orders == sorted(orders)


@pytest.mark.parametrize("change", EVERY)
def test_a_change_cannot_be_altered_after_a_person_has_seen_it(change: Change) -> None:
    with pytest.raises(FrozenInstanceError):
        change.expect = "other"  # type: ignore[attr-defined]


def test_a_diff_shows_what_is_added_and_what_goes() -> None:
    assert CHANGED_FILE.diff() == "--- /etc/x\n+++ /etc/x\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"


def test_a_diff_of_a_new_file_begins_with_nothing() -> None:
    assert NEW_FILE.diff().startswith("--- /dev/null\n+++ /etc/x\n")


def test_a_diff_of_a_file_without_a_last_line_break_keeps_its_lines_apart() -> None:
    change = WriteFile("/etc/x", "b", 0o644, "root", "root", "0644 root root 00", "a")
    assert change.diff().splitlines()[-2:] == ["-a", "+b"]


@pytest.mark.parametrize(
    "change", [change for change in EVERY if not isinstance(change, WriteFile | SetParameters)]
)
def test_what_has_no_text_has_no_diff(change: Change) -> None:
    assert change.diff() == ""


@pytest.mark.parametrize("change", [CHANGED_FILE, LoadFirewall("t", "00", "before")])
def test_what_was_there_before_is_not_sent_back(change: Change) -> None:
    assert "before" not in change.wire()


def test_what_the_host_is_expected_to_be_like_is_sent() -> None:
    assert CHANGED_FILE.wire()["expect"] == "0640 root adm 00"


# Secrets


@pytest.mark.parametrize("shown", [SET.title(), SET.diff(), repr(SET), json.dumps(SET.wire())])
def test_a_secret_is_shown_by_its_name(shown: str) -> None:
    assert "admins.alice.sudo_password" in shown or shown == ""


def test_a_secret_is_resolved_in_what_is_sent() -> None:
    wire = resolved(SET.wire(), {"admins.alice.sudo_password": PASSWORD})
    assert wire["password"] == PASSWORD


def test_resolving_a_secret_leaves_the_change_as_it_was() -> None:
    resolved(SET.wire(), {"admins.alice.sudo_password": PASSWORD})
    assert PASSWORD not in repr(SET) + json.dumps(SET.wire())


def test_a_secret_that_nobody_has_is_not_sent_as_something_else() -> None:
    with pytest.raises(KeyError):
        resolved(SET.wire(), {})


@pytest.mark.parametrize("change", [change for change in EVERY if change is not SET])
def test_what_holds_no_secret_is_sent_as_it_is(change: Change) -> None:
    assert resolved(change.wire(), {"admins.alice.sudo_password": PASSWORD}) == change.wire()


def test_a_digest_is_of_the_bytes_that_are_written() -> None:
    digest = "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c"
    assert text_digest("é") == digest
