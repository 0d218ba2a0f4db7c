"""`holdfast doctor` from the outside, and the note that `apply` makes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from building import SITE, key_line

from holdfast.cli.main import main

UNREACHED = SITE.replace('"203.0.113.10"', '"127.0.0.1"').split("[hosts.db]")[0]


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The operator's private key, without a passphrase, in a home of its own."""
    file = tmp_path / "home" / ".ssh" / "id_ed25519"
    file.parent.mkdir(parents=True)
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "alice", "-f", str(file)]
    subprocess.run(make, check=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return file


@pytest.fixture
def site_file(tmp_path: Path, key: Path) -> Path:
    file = tmp_path / "holdfast.toml"
    public = key.with_suffix(".pub").read_text().strip()
    file.write_text(UNREACHED.replace(key_line("alice"), public))
    return file


def protect(key: Path) -> None:
    change = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "hunter2", "-f", str(key)]
    subprocess.run(change, check=True, capture_output=True)


def test_an_unprotected_key_ends_with_1(
    site_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--site", str(site_file)]) == 1
    assert "do: ssh-keygen -p -f " in capsys.readouterr().out


def test_a_machine_in_order_ends_with_0(
    key: Path, site_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    protect(key)
    assert main(["doctor", "--site", str(site_file)]) == 0
    assert capsys.readouterr().out.endswith("0 of 3 checks found something\n")


def test_a_program_reads_json(site_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--format", "json", "--site", str(site_file)]) == 1
    data = json.loads(capsys.readouterr().out)
    assert (data["site"], data["admin"]) == ("todo", "alice")
    assert [check["status"] for check in data["checks"]] == ["gap", "pass", "pass"]
    assert set(data["checks"][0]) == {"what", "status", "evidence", "mend"}


def test_nothing_is_written(site_file: Path) -> None:
    main(["doctor", "--site", str(site_file)])
    assert {path.name for path in site_file.parent.iterdir()} == {"home", "holdfast.toml"}


def applied(site_file: Path, capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    """The notes of an `apply` that reaches nobody."""
    main(["apply", "--yes", *options, "--site", str(site_file)])
    return [line for line in capsys.readouterr().err.splitlines() if "note" in line]


def test_apply_says_in_one_line_that_the_key_is_unprotected(
    key: Path, site_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (note,) = applied(site_file, capsys)
    assert note.endswith(f"give it one: ssh-keygen -p -f {key}")


def test_apply_says_nothing_of_it_when_told_to_be_quiet(
    site_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert applied(site_file, capsys, "--quiet") == []


def test_apply_says_nothing_of_a_protected_key(
    key: Path, site_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    protect(key)
    assert applied(site_file, capsys) == []
