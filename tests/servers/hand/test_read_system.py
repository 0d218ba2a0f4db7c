"""Release, packages, sudo's policy, evidence and transactions, from their texts."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.servers.hand import read_system
from holdfast.servers.hand.read_programs import CannotRead

RECORD = {"kind": "login", "subject": "alice", "bound_to": "SHA256:abc", "at": 1.5}
STATE = {"id": "t1", "state": "committed", "at": 2, "changes": 3, "undoes": "", "other": 1}


def test_a_release() -> None:
    text = (
        'PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm'
    )
    assert read_system.parse_release(text) == {
        "id": "debian",
        "version": "12",
        "codename": "bookworm",
        "name": "Debian GNU/Linux 12",
    }


def test_a_rolling_release_has_no_version() -> None:
    assert read_system.parse_release("ID=debian\n")["version"] == ""


STATUS = """Package: dpkg
Status: install ok installed
Architecture: amd64
Version: 1.21.22

Package: removed
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: libc6
Status: hold ok installed
Architecture: i386
Version: 2.36
Description: a library
 Status: install ok installed
 Version: 99

Package: libc6
Status: install ok triggers-pending
Architecture: amd64
Version: 2.37

Package: tzdata
Status: install ok installed
Architecture: all
Version: 2026a
"""


def test_installed_packages() -> None:
    assert read_system.parse_packages(STATUS) == {
        "dpkg": "1.21.22",
        "libc6": "2.37",
        "libc6:i386": "2.36",
        "tzdata": "2026a",
    }


def test_a_status_without_packages_is_not_a_host_without_packages() -> None:
    with pytest.raises(CannotRead):
        read_system.parse_packages("")


def test_the_machine_is_never_told_by_its_id() -> None:
    stand_in = read_system.machine("7dd35128ad2a404b9e2b887a60b909fd\n")
    assert len(stand_in) == 32
    assert stand_in != "7dd35128ad2a404b9e2b887a60b909fd"


def lines(*records: object) -> str:
    return "".join(f"{json.dumps(record)}\n" for record in records)


def test_evidence_is_read_and_its_last_thousand_kept() -> None:
    many = lines(*({**RECORD, "at": at} for at in range(1005)))
    found = read_system.parse_evidence(many)
    assert (len(found), found[0]["at"], found[-1]["at"]) == (1000, 5.0, 1004.0)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "1",
        '"text"',
        "[" * 9999,
        lines({**RECORD, "at": "now"}),
        lines({**RECORD, "at": True}),
        lines({**RECORD, "at": float("nan")}),
        lines({**RECORD, "at": 10**400}),
        lines({**RECORD, "kind": 1}),
        lines({**RECORD, "kind": "x" * 257}),
        lines({"kind": "login"}),
    ],
)
def test_damaged_evidence_is_no_evidence(line: str) -> None:
    with pytest.raises(CannotRead, match="line 2"):
        read_system.parse_evidence(lines(RECORD) + line)


def test_a_transaction_is_read_and_what_else_it_records_left_out() -> None:
    assert read_system.parse_transaction(json.dumps(STATE)) == {
        "id": "t1",
        "state": "committed",
        "undoes": "",
        "at": 2.0,
        "changes": 3,
    }


@pytest.mark.parametrize("changes", [-1, True, 1.5, "3", None])
def test_a_damaged_transaction_is_refused(changes: object) -> None:
    with pytest.raises(CannotRead):
        read_system.parse_transaction(json.dumps({**STATE, "changes": changes}))


def test_transactions_come_newest_last_and_drafts_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_system, "TRANSACTIONS", str(tmp_path))
    for name, at in (("b", 1), ("a", 2), ("draft", 3)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "state.json").write_text(json.dumps({**STATE, "id": name, "at": at}))
    (tmp_path / "empty").mkdir()
    assert [each["id"] for each in read_system.transactions_section()] == ["b", "a"]


def test_a_host_that_nothing_was_done_to_has_no_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_system, "TRANSACTIONS", str(tmp_path / "none"))
    monkeypatch.setattr(read_system, "STATE", str(tmp_path / "none"))
    assert (read_system.transactions_section(), read_system.evidence_section()) == ([], [])


def test_evidence_that_others_may_write_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence = tmp_path / "evidence.jsonl"
    evidence.write_text(lines(RECORD))
    evidence.chmod(0o666)
    monkeypatch.setattr(read_system, "STATE", str(tmp_path))
    monkeypatch.setattr(read_system, "EVIDENCE", str(evidence))
    with pytest.raises(CannotRead, match="others than root"):
        read_system.evidence_section()


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 9999])
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(CannotRead):
        read_system.parse_policy(text)


@given(st.text(max_size=200))
def test_no_text_breaks_the_parsers(text: str) -> None:
    read_system.parse_release(text)
    for parse in (
        read_system.parse_packages,
        read_system.parse_evidence,
        read_system.parse_transaction,
        read_system.parse_policy,
    ):
        with contextlib.suppress(CannotRead):
            parse(text)
