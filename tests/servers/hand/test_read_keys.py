"""The key files of accounts, whatever their owners put there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from holdfast.servers.hand import read_keys
from holdfast.servers.hand.read_files import Allowance, Names
from holdfast.servers.hand.read_keys import Person

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPTVuFyW0M9TEKJ0Ik4b3qkI alice"
NOBODY = Names({}, {})


def person(home: str) -> Person:
    return Person("alice", "x", 1000, 1000, home, "/bin/bash")


@pytest.mark.parametrize(
    ("setting", "paths"),
    [
        (".ssh/authorized_keys", ["/home/alice/.ssh/authorized_keys"]),
        ("a b", ["/home/alice/a", "/home/alice/b"]),
        ("%h/keys /etc/keys/%u", ["/home/alice/keys", "/etc/keys/alice"]),
        ("/etc/%%u/%U", ["/etc/%u/1000"]),
        ("none", []),
        ("", []),
    ],
)
def test_what_an_authorizedkeysfile_means_for_an_account(setting: str, paths: list[str]) -> None:
    assert read_keys.key_file_paths(setting, person("/home/alice")) == paths


@pytest.mark.parametrize(
    ("path", "home", "folders"),
    [
        ("/home/a/.ssh/keys", "/home/a", ["/home/a/.ssh", "/home/a"]),
        ("/home/a/.ssh/keys", "/home/a/", ["/home/a/.ssh", "/home/a"]),
        ("/etc/keys/a", "/home/a", ["/etc/keys", "/etc"]),
        ("/.ssh/keys", "/", ["/.ssh"]),
        ("keys", "", []),
    ],
)
def test_the_folders_that_guard_a_key_file(path: str, home: str, folders: list[str]) -> None:
    assert read_keys.folders_above(path, home) == folders


def test_key_files_and_their_folders_are_read(tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir(mode=0o700)
    (tmp_path / ".ssh/authorized_keys").write_text(f"{KEY}\n")
    (tmp_path / ".ssh/authorized_keys").chmod(0o640)
    home = person(str(tmp_path))
    found = read_keys.key_files(".ssh/authorized_keys .ssh/two", home, NOBODY, Allowance(10_000))
    assert {path: (state["mode"], state["content"]) for path, state in found.items()} == {
        str(tmp_path): (0o700, ""),
        f"{tmp_path}/.ssh": (0o700, ""),
        f"{tmp_path}/.ssh/authorized_keys": (0o640, f"{KEY}\n"),
    }


@pytest.mark.parametrize(
    ("target", "content"),
    [
        (f'# mine\n\nfrom="10.0.0.1" {KEY}\n', True),
        ("root:$y$j9T$abc$def:19000:0:99999:7:::\n", False),
        (f"{KEY}\npassword=secret\n", False),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", False),
    ],
)
def test_a_link_shows_what_it_leads_to_only_if_that_is_keys(
    tmp_path: Path, target: str, content: bool
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "target").write_text(target)
    (home / "keys").symlink_to(tmp_path / "target")
    state = read_keys.key_files("keys", person(str(home)), NOBODY, Allowance(10_000))[
        f"{home}/keys"
    ]
    assert state["content"] == (target if content else None)


def test_a_linked_folder_counts_as_a_link_too(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "authorized_keys").write_text("password=secret\n")
    home = tmp_path / "home"
    home.mkdir()
    (home / ".ssh").symlink_to(secret)
    found = read_keys.key_files(
        ".ssh/authorized_keys", person(str(home)), NOBODY, Allowance(10_000)
    )
    assert found[f"{home}/.ssh/authorized_keys"]["content"] is None


def links(home: Path) -> set[str]:
    """The paths, below the home, that lead elsewhere."""
    found = read_keys.key_files(
        ".ssh/authorized_keys", person(str(home)), NOBODY, Allowance(10_000)
    )
    return {os.path.relpath(path, home) for path, state in found.items() if state.get("link")}


@pytest.mark.parametrize(
    ("link", "linked"),
    [
        ("nothing", set()),
        (".ssh/authorized_keys", {".ssh/authorized_keys"}),
        (".ssh", {".ssh", ".ssh/authorized_keys"}),
    ],
)
def test_a_path_that_leads_elsewhere_says_so(tmp_path: Path, link: str, linked: set[str]) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "authorized_keys").write_text(f"{KEY}\n")
    (home / "nothing").touch()
    (home / link).rename(tmp_path / "elsewhere")
    (home / link).symlink_to(tmp_path / "elsewhere")
    assert links(home) == linked


def test_a_home_that_is_a_link_says_so_and_makes_no_link_of_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "data" / ".ssh").mkdir(parents=True)
    (tmp_path / "data" / ".ssh" / "authorized_keys").write_text(f"{KEY}\n")
    (tmp_path / "home").symlink_to(tmp_path / "data")
    assert links(tmp_path / "home") == {"."}


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "folder").mkdir()
    found = read_keys.key_files(
        "pipe loop device folder nothing", person(str(tmp_path)), NOBODY, Allowance(10_000)
    )
    assert {Path(path).name: state["content"] for path, state in found.items()} == {
        tmp_path.name: "",
        "pipe": None,
        "device": None,
        "folder": None,
    }


def test_all_accounts_together_cannot_burst_the_snapshot(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"{KEY}\n")
    allowance = Allowance(len(KEY) + 10)
    first, second = (
        read_keys.key_files("keys", person(str(tmp_path)), NOBODY, allowance) for _ in range(2)
    )
    path = f"{tmp_path}/keys"
    assert (first[path]["content"], second[path]["content"]) == (f"{KEY}\n", None)
