"""passwd, shadow and group as the C library takes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.servers.hand import read_accounts as accounts
from holdfast.servers.hand.read_accounts import Shadow
from holdfast.servers.hand.read_keys import Person

hostile = st.text(alphabet="x:0\n\t #+-,!*$\0é\udcff" + "abc", max_size=200)


@pytest.mark.parametrize(
    ("line", "uid"),
    [
        ("evil:x:0:0:root:/root:/bin/bash", 0),
        ("evil::0:0", 0),
        ("  evil:x:+0:0:::", 0),
        ("evil:x: 0:0:::", 0),
        ("evil:x:-1:0:::", 4294967295),
        ("evil:x:0:0:gecos:/root:/bin/sh:with:colons", 0),
    ],
)
def test_a_line_that_the_c_library_accepts_is_an_account(line: str, uid: int) -> None:
    assert accounts.parse_passwd(line)["evil"].uid == uid


@pytest.mark.parametrize(
    "line", ["", "#evil:x:0:0:::", "+evil::0:0:::", "evil", "evil:x:zero:0:::", "evil:x:0:::::"]
)
def test_a_line_that_the_c_library_passes_over_is_none(line: str) -> None:
    assert accounts.parse_passwd(line) == {}


def test_of_two_accounts_with_one_name_the_first_counts() -> None:
    assert accounts.parse_passwd("a:x:1:1:::\na:x:0:0:::")["a"].uid == 1


@pytest.mark.parametrize(
    ("field", "shadow", "state"),
    [
        ("x", "", "empty"),
        ("", "*", "empty"),
        ("", None, "empty"),
        ("x", "*", "locked"),
        ("x", "!", "locked"),
        ("x", "!*", "locked"),
        ("x", "!$y$j9T$abc$def", "locked"),
        ("x", "x", "locked"),
        ("x", "*LK*", "locked"),
        ("x", "NP", "locked"),
        ("x", None, "locked"),
        ("*", "$y$j9T$abc$def", "locked"),
        ("x", "$y$j9T$abc$def", "set"),
        ("x", "$6$salt$hash", "set"),
        ("x", "abJnggxhB/yWI", "set"),
        ("x", "_J9..rasmBYk8r9AiWNc", "set"),
        ("$6$salt$hash", "*", "set"),
    ],
)
def test_the_state_of_a_password(field: str, shadow: str | None, state: str) -> None:
    entry = None if shadow is None else Shadow(shadow, None)
    assert accounts.password_state(field, entry) == state


@pytest.mark.parametrize(
    ("line", "expires"),
    [
        ("a:*:19000:0:99999:7:::", None),
        ("a:*:19000:0:99999:7::19500:", 19500),
        ("a:*:19000:0:99999:7::0:", 0),
        ("a:*", None),
        ("a:*::::::soon:", None),
    ],
)
def test_when_an_account_expires(line: str, expires: int | None) -> None:
    assert accounts.parse_shadow(line)["a"].expires == expires


def test_members_of_a_group_are_listed_primary_or_under_another_name_of_its_number() -> None:
    people = accounts.parse_passwd("root:x:0:0:::\nalice:x:1000:27:::\nbob:x:1001:1001:::")
    groups = accounts.parse_group("sudo:x:27:carol\nadmins:x:27:bob, dave\nempty:x:9:")
    everybody = ("alice", "bob", "carol", "dave")
    assert accounts.members_of(people, groups) == {
        "admins": everybody,
        "empty": (),
        "sudo": everybody,
    }


@given(hostile)
def test_no_text_breaks_the_parsers(text: str) -> None:
    people = accounts.parse_passwd(text)
    groups = accounts.parse_group(text)
    accounts.parse_shadow(text)
    accounts.members_of(people, groups)
    accounts.covered_homes(text)
    accounts.names_of(people, groups)


@pytest.mark.parametrize(
    ("line", "covered"),
    [
        ("36 35 0:21 /systemd/inaccessible/dir /home ro - tmpfs tmpfs rw", ["/home"]),
        ("36 35 0:21 / /root ro,nosuid - tmpfs tmpfs rw", ["/root"]),
        ("36 35 8:2 / /home rw shared:1 - ext4 /dev/sda2 rw", []),
        ("36 35 0:21 / /tmp rw - tmpfs tmpfs rw", []),
        ("36", []),
    ],
)
def test_what_a_sandbox_lays_over_homes_shows_in_mountinfo(line: str, covered: list[str]) -> None:
    assert accounts.covered_homes(line) == covered


def test_an_account_without_a_login_shell_counts_if_it_has_an_ssh_folder(tmp_path: Path) -> None:
    daemon = Person("daemon", "x", 1, 1, str(tmp_path), "/usr/sbin/nologin")
    before = accounts.consulted(daemon)
    (tmp_path / ".ssh").mkdir()
    assert (before, accounts.consulted(daemon)) == (False, True)
