"""From what is wanted of one resource to the changes that lead there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from building import account, file, key_line, site, snapshot
from hypothesis import given
from hypothesis import strategies as st
from model import table

from holdfast.servers import apt_config, kernel_parameters, pwquality, traces
from holdfast.servers.access import Redirect
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
    text_digest,
)
from holdfast.servers.controls.sudo import gaps as sudo_gaps
from holdfast.servers.firewall_table import FILE as FIREWALL_FILE
from holdfast.servers.firewall_table import UNIT, allowed, loadable
from holdfast.servers.firewall_table import render as render_table
from holdfast.servers.resources import (
    FIREWALL_UNIT,
    SUDOERS_FILE,
    changes_for,
    file_state,
    folder_state,
)
from holdfast.servers.snapshot import (
    Account,
    CannotJudge,
    FileState,
    Firewall,
    Kernel,
    Snapshot,
    Sudo,
    Unit,
    Unreadable,
)
from holdfast.servers.sshd_config import FILE as SSHD_FILE
from holdfast.servers.sshd_config import parse, render

HOME, FOLDER = "/home/alice", "/home/alice/.ssh"
KEY_FILE = f"{FOLDER}/authorized_keys"
ALICE, BOB, EVE = key_line("alice"), key_line("bob"), key_line("eve")


def changes(resource: str, wants: Mapping[str, str], seen: Snapshot) -> list[Change]:
    return list(changes_for(resource, wants, seen))


def written(found: list[Change], path: str) -> WriteFile:
    """The one change that writes this file."""
    (change,) = (c for c in found if isinstance(c, WriteFile) and c.path == path)
    return change


def of_kind(found: list[Change], kind: type[Change]) -> list[Change]:
    return [change for change in found if isinstance(change, kind)]


# Packages and groups


def test_a_missing_package_is_installed() -> None:
    found = changes("package sudo", {"installed": "yes"}, snapshot())
    assert found == [InstallPackages(("sudo",))]


def test_a_package_that_is_there_is_left_alone() -> None:
    assert changes("package python3", {"installed": "yes"}, snapshot()) == []


def test_a_missing_group_is_made() -> None:
    assert changes("group g", {"exists": "yes"}, snapshot()) == [CreateGroup("g")]


def test_a_group_that_is_there_is_left_alone() -> None:
    assert changes("group sudo", {"exists": "yes"}, snapshot()) == []


# Accounts


def with_alice(
    *, keys: str | None = None, folder: FileState | None = None, **facts: object
) -> Snapshot:
    """A host with alice's account, her key file as given, and a `.ssh` as it should be."""
    files = {HOME: file("", 0o755, "alice", "alice")}
    if keys is not None or folder is not None:
        files[FOLDER] = folder or file("", 0o700, "alice", "alice")
    if keys is not None:
        files[KEY_FILE] = file(keys, 0o600, "alice", "alice")
    fields: dict[str, object] = {"home": HOME, "shell": "/bin/bash", "key_files": files}
    return snapshot(accounts={"alice": account(1000, **(fields | facts))})


def test_an_account_that_is_not_there_is_made() -> None:
    found = changes("account alice", {"open": "/bin/bash"}, snapshot())
    assert found == [OpenAccount("alice", "/bin/bash", ABSENT)]


def test_an_expired_account_is_opened() -> None:
    found = changes("account alice", {"open": "/bin/bash"}, with_alice(expired=True))
    assert found == [OpenAccount("alice", "/bin/bash", "expired")]


def test_an_account_joins_a_group_it_is_not_in() -> None:
    found = changes("account alice", {"group sudo": "present"}, with_alice())
    assert found == [JoinGroup("alice", "sudo")]


def test_an_account_that_will_be_made_joins_its_groups() -> None:
    found = changes("account alice", {"group sudo": "present"}, snapshot())
    assert found == [JoinGroup("alice", "sudo")]


def test_an_account_is_left_alone_where_it_is_as_wanted() -> None:
    wants = {"open": "/bin/bash", "group sudo": "present"}
    assert changes("account alice", wants, with_alice(groups=("sudo",))) == []


@pytest.mark.parametrize("state", ["locked", "empty"])
def test_a_password_is_set_by_the_name_of_its_secret(state: str) -> None:
    wants = {"password": "secret admins.alice.sudo_password"}
    found = changes("account alice", wants, with_alice(password=state))
    assert found == [SetPassword("alice", Secret("admins.alice.sudo_password"), state)]


def test_an_account_that_will_be_made_gets_its_password() -> None:
    wants = {"password": "secret admins.alice.sudo_password"}
    (change,) = changes("account alice", wants, snapshot())
    assert change == SetPassword("alice", Secret("admins.alice.sudo_password"), ABSENT)


@pytest.mark.parametrize("state", ["set", "empty"])
def test_a_password_that_fits_is_locked(state: str) -> None:
    found = changes("account alice", {"password": "locked"}, with_alice(password=state))
    assert found == [LockPassword("alice", state)]


def test_a_password_that_is_locked_is_left_alone() -> None:
    assert changes("account alice", {"password": "locked"}, with_alice(password="locked")) == []


def test_an_account_that_will_be_made_has_a_locked_password() -> None:
    found = changes("account alice", {"open": "/bin/bash", "password": "locked"}, snapshot())
    assert found == [OpenAccount("alice", "/bin/bash", ABSENT)]


# authorized_keys


def with_key(seen: Snapshot, *lines: str) -> list[Change]:
    return changes("account alice", {f"ssh-key {line}": "present" for line in lines}, seen)


def test_a_first_key_makes_the_folder_and_the_file() -> None:
    found = with_key(with_alice(), ALICE)
    assert found == [
        MakeFolder(FOLDER, 0o700, "alice", "alice", ABSENT),
        WriteFile(KEY_FILE, f"{ALICE}\n", 0o600, "alice", "alice", ABSENT, ""),
    ]


def test_a_key_of_an_account_that_will_be_made_goes_into_the_home_it_will_have() -> None:
    assert written(with_key(snapshot(), ALICE), KEY_FILE).content == f"{ALICE}\n"


def test_a_key_goes_into_the_home_that_the_account_has() -> None:
    seen = snapshot(accounts={"alice": account(1000, home="/srv/people/alice")})
    assert written(with_key(seen, ALICE), "/srv/people/alice/.ssh/authorized_keys")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"{ALICE}\n"),
        (f"{BOB}\n", f"{BOB}\n{ALICE}\n"),
        (BOB, f"{BOB}\n{ALICE}\n"),
        (f"# mine\n\n{BOB}\n", f"# mine\n\n{BOB}\n{ALICE}\n"),
        (f"{BOB}\r\n", f"{BOB}\r\n{ALICE}\n"),
        (f'command="/bin/x" {ALICE}\n', f'command="/bin/x" {ALICE}\n{ALICE}\n'),
    ],
)
def test_a_key_is_added_after_the_lines_that_are_there(before: str, after: str) -> None:
    assert written(with_key(with_alice(keys=before), ALICE), KEY_FILE).content == after


def test_several_keys_are_added_in_one_change() -> None:
    content = written(with_key(with_alice(keys=""), BOB, ALICE), KEY_FILE).content
    assert content == "".join(f"{line}\n" for line in sorted([ALICE, BOB]))


def test_a_key_that_is_there_is_not_added_again() -> None:
    content = written(with_key(with_alice(keys=f"{ALICE}\n"), ALICE, BOB), KEY_FILE).content
    assert content == f"{ALICE}\n{BOB}\n"


def key_file_after(wants: Mapping[str, str], before: str) -> str:
    """The key file's text after lines were wanted present or absent."""
    asked = {f"ssh-key {line}": value for line, value in wants.items()}
    found = changes("account alice", asked, with_alice(keys=before))
    return written(found, KEY_FILE).content if found else before


PRIVATE = file("", 0o700, "alice", "alice")

lines_of_files = st.lists(
    st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=20)
    | st.sampled_from([ALICE, BOB, EVE, f"# {ALICE}"]),
    max_size=6,
)


@given(lines_of_files, st.booleans(), st.sets(st.sampled_from([ALICE, BOB]), min_size=1))
def test_whatever_stands_in_a_key_file_stays(lines: list[str], ends: bool, keys: set[str]) -> None:
    before = "\n".join(lines) + ("\n" if ends and lines else "")
    assert key_file_after(dict.fromkeys(keys, "present"), before).startswith(before)


@given(lines_of_files, st.booleans(), st.sets(st.sampled_from([ALICE, BOB]), min_size=1))
def test_every_key_has_a_line_of_its_own(lines: list[str], ends: bool, keys: set[str]) -> None:
    before = "\n".join(lines) + ("\n" if ends and lines else "")
    after = key_file_after(dict.fromkeys(keys, "present"), before)
    assert keys <= set(after.split("\n"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{EVE}\n", ""),
        (EVE, ""),
        (f"# mine\n\n{EVE}\n{ALICE}\n", f"# mine\n\n{ALICE}\n"),
        (f"{ALICE}\n{EVE}", ALICE),
        (f"{EVE}\n{ALICE}\n{EVE}\n", f"{ALICE}\n"),
        (f"  {EVE}\n#{EVE}\n", f"  {EVE}\n#{EVE}\n"),
    ],
)
def test_a_line_is_taken_out_and_the_others_stay(before: str, after: str) -> None:
    assert key_file_after({EVE: "absent"}, before) == after


@given(lines_of_files, st.booleans())
def test_what_is_taken_out_is_nowhere_and_nothing_else_is_missing(
    lines: list[str], ends: bool
) -> None:
    before = "\n".join(lines) + ("\n" if ends and lines else "")
    after = key_file_after({EVE: "absent"}, before).split("\n")
    assert [line for line in after if line] == [line for line in lines if line and line != EVE]


def test_one_key_goes_while_another_comes() -> None:
    assert key_file_after({EVE: "absent", ALICE: "present"}, f"{EVE}\n") == f"{ALICE}\n"


def test_the_diff_shows_which_key_goes() -> None:
    found = changes("account alice", {f"ssh-key {EVE}": "absent"}, with_alice(keys=f"{EVE}\n"))
    assert f"-{EVE}\n" in written(found, KEY_FILE).diff()


def test_a_key_file_that_others_read_is_made_private_and_keeps_its_lines_and_group() -> None:
    seen = with_alice(keys=f"{BOB}\n")
    assert isinstance(seen.accounts, dict)
    held = file(f"{BOB}\n", 0o644, "root", "users")
    alice = seen.accounts["alice"]
    alice = alice.model_copy(update={"key_files": {**alice.key_files, KEY_FILE: held}})
    (change,) = changes(
        "account alice",
        {"key files": "private"},
        seen.model_copy(update={"accounts": {"alice": alice}}),
    )
    assert change == WriteFile(
        KEY_FILE, f"{BOB}\n", 0o600, "alice", "users", file_state(held), f"{BOB}\n"
    )


def test_a_private_folder_without_a_key_file_gets_none() -> None:
    assert changes("account alice", {"key files": "private"}, with_alice(folder=PRIVATE)) == []


@pytest.mark.parametrize("owner", ["alice", "root", "eve"])
def test_a_home_loses_the_bits_by_which_others_write_and_keeps_its_owner(owner: str) -> None:
    home = file("", 0o777, owner, "users")
    seen = snapshot(accounts={"alice": account(1000, home=HOME, key_files={HOME: home})})
    (change,) = changes("account alice", {"home": "unwritable"}, seen)
    assert change == MakeFolder(HOME, 0o755, owner, "users", folder_state(home))


def test_a_key_file_that_is_no_text_is_not_replaced() -> None:
    seen = with_alice(keys="")
    held = file("", 0o600, "alice", "alice").model_copy(
        update={"content": None, "sha256": "1" * 64}
    )
    assert isinstance(seen.accounts, dict)
    alice: Account = seen.accounts["alice"]
    alice = alice.model_copy(update={"key_files": {**alice.key_files, KEY_FILE: held}})
    with pytest.raises(CannotJudge):
        with_key(seen.model_copy(update={"accounts": {"alice": alice}}), ALICE)


@pytest.mark.parametrize(
    "folder",
    [file("", 0o755, "alice", "users"), file("", 0o700, "root", "users")],
    ids=["mode", "owner"],
)
def test_a_folder_that_sshd_would_not_trust_is_put_right(folder: FileState) -> None:
    (change,) = of_kind(with_key(with_alice(folder=folder), ALICE), MakeFolder)
    assert change == MakeFolder(FOLDER, 0o700, "alice", "users", folder_state(folder))


def test_a_folder_as_it_should_be_is_left_alone() -> None:
    assert of_kind(with_key(with_alice(keys=""), ALICE), MakeFolder) == []


def test_the_groups_of_what_is_written_exist_on_the_host() -> None:
    files = {HOME: file("", 0o755, "alice", "users")}
    alice = account(1000, home=HOME, shell="/bin/bash", groups=("users",), key_files=files)
    seen = snapshot(accounts={"alice": alice}, groups={"users": ("alice",), "sudo": ()})
    named = {c.group for c in with_key(seen, ALICE) if isinstance(c, MakeFolder | WriteFile)}
    assert named == {"users"}


# sshd


def with_ours(text: str | None) -> Snapshot:
    return snapshot(files={SSHD_FILE: file(text)} if text is not None else {})


def test_sshds_settings_are_written_first_and_for_all() -> None:
    found = changes("sshd", {"PermitRootLogin": "no", "LoginGraceTime": "30"}, with_ours(None))
    assert written(found, SSHD_FILE).content == (
        "# Written by Holdfast; changes made here are seen as gaps.\n"
        "LoginGraceTime 30\nMatch all\n    PermitRootLogin no\n"
    )


def test_sshds_settings_that_are_written_already_stay() -> None:
    found = changes("sshd", {"B": "new"}, with_ours(render({"A": "1", "B": "old"})))
    assert parse(written(found, SSHD_FILE).content) == {"A": "1", "B": "new"}


def test_a_setting_of_sshd_that_is_not_wanted_goes() -> None:
    found = changes("sshd", {"Port": "absent"}, with_ours(render({"A": "1", "Port": "2222"})))
    assert parse(written(found, SSHD_FILE).content) == {"A": "1"}


def test_the_ssh_server_reads_what_was_written() -> None:
    found = changes("sshd", {"A": "1"}, with_ours(None))
    assert written(found, SSHD_FILE).read_by == "ssh.service"


@given(
    st.dictionaries(
        st.sampled_from(["PermitRootLogin", "LoginGraceTime", "AllowGroups", "X11Forwarding"]),
        st.sampled_from(["yes", "no", "30", "a b"]),
    )
)
def test_sshds_settings_are_read_back_as_they_were_written(settings: dict[str, str]) -> None:
    assert parse(render(settings)) == settings


# sudoers


def with_sudoers(text: str | None) -> Snapshot:
    return snapshot(files={SUDOERS_FILE: file(text, 0o440)} if text is not None else {})


def sudoers(before: str | None, wants: Mapping[str, str]) -> list[str]:
    """The lines of our drop-in, without its comment."""
    found = changes("sudoers", wants, with_sudoers(before))
    return written(found, SUDOERS_FILE).content.splitlines()[1:]


def test_an_option_of_sudo_gets_a_line() -> None:
    assert sudoers(None, {"Defaults timestamp_type": "tty"}) == ["Defaults timestamp_type=tty"]


def test_an_option_of_sudo_that_is_written_already_stays() -> None:
    before = "Defaults passwd_tries=3\nDefaults timestamp_type=global\n"
    assert sudoers(before, {"Defaults timestamp_type": "tty"}) == [
        "Defaults passwd_tries=3",
        "Defaults timestamp_type=tty",
    ]


def test_an_option_of_sudo_without_a_value_stays_without_one() -> None:
    assert "Defaults use_pty" in sudoers("Defaults use_pty\n", {"Defaults timestamp_type": "tty"})


def test_an_option_of_sudo_that_is_not_wanted_goes() -> None:
    before = "Defaults !authenticate\nDefaults use_pty\n"
    assert sudoers(before, {"Defaults !authenticate": "absent"}) == ["Defaults use_pty"]


def test_our_drop_in_is_what_sudo_demands_of_it() -> None:
    found = changes("sudoers", {"Defaults timestamp_type": "tty"}, with_sudoers(None))
    change = written(found, SUDOERS_FILE)
    assert (change.mode, change.owner, change.group) == (0o440, "root", "root")


def test_our_drop_in_is_left_alone_where_it_is_as_wanted() -> None:
    wants = {"Defaults timestamp_type": "tty"}
    text = written(changes("sudoers", wants, with_sudoers(None)), SUDOERS_FILE).content
    assert changes("sudoers", wants, with_sudoers(text)) == []


# PAM, the rules for passwords, apt


def test_a_profile_of_pam_is_switched_on_where_its_module_is_missing() -> None:
    found = changes("pam pwquality", {"enabled": "password pam_pwquality.so"}, snapshot())
    assert found == [EnablePamProfile("pwquality", "password", "pam_pwquality.so", "disabled")]


OURS = [
    ("pwquality", pwquality.FILE, pwquality.render, pwquality.parse, {"minlen": "15"}),
    ("apt", apt_config.FILE, apt_config.render, apt_config.parse, {"A::B": "1"}),
]
Render = Callable[[Mapping[str, str]], str]
Parse = Callable[[str], dict[str, str]]
parts = pytest.mark.parametrize(("kind", "path", "render", "parse", "wants"), OURS)


def with_part(path: str, text: str | None) -> Snapshot:
    folder = {str(Path(path).parent): file("", 0o755)}
    return snapshot(files=folder | ({} if text is None else {path: file(text)}))


@parts
def test_a_first_option_makes_our_file(
    kind: str, path: str, render: Render, parse: Parse, wants: dict[str, str]
) -> None:
    found = changes(kind, wants, with_part(path, None))
    assert found == [WriteFile(path, render(wants), 0o644, "root", "root", ABSENT, "")]


@parts
def test_options_that_our_file_has_already_stay(
    kind: str, path: str, render: Render, parse: Parse, wants: dict[str, str]
) -> None:
    held = {"difok": "3", **dict.fromkeys(wants, "0")}
    found = changes(kind, wants, with_part(path, render(held)))
    assert parse(written(found, path).content) == {**held, **wants}


@parts
def test_an_option_that_is_not_wanted_goes(
    kind: str, path: str, render: Render, parse: Parse, wants: dict[str, str]
) -> None:
    found = changes(kind, {"difok": "absent"}, with_part(path, render({"difok": "3", **wants})))
    assert parse(written(found, path).content) == wants


@parts
def test_our_file_is_left_alone_where_it_says_what_is_wanted(
    kind: str, path: str, render: Render, parse: Parse, wants: dict[str, str]
) -> None:
    assert changes(kind, wants, with_part(path, render(wants))) == []


@parts
def test_our_file_is_not_replaced_where_it_could_not_be_read(
    kind: str, path: str, render: Render, parse: Parse, wants: dict[str, str]
) -> None:
    seen = snapshot(files={path: Unreadable(unreadable="needs root")})
    with pytest.raises(CannotJudge):
        changes(kind, wants, seen)


def test_the_folder_for_rules_of_passwords_is_made_where_it_is_missing() -> None:
    found = changes("pwquality", {"minlen": "15"}, snapshot(files={}))
    assert of_kind(found, MakeFolder) == [
        MakeFolder(pwquality.FOLDER, 0o755, "root", "root", ABSENT)
    ]


def test_a_flag_of_the_rules_for_passwords_has_no_value() -> None:
    found = changes("pwquality", {"enforce_for_root": ""}, snapshot())
    assert "\nenforce_for_root\n" in written(found, pwquality.FILE).content


# Units

RUN = {"enabled": "yes", "running": "yes"}


def with_unit(active: str, enabled: str) -> Snapshot:
    return snapshot(units={"x.timer": Unit(active=active, enabled=enabled)})


def test_a_unit_that_neither_runs_nor_will_is_enabled_and_started() -> None:
    found = changes("unit x.timer", RUN, with_unit("inactive", "disabled"))
    assert found == [EnableUnit("x.timer", "disabled"), StartUnit("x.timer", "inactive")]


def test_a_unit_that_a_package_will_bring_is_enabled_and_started() -> None:
    found = changes("unit x.timer", RUN, snapshot(units={}))
    assert found == [EnableUnit("x.timer", "disabled"), StartUnit("x.timer", "inactive")]


@pytest.mark.parametrize(
    ("active", "enabled", "kind"),
    [("active", "disabled", EnableUnit), ("failed", "enabled", StartUnit)],
)
def test_a_unit_gets_only_what_it_lacks(active: str, enabled: str, kind: type[Change]) -> None:
    found = changes("unit x.timer", RUN, with_unit(active, enabled))
    assert [type(change) for change in found] == [kind]


def test_a_unit_gets_only_what_is_wanted() -> None:
    seen = with_unit("inactive", "disabled")
    assert changes("unit x.timer", {"running": "yes"}, seen) == [StartUnit("x.timer")]


def test_a_unit_that_runs_is_left_alone() -> None:
    assert changes("unit x.timer", RUN, with_unit("active", "enabled")) == []


# Single lines of somebody else's file

PATH = "/etc/sudoers.d/90-cloud"


def replaced(before: str, wants: Mapping[str, str], **facts: object) -> list[Change]:
    seen = snapshot(files={PATH: file(before).model_copy(update=facts)})
    return changes(f"lines {PATH}", wants, seen)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("bad\n", "good\n"),
        ("bad", "good"),
        ("one\nbad\ntwo\n", "one\ngood\ntwo\n"),
        ("one\nbad", "one\ngood"),
        ("bad\nbad\n", "good\ngood\n"),
        ("\n\nbad\n\n", "\n\ngood\n\n"),
        ("\tone \nbad\n", "\tone \ngood\n"),
        ("not bad\nbad\n", "not bad\ngood\n"),
        ("one\r\nbad\n", "one\r\ngood\n"),
    ],
)
def test_a_line_is_replaced_and_all_other_bytes_stay(before: str, after: str) -> None:
    assert written(replaced(before, {"bad": "good"}), PATH).content == after


@pytest.mark.parametrize("end", ["\n", "\r\n", "\x0c\n", "\u2028\n", " and\u2028more\n", ""])
def test_a_line_is_replaced_as_its_control_demands_whatever_ends_it(end: str) -> None:
    of, before = site(), f"Defaults env_reset\r\nu ALL=(ALL) NOPASSWD: ALL{end}"
    seen = snapshot(files={PATH: file(before)}, sudo=Sudo(installed=True, policy={}))
    (gap,) = sudo_gaps(of.hosts["app"], {"app": seen}, of)
    wants = {want.key: want.value for want in gap.wants}
    content = written(changes(f"lines {PATH}", wants, seen), PATH).content
    assert content == before.replace("NOPASSWD: ", "")


@given(st.lists(st.sampled_from(["a", "b", " a", "", "c"])), st.booleans())
def test_every_line_stays_where_it_is(lines: list[str], ends: bool) -> None:
    before = "\n".join(lines) + ("\n" if ends else "")
    found = replaced(before, {"a": "A"})
    after = written(found, PATH).content if found else before
    assert after.split("\n") == ["A" if line == "a" else line for line in before.split("\n")]


def test_a_file_without_the_line_is_left_alone() -> None:
    assert replaced("one\n", {"bad": "good"}) == []


def test_the_mode_and_the_owner_of_the_file_stay() -> None:
    (change,) = replaced("bad\n", {"bad": "good"}, mode=0o440, owner="ops", group="adm")
    assert isinstance(change, WriteFile)
    assert (change.mode, change.owner, change.group) == (0o440, "ops", "adm")


def test_the_file_must_still_be_as_it_was_seen() -> None:
    (change,) = replaced("bad\n", {"bad": "good"})
    assert isinstance(change, WriteFile)
    assert change.expect == file_state(file("bad\n"))


def test_a_file_that_could_not_be_read_is_not_replaced() -> None:
    seen = snapshot(files={PATH: Unreadable(unreadable="needs root")})
    with pytest.raises(CannotJudge):
        changes(f"lines {PATH}", {"bad": "good"}, seen)


# The packet filter

WANTS = {"base": "1", "boot": "enabled", "allow tcp dport 22 accept": "present"}
READY = {
    "/etc/holdfast": file("", 0o755),
    FIREWALL_FILE: file(loadable(table("tcp dport 22 accept"))),
    f"/etc/systemd/system/{FIREWALL_UNIT}": file(UNIT),
}


def with_table(running: str | None, *, files: Mapping[str, FileState] = READY) -> Snapshot:
    return snapshot(
        firewall=Firewall(installed=True, base_chains=(), holdfast=running, forwarding=False),
        files=dict(files),
        units={FIREWALL_UNIT: Unit(active="active", enabled="enabled")},
    )


def test_a_host_without_our_table_gets_its_folder_file_unit_and_table() -> None:
    seen = with_table(None, files={}).model_copy(update={"units": {}})
    found = changes("firewall", WANTS, seen)
    assert [type(c) for c in found] == [MakeFolder, WriteFile, WriteFile, LoadFirewall, EnableUnit]
    assert found[0] == MakeFolder("/etc/holdfast", 0o755, "root", "root", ABSENT)
    assert found[-1] == EnableUnit(FIREWALL_UNIT, "disabled")


def test_a_table_is_loaded_only_in_place_of_the_one_that_was_seen() -> None:
    running = table("tcp dport 23 accept")
    (first,) = of_kind(changes("firewall", WANTS, with_table(None)), LoadFirewall)
    (second,) = of_kind(changes("firewall", WANTS, with_table(running)), LoadFirewall)
    expected = [c.expect for c in (first, second) if isinstance(c, LoadFirewall)]
    assert expected == [ABSENT, text_digest(running)]


@pytest.mark.parametrize("resource", ["sshd", "sudoers", "firewall"])
def test_a_file_of_ours_that_could_not_be_read_is_not_replaced(resource: str) -> None:
    paths = (SSHD_FILE, SUDOERS_FILE, FIREWALL_FILE)
    files = dict.fromkeys(paths, Unreadable(unreadable="needs root"))
    with pytest.raises(CannotJudge):
        changes(resource, {"Defaults x": "1"}, with_table(None).model_copy(update={"files": files}))


def test_a_host_with_our_table_is_left_alone() -> None:
    assert changes("firewall", WANTS, with_table(table("tcp dport 22 accept"))) == []


def loaded(wants: Mapping[str, str], *running: str) -> list[str]:
    (change,) = of_kind(changes("firewall", wants, with_table(table(*running))), LoadFirewall)
    assert isinstance(change, LoadFirewall)
    return allowed(change.text[change.text.index("table inet holdfast {") :])


def test_a_rule_is_added_to_those_that_are_there() -> None:
    wants = {"allow tcp dport 80 accept": "present"}
    assert loaded(wants, "tcp dport 22 accept") == ["tcp dport 22 accept", "tcp dport 80 accept"]


def test_a_rule_is_taken_from_those_that_are_there() -> None:
    wants = {"allow tcp dport 23 accept": "absent"}
    assert loaded(wants, "tcp dport 22 accept", "tcp dport 23 accept") == ["tcp dport 22 accept"]


@pytest.mark.parametrize(
    ("wants", "redirects", "forward"),
    [
        ({"redirect 80": "3000"}, [Redirect(80, 3000), Redirect(8080, 22)], False),
        ({"redirect 8080": "3003"}, [Redirect(8080, 3003)], False),
        ({"redirect 8080": "absent"}, [], False),
        ({"forward": "free"}, [Redirect(8080, 22)], True),
    ],
)
def test_redirects_and_forwarding_are_laid_over_what_runs(
    wants: Mapping[str, str], redirects: list[Redirect], forward: bool
) -> None:
    running = render_table(["tcp dport 22 accept"], [Redirect(8080, 22)])
    (change,) = of_kind(changes("firewall", wants, with_table(running)), LoadFirewall)
    assert isinstance(change, LoadFirewall)
    wanted = render_table(["tcp dport 22 accept"], redirects, forward=forward)
    assert change.text == loadable(wanted)


def test_forwarding_stays_free_unless_it_is_to_be_stopped() -> None:
    running = render_table([], forward=True)
    for wants, expected in (({}, running), ({"forward": "stopped"}, render_table([]))):
        found = changes("firewall", wants, with_table(running, files={}))
        assert written(found, FIREWALL_FILE).content == loadable(expected)


def test_the_kernel_and_the_file_get_the_same_table() -> None:
    wants = {"allow tcp dport 80 accept": "present"}
    found = changes("firewall", wants, with_table(table("tcp dport 22 accept")))
    (load,) = of_kind(found, LoadFirewall)
    assert isinstance(load, LoadFirewall)
    assert written(found, FIREWALL_FILE).content == load.text


def test_the_unit_is_read_again_by_systemd() -> None:
    found = changes("firewall", WANTS, with_table(None, files={}))
    assert written(found, f"/etc/systemd/system/{FIREWALL_UNIT}").read_by == "systemd"


def test_a_file_that_differs_is_written_though_the_kernel_is_right() -> None:
    seen = with_table(
        table("tcp dport 22 accept"), files={**READY, FIREWALL_FILE: file("flush ruleset\n")}
    )
    assert [change.resource for change in changes("firewall", WANTS, seen)] == [FIREWALL_FILE]


def test_a_file_of_ours_with_a_loose_mode_is_written_again() -> None:
    loose = READY[FIREWALL_FILE].model_copy(update={"mode": 0o666})
    seen = with_table(table("tcp dport 22 accept"), files={**READY, FIREWALL_FILE: loose})
    assert [change.resource for change in changes("firewall", WANTS, seen)] == [FIREWALL_FILE]


# States, as the hand spells them


def test_a_file_is_spelled_by_mode_owner_group_and_digest() -> None:
    held = file("", 0o440, "root", "adm")
    assert file_state(held) == f"0440 root adm {held.sha256}"


def test_a_folder_is_spelled_without_a_digest() -> None:
    assert folder_state(file("", 0o700, "alice", "users")) == "0700 alice users"


def test_no_file_is_spelled_absent() -> None:
    assert file_state(None) == ABSENT


# The kernel, and what programs leave behind


MARTIANS = "net/ipv4/conf/*/log_martians"


def with_parameters(**values: str) -> Snapshot:
    named = {f"net/ipv4/conf/{name}/log_martians": value for name, value in values.items()}
    return snapshot(kernel=Kernel(parameters=named), files={"/etc/sysctl.d": file("", 0o755)})


def test_only_those_interfaces_are_set_that_are_not_as_wanted() -> None:
    found = changes("kernel", {MARTIANS: "1"}, with_parameters(all="1", eth0="0", eth1="0"))
    assert written(found, kernel_parameters.FILE).content.endswith(f"{MARTIANS} = 1\n")
    (change,) = (one for one in found if isinstance(one, SetParameters))
    assert [name for name, _ in change.values] == [
        "net/ipv4/conf/eth0/log_martians",
        "net/ipv4/conf/eth1/log_martians",
    ]
    assert change.expect == text_digest(
        "net/ipv4/conf/eth0/log_martians 0\nnet/ipv4/conf/eth1/log_martians 0\n"
    )
    assert "-net/ipv4/conf/eth0/log_martians = 0\n+net/ipv4/conf/eth0/log_martians = 1\n" in (
        change.diff()
    )


def test_a_running_kernel_that_is_as_wanted_is_left_alone() -> None:
    found = changes("kernel", {MARTIANS: "1"}, with_parameters(all="1"))
    assert [type(one) for one in found] == [WriteFile]


def test_modules_are_refused_beside_those_that_are_already() -> None:
    before = kernel_parameters.render_modules({"rds": "refused"})
    seen = with_part(kernel_parameters.MODULES_FILE, before)
    content = written(
        changes("modules", {"dccp": "refused"}, seen), kernel_parameters.MODULES_FILE
    ).content
    assert set(kernel_parameters.parse_modules(content)) == {"dccp", "rds"}


def test_a_folder_that_is_missing_is_made_first() -> None:
    found = changes("core dumps", {"written": "no"}, snapshot(files={}))
    made = [one.path for one in found if isinstance(one, MakeFolder)]
    assert made == [str(Path(path).parent) for path in traces.NO_CORE_DUMPS]


def test_the_mask_takes_the_place_of_its_line() -> None:
    seen = snapshot(files={traces.LOGIN_DEFS: file("A 1\nUMASK 022\nB 2\n")})
    found = changes("login.defs", {"UMASK": "027"}, seen)
    assert written(found, traces.LOGIN_DEFS).content == "A 1\nUMASK\t\t027\nB 2\n"
