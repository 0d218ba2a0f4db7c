from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from holdfast.site import Protection, protection


def made(folder: Path, *options: str, passphrase: str) -> Path:
    file = folder / "id"
    command = ["ssh-keygen", "-q", *options, "-N", passphrase, "-f", str(file)]
    subprocess.run(command, check=True)
    return file


@pytest.mark.parametrize("options", [("-t", "ed25519"), ("-t", "ecdsa", "-m", "PEM")])
def test_a_key_without_passphrase_is_told(options: tuple[str, ...], tmp_path: Path) -> None:
    assert protection(made(tmp_path, *options, passphrase="")) is Protection.NONE


@pytest.mark.parametrize(
    "options", [("-t", "ed25519"), ("-t", "ecdsa", "-m", "PEM"), ("-t", "ecdsa", "-m", "PKCS8")]
)
def test_a_key_with_passphrase_is_told(options: tuple[str, ...], tmp_path: Path) -> None:
    assert protection(made(tmp_path, *options, passphrase="hunter2")) is Protection.PASSPHRASE


def test_a_file_that_is_not_there_is_unknown(tmp_path: Path) -> None:
    assert protection(tmp_path / "id") is Protection.UNKNOWN


@pytest.mark.parametrize(
    "content",
    [
        "",
        "ssh-ed25519 AAAA",
        "-----BEGIN OPENSSH PRIVATE KEY-----\n!!!!\n-----END OPENSSH PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH",
    ],
)
def test_what_is_no_key_is_unknown(content: str, tmp_path: Path) -> None:
    file = tmp_path / "id"
    file.write_text(content)
    assert protection(file) is Protection.UNKNOWN
