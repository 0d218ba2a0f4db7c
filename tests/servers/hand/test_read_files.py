"""The state of files, whatever stands where a file is expected."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from holdfast.servers.hand import read_files
from holdfast.servers.hand.read_files import Names
from holdfast.servers.hand.read_programs import CannotRead

NAMES = Names({os.getuid(): "me"}, {os.getgid(): "us"})


def state(path: Path) -> read_files.State:
    return read_files.state_of(read_files.open_without_effect(str(path)), NAMES)


def test_a_text_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("größer\n")
    path.chmod(0o640)
    assert state(path) == {
        "mode": 0o640,
        "owner": "me",
        "group": "us",
        "sha256": hashlib.sha256("größer\n".encode()).hexdigest(),
        "content": "größer\n",
    }


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe",
        b"x" * (read_files.LARGEST_CONTENT + 1),
        b"-----BEGIN OPENSSH PRIVATE KEY-----\n",
        b"# made by age\nAGE-SECRET-KEY-1QQQ\n",
        b'SECRET\n" RATE_LIMIT 3 30\n" TOTP_AUTH\n',
    ],
)
def test_what_is_no_small_harmless_text_is_told_by_its_digest(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    seen = state(path)
    assert (seen["content"], seen["sha256"]) == (None, hashlib.sha256(data).hexdigest())


def test_what_is_too_large_is_not_even_digested(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(read_files.LARGEST_DIGESTED + 1)
    assert (state(path)["content"], state(path)["sha256"]) == (None, read_files.NO_DIGEST)


def test_a_pipe_is_looked_at_and_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    seen = state(tmp_path / "pipe")
    assert (seen["content"], seen["sha256"]) == (None, read_files.NO_DIGEST)


def test_a_folder_has_empty_content(tmp_path: Path) -> None:
    seen = state(tmp_path)
    assert (seen["content"], seen["sha256"]) == ("", read_files.EMPTY_DIGEST)


def test_unknown_owners_are_numbers(tmp_path: Path) -> None:
    opened = read_files.open_without_effect(str(tmp_path))
    seen = read_files.state_of(opened, Names({}, {}))
    assert (seen["owner"], seen["group"]) == (str(os.getuid()), str(os.getgid()))


def test_the_kernels_own_files_can_be_read() -> None:
    assert len(read_files.read_text("/proc/sys/kernel/random/boot_id")) == 37


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(CannotRead, match="No such file"):
        read_files.read_text(str(tmp_path / "gone"))
    assert read_files.read_text_if_any(str(tmp_path / "gone")) is None
