"""ssh.key-files: exactly the site's keys, in files that only their owner writes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from building import account, file, key_line, site, snapshot, sshd

from holdfast.servers.control import Gap, Phase, Want
from holdfast.servers.controls.key_files import gaps
from holdfast.servers.snapshot import FileState, Snapshot
from holdfast.servers.sshd_config import FILE, render

ALICE, EVE = key_line("alice"), key_line("eve")
HOME, FOLDER, KEYS = "/home/alice", "/home/alice/.ssh", "/home/alice/.ssh/authorized_keys"
ROOT_KEYS = "/root/.ssh/authorized_keys"
ONE_FILE = {"authorizedkeysfile": (".ssh/authorized_keys",)}


def host(
    held: dict[str, FileState] | None = None,
    *,
    root: dict[str, FileState] | None = None,
    daemon: dict[str, Any] | None = None,
    files: dict[str, FileState] | None = None,
    settings: Mapping[str, str] | None = None,
) -> Snapshot:
    """A host as it should be, except for these key files and settings."""
    decided = {key.lower(): (value,) for key, value in (settings or {}).items()}
    mine = {
        HOME: file("", 0o755, "alice", "alice"),
        FOLDER: file("", 0o700, "alice", "alice"),
        KEYS: file(f"{ALICE}\n", 0o600, "alice", "alice"),
    }
    roots = {"/root": file("", 0o700)}
    accounts = {
        "root": account(0, home="/root", shell="/bin/bash", key_files=roots | (root or {})),
        "daemon": account(1),
        "alice": account(1000, home=HOME, shell="/bin/bash", key_files=mine | (held or {})),
    }
    return snapshot(
        accounts=accounts, files=files or {}, sshd=sshd(ONE_FILE | decided, **(daemon or {}))
    )


def found(seen: Snapshot) -> list[Gap]:
    of = site()
    return list(gaps(of.hosts["app"], {"app": seen}, of))


def wanted(seen: Snapshot) -> set[tuple[str, str, str, Phase]]:
    wants = [want for gap in found(seen) for want in gap.wants]
    return {(want.resource, want.key, want.value, want.phase) for want in wants}


def alice_has(content: str, mode: int = 0o600, owner: str = "alice") -> Snapshot:
    return host({KEYS: file(content, mode, owner, "alice")})


def test_a_host_with_the_sites_keys_alone_has_no_gap() -> None:
    assert found(host()) == []


def test_an_admin_without_a_key_file_is_not_this_controls_matter() -> None:
    seen = snapshot(
        accounts={"alice": account(1000, home=HOME, shell="/bin/bash")}, sshd=sshd(ONE_FILE)
    )
    assert found(seen) == []


@pytest.mark.parametrize(
    "line",
    [
        EVE,
        f"restrict {ALICE}",
        f'command="/bin/true" {ALICE}',
        f"  {EVE}",
        ALICE[:-20],
        "nonsense",
    ],
    ids=["stranger", "options", "command", "indented", "cut short", "nonsense"],
)
def test_a_line_that_is_not_the_sites_is_taken_out_after_a_login_was_proven(line: str) -> None:
    assert wanted(alice_has(f"{ALICE}\n{line}\n")) == {
        ("account alice", f"ssh-key {line}", "absent", Phase.NARROW)
    }


@pytest.mark.parametrize(
    "content",
    [
        f"# {EVE}\n\n{ALICE}\n",
        f"{ALICE}",
        f"{ALICE.rsplit(' ', 1)[0]} another comment\n",
        f"{ALICE}\n{ALICE}\n",
        "",
    ],
    ids=["comment and blank line", "no line end", "other comment", "twice", "empty"],
)
def test_what_lets_nobody_else_in_is_no_gap(content: str) -> None:
    assert found(alice_has(content)) == []


def test_root_has_no_keys_of_the_site() -> None:
    keys = {ROOT_KEYS: file(f"# provider\n{EVE}\n{ALICE}\n", 0o600)}
    assert wanted(host(root=keys)) == {
        ("account root", f"ssh-key {EVE}", "absent", Phase.NARROW),
        ("account root", f"ssh-key {ALICE}", "absent", Phase.NARROW),
    }


def test_the_key_that_goes_is_shown_by_its_fingerprint() -> None:
    (gap,) = found(alice_has(f"{ALICE}\n{EVE}\n"))
    assert gap.evidence.startswith(f"{KEYS}: line 2 SHA256:")
    assert gap.evidence.endswith(" eve")


def test_many_keys_are_counted_and_not_all_shown() -> None:
    (gap,) = found(alice_has("".join(f"{key_line(str(n))}\n" for n in range(9))))
    assert gap.evidence.endswith("and 6 more")
    assert len(gap.wants) == 9


@pytest.mark.parametrize(
    ("path", "held", "key"),
    [
        (HOME, file("", 0o775, "alice", "alice"), "home"),
        (HOME, file("", 0o757, "alice", "alice"), "home"),
        (FOLDER, file("", 0o755, "alice", "alice"), "key files"),
        (FOLDER, file("", 0o700, "root", "root"), "key files"),
        (KEYS, file(f"{ALICE}\n", 0o644, "alice", "alice"), "key files"),
        (KEYS, file(f"{ALICE}\n", 0o600, "root", "root"), "key files"),
    ],
)
def test_what_others_write_to_is_closed_to_them_first_of_all(
    path: str, held: FileState, key: str
) -> None:
    value = "unwritable" if key == "home" else "private"
    assert wanted(host({path: held})) == {("account alice", key, value, Phase.WIDEN)}


LINKED = {"link": True}


@pytest.mark.parametrize(
    "held",
    [
        file("", 0o755, "eve", "alice"),
        file("", 0o777, "eve", "alice"),
        file("", 0o755, "eve", "alice").model_copy(update=LINKED),
        file("", 0o775, "alice", "alice").model_copy(update=LINKED),
    ],
    ids=["another's", "another's and open", "a link to another's", "a link to an open one"],
)
def test_a_home_that_others_may_rely_on_is_for_a_person(held: FileState) -> None:
    (gap,) = found(host({HOME: held}))
    assert (gap.automatic, HOME in gap.mend) == (False, True)


@pytest.mark.parametrize(
    "held",
    [
        file("", 0o700, "alice"),
        file("", 0o755, "root", "root"),
        file("", 0o755, "alice").model_copy(update=LINKED),
    ],
)
def test_a_home_that_others_only_read_is_no_gap(held: FileState) -> None:
    assert found(host({HOME: held})) == []


@pytest.mark.parametrize(
    "held",
    [
        file("", 0o600, "alice").model_copy(update={"content": None}),
        file(f"{ALICE}\n", 0o600, "alice").model_copy(update={"link": True}),
    ],
    ids=["no text", "link"],
)
def test_a_key_file_that_cannot_be_kept_is_for_a_person(held: FileState) -> None:
    (gap,) = found(host({KEYS: held}))
    assert (gap.automatic, KEYS in gap.mend) == (False, True)


SECOND = {f"{KEYS}2": file(f"{EVE}\n", 0o600, "alice", "alice")}
READS_BOTH = {"AuthorizedKeysFile": ".ssh/authorized_keys .ssh/authorized_keys2"}


def test_a_second_file_with_a_strangers_key_is_not_read_any_more() -> None:
    assert wanted(host(SECOND, settings=READS_BOTH)) == {
        ("sshd", "AuthorizedKeysFile", ".ssh/authorized_keys", Phase.NARROW)
    }


def test_a_second_file_with_the_sites_key_lets_nobody_else_in() -> None:
    second = {f"{KEYS}2": file(f"{ALICE}\n", 0o600, "alice", "alice")}
    assert found(host(second, settings=READS_BOTH)) == []


def test_a_second_file_that_is_read_despite_our_settings_is_for_a_person() -> None:
    ours = {FILE: file(render({"AuthorizedKeysFile": ".ssh/authorized_keys"}))}
    (gap,) = found(host(SECOND, files=ours, settings=READS_BOTH))
    assert (gap.automatic, "overridden" in gap.mend) == (False, True)


@pytest.mark.parametrize(
    ("keyword", "value", "good"),
    [
        ("AuthorizedKeysCommand", "/usr/bin/any %u", "none"),
        ("TrustedUserCAKeys", "/etc/ssh/ca.pub", "none"),
        ("StrictModes", "no", "yes"),
    ],
)
def test_keys_come_from_nowhere_else(keyword: str, value: str, good: str) -> None:
    assert wanted(host(settings={keyword: value})) == {("sshd", keyword, good, Phase.NARROW)}


def test_a_key_of_somebody_elses_account_is_for_a_person() -> None:
    seen = host()
    path = "/srv/git/.ssh/authorized_keys"
    git = account(998, home="/srv/git", key_files={path: file(f"{EVE}\n", 0o666, "git")})
    assert isinstance(seen.accounts, dict)
    (gap,) = found(seen.model_copy(update={"accounts": {**seen.accounts, "git": git}}))
    assert (gap.automatic, "as git" in gap.what, path in gap.mend) == (False, True, True)


def test_an_admin_who_is_a_second_root_is_not_touched() -> None:
    keys = {KEYS: file(f"{EVE}\n", 0o644, "alice")}
    second = account(0, home=HOME, shell="/bin/bash", key_files=keys)
    seen = snapshot(accounts={"alice": second}, sshd=sshd(ONE_FILE))
    assert [gap.automatic for gap in found(seen)] == [False]


def test_nothing_is_wanted_of_sshd_while_it_has_not_read_its_files() -> None:
    stale = {"changed": 201.0, "loaded": 200.0}
    seen = host(SECOND, daemon=stale, settings=READS_BOTH | {"StrictModes": "no"})
    assert [gap.automatic for gap in found(seen)] == [False]


def test_the_wants_are_of_the_account_and_hold_the_whole_line() -> None:
    line = f"{EVE} with a long comment"
    (gap,) = found(alice_has(f"{line}\n"))
    assert gap.wants == (Want("account alice", f"ssh-key {line}", "absent", Phase.NARROW),)
