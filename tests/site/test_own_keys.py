from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from holdfast.site.own_keys import OwnKey, UnusableKey, own_keys

pytestmark = pytest.mark.usefixtures("no_agent")


def make(folder: Path, name: str, *options: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    command = ["ssh-keygen", "-q", *(options or ("-t", "ed25519")), "-N", "", "-f", str(file)]
    subprocess.run(command, check=True)
    return file


def test_keys_in_files_are_found_with_their_private_part(tmp_path: Path) -> None:
    private = make(tmp_path / ".ssh", "id_ed25519")
    (key,) = own_keys(tmp_path)
    assert isinstance(key, OwnKey)
    assert (key.file, key.private_file) == (private.with_suffix(".pub"), private)


def test_a_key_of_the_agent_is_found(tmp_path: Path, agent: Path) -> None:
    private = make(tmp_path / "elsewhere", "id")
    subprocess.run(["ssh-add", "-q", str(private)], check=True, env=dict(os.environ))
    (key,) = own_keys(tmp_path)
    assert isinstance(key, OwnKey)
    assert (key.file, key.private_file) == (None, None)


def test_a_key_in_a_file_and_in_the_agent_is_found_once(tmp_path: Path, agent: Path) -> None:
    private = make(tmp_path / ".ssh", "id")
    subprocess.run(["ssh-add", "-q", str(private)], check=True, env=dict(os.environ))
    (key,) = own_keys(tmp_path)
    assert key.file == private.with_suffix(".pub")


def test_an_agent_that_is_gone_has_no_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "gone"))
    assert own_keys(tmp_path) == ()


def test_a_key_that_cannot_be_used_is_found_with_the_reason(tmp_path: Path) -> None:
    make(tmp_path / ".ssh", "id_rsa", "-t", "rsa", "-b", "2048")
    (key,) = own_keys(tmp_path)
    assert isinstance(key, UnusableKey)
    assert "has 2048 bits" in key.reason


def test_a_folder_named_like_a_key_is_no_key(tmp_path: Path) -> None:
    (tmp_path / ".ssh" / "x.pub").mkdir(parents=True)
    (key,) = own_keys(tmp_path)
    assert isinstance(key, UnusableKey)
    assert key.reason == "it is not a regular file"


def test_without_a_folder_there_are_no_keys(tmp_path: Path) -> None:
    assert own_keys(tmp_path) == ()
