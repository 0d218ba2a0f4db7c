"""What sshd says about itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.servers.hand import read_sshd
from holdfast.servers.hand.read_programs import CannotRead
from holdfast.servers.hand.read_sshd import Answer
from holdfast.servers.snapshot import STRANGER


def test_settings_keep_one_value_a_line() -> None:
    text = "port 22\nListenAddress [::]:22\nlistenaddress 0.0.0.0:22\nbanner\n\n"
    assert read_sshd.parse_settings(text) == {
        "port": ["22"],
        "listenaddress": ["[::]:22", "0.0.0.0:22"],
        "banner": [""],
    }


def test_more_values_than_a_snapshot_holds_are_refused() -> None:
    with pytest.raises(CannotRead, match="allowusers"):
        read_sshd.parse_settings("allowusers a\n" * 257)


@given(st.text(max_size=200))
def test_no_output_breaks_the_parsers(text: str) -> None:
    read_sshd.parse_settings(text)
    read_sshd.fingerprint(text)


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ("unknown option -- V\nOpenSSH_9.2, OpenSSL 3.0.20 7 Apr 2026\nusage:", "OpenSSH_9.2"),
        ("OpenSSH_10.0p2 Debian-7, OpenSSL 3.5.7 9 Jun 2026\n", "OpenSSH_10.0p2 Debian-7"),
    ],
)
def test_the_version(printed: str, version: str) -> None:
    assert read_sshd.parse_version(printed) == version


def test_a_version_that_is_not_there_is_no_version() -> None:
    with pytest.raises(CannotRead):
        read_sshd.parse_version("dropbear")


def test_the_fingerprint_is_the_one_that_ssh_prints() -> None:
    # GitHub's published host key
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl host"
    assert read_sshd.fingerprint(key) == (
        "ssh-ed25519 SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
    )
    assert read_sshd.fingerprint("ssh-ed25519 !!!") is None
    assert read_sshd.fingerprint("") is None


def test_root_and_a_stranger_are_asked_about_before_the_limit_cuts() -> None:
    asked = read_sshd.subjects([f"user{number:03}" for number in range(100)])
    assert asked[:3] == ["root", "holdfast-stranger", "user000"]
    assert len(asked) == read_sshd.MOST_SUBJECTS


def test_a_setting_is_taken_from_every_address_and_from_the_stranger_for_the_unknown() -> None:
    answers = [
        Answer("alice", "127.0.0.1", {"authorizedkeysfile": ["a"]}),
        Answer("alice", "203.0.113.1", {"authorizedkeysfile": ["b"]}),
        Answer("holdfast-stranger", "127.0.0.1", {"authorizedkeysfile": ["c"]}),
    ]
    assert read_sshd.value_for("alice", "authorizedkeysfile", answers) == "a b"
    assert read_sshd.value_for("backup", "authorizedkeysfile", answers) == "c"


def test_both_sides_mean_the_same_stranger() -> None:
    assert read_sshd.STRANGER == STRANGER
