"""The journal: armed by one rename, ended by one rename, and readable after a crash in between."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from holdfast.servers.hand import journal, places
from holdfast.servers.hand.failed import Failed
from holdfast.servers.hand.step import Step
from holdfast.servers.hand.steps import File, Group, Password

PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def transactions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hand's places, below a folder of this test."""
    state, run = tmp_path / "state", tmp_path / "run"
    monkeypatch.setattr(places, "STATE", str(state))
    monkeypatch.setattr(places, "TRANSACTIONS", f"{state}/transactions")
    monkeypatch.setattr(places, "CURRENT", f"{state}/transactions/current")
    monkeypatch.setattr(places, "RUN", str(run))
    monkeypatch.setattr(places, "LOCK", f"{run}/lock")
    return state / "transactions"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def file(path: str = "/etc/x") -> File:
    return File({"kind": "file", "path": path, "content": "x", "mode": 0o600})


def group(name: str = "g") -> Group:
    return Group({"kind": "group", "name": name})


def begun(*steps: Step, undoes: str = "") -> None:
    """A transaction with these steps done, each from `before` to `after`."""
    journal.begin("one", len(steps), undoes)
    for number, step in enumerate(steps):
        journal.before(number, step, {"state": f"before {number}"})
        journal.after(number, f"after {number}")


def recorded(folder: Path) -> list[tuple[Any, str, str]]:
    """Resource, state before and state left of each recorded step, as they will be undone."""
    return [
        (step.wire.get("path") or step.wire.get("name"), seen["state"], left)
        for step, seen, left in journal.steps_of(str(folder))
    ]


# Arming


def test_nothing_is_armed_at_first() -> None:
    with pytest.raises(Failed, match="no transaction is under way"):
        journal.current()


def test_a_transaction_is_armed_from_its_beginning() -> None:
    journal.begin("one", 3, "zero")
    held = journal.current()
    assert {key: held[key] for key in ("id", "state", "changes", "undoes")} == {
        "id": "one",
        "state": journal.RUNNING,
        "changes": 3,
        "undoes": "zero",
    }


def test_a_second_transaction_waits_for_the_first() -> None:
    journal.begin("one", 1, "")
    with pytest.raises(Failed, match="transaction one has not ended yet") as caught:
        journal.begin("two", 1, "")
    assert caught.value.kind == "pending"


def test_a_second_transaction_leaves_the_first_alone() -> None:
    journal.begin("one", 1, "")
    with pytest.raises(Failed):
        journal.begin("two", 1, "")
    assert journal.current()["id"] == "one"


def test_a_transaction_may_begin_when_the_one_before_has_ended() -> None:
    journal.begin("one", 1, "")
    journal.end(journal.COMMITTED)
    journal.begin("two", 1, "")
    assert journal.current()["id"] == "two"


@pytest.mark.parametrize("left", [["ballast"], ["state.json.draft"], ["state.json", "000.before"]])
def test_a_draft_that_a_crash_left_is_in_nobodys_way(transactions: Path, left: list[str]) -> None:
    draft = transactions / "draft"
    draft.mkdir(parents=True)
    for name in left:
        (draft / name).write_text("{}")
    journal.begin("one", 1, "")
    assert names(transactions / "current") == ["ballast", "state.json"]


def test_a_draft_is_not_armed(transactions: Path) -> None:
    (transactions / "draft").mkdir(parents=True)
    (transactions / "draft" / "state.json").write_text('{"id": "half"}')
    with pytest.raises(Failed, match="no transaction is under way"):
        journal.current()


def test_nobody_but_root_looks_into_a_transaction(transactions: Path) -> None:
    journal.begin("one", 1, "")
    folders = [transactions, transactions / "current"]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700, 0o700]


# The ballast


def test_a_transaction_holds_room_for_its_way_back(transactions: Path) -> None:
    journal.begin("one", 1, "")
    ballast = (transactions / "current" / "ballast").stat()
    assert ballast.st_size == 4 * 1024 * 1024
    assert ballast.st_blocks * 512 >= 4 * 1024 * 1024


def test_the_room_is_freed_on_demand(transactions: Path) -> None:
    journal.begin("one", 1, "")
    journal.free_ballast()
    assert not (transactions / "current" / "ballast").exists()


def test_the_room_may_be_freed_twice() -> None:
    journal.begin("one", 1, "")
    journal.free_ballast()
    journal.free_ballast()


@pytest.mark.parametrize("state", [journal.COMMITTED, journal.REVERTED, journal.PARTLY])
def test_an_ended_transaction_holds_no_room(transactions: Path, state: str) -> None:
    journal.begin("one", 1, "")
    journal.end(state)
    assert not (transactions / "one" / "ballast").exists()


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_on_a_full_disk_nothing_is_armed(
    transactions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        journal.begin("one", 1, "")
    assert not (transactions / "current").exists()


def test_on_a_full_disk_no_room_is_kept(
    transactions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        journal.begin("one", 1, "")
    assert names(transactions / "draft") == []


def test_after_a_full_disk_a_transaction_may_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as disk:
        disk.setattr(os, "posix_fallocate", full)
        with pytest.raises(OSError, match="No space left"):
            journal.begin("one", 1, "")
    journal.begin("two", 1, "")
    assert journal.current()["id"] == "two"


# Steps


def test_steps_are_undone_from_the_last_to_the_first(transactions: Path) -> None:
    begun(group("a"), file("/b"), group("c"))
    assert recorded(transactions / "current") == [
        ("c", "before 2", "after 2"),
        ("/b", "before 1", "after 1"),
        ("a", "before 0", "after 0"),
    ]


def test_many_steps_are_undone_from_the_last_to_the_first(transactions: Path) -> None:
    begun(*(group(str(number)) for number in range(120)))
    assert [name for name, _, _ in recorded(transactions / "current")] == [
        str(number) for number in reversed(range(120))
    ]


def test_a_step_keeps_its_kind(transactions: Path) -> None:
    begun(group(), file())
    kinds = [type(step) for step, _, _ in journal.steps_of(str(transactions / "current"))]
    assert kinds == [File, Group]


def test_a_step_that_was_cut_off_half_way_left_no_state(transactions: Path) -> None:
    begun(group("a"))
    journal.before(1, group("b"), {"state": "before 1"})
    assert recorded(transactions / "current")[0] == ("b", "before 1", "")


def test_a_step_that_was_only_about_to_be_recorded_is_none(transactions: Path) -> None:
    begun(group("a"))
    (transactions / "current" / "001.before.draft").write_text('{"wire": {"ki')
    assert [name for name, _, _ in recorded(transactions / "current")] == ["a"]


def test_a_state_that_was_only_about_to_be_recorded_is_none(transactions: Path) -> None:
    journal.begin("one", 1, "")
    journal.before(0, group("a"), {"state": "absent"})
    (transactions / "current" / "000.after.draft").write_text('"pre')
    assert recorded(transactions / "current") == [("a", "absent", "")]


def test_a_transaction_without_steps_has_none_to_undo(transactions: Path) -> None:
    journal.begin("one", 0, "")
    assert recorded(transactions / "current") == []


def test_a_step_that_this_hand_does_not_know_is_not_guessed(transactions: Path) -> None:
    journal.begin("one", 1, "")
    record = json.dumps({"wire": {"kind": "telepathy"}, "seen": {"state": ""}})
    (transactions / "current" / "000.before").write_text(record)
    with pytest.raises(Failed, match="telepathy") as caught:
        journal.steps_of(str(transactions / "current"))
    assert caught.value.kind == "version"


def test_bytes_of_a_file_survive_the_journal(transactions: Path) -> None:
    content = bytes(range(256))
    journal.begin("one", 1, "")
    journal.before(0, file(), {"state": "0600 root root 0", "content": content.decode("latin-1")})
    ((_, seen, _),) = journal.steps_of(str(transactions / "current"))
    assert seen["content"].encode("latin-1") == content


def test_no_password_reaches_the_disk(transactions: Path) -> None:
    wire = {"kind": "password", "account": "alice", "password": PASSWORD, "expect": "locked"}
    begun(Password(wire))
    journal.end(journal.COMMITTED)
    texts = [path.read_bytes() for path in transactions.rglob("*") if path.is_file()]
    assert len(texts) == 3
    assert not any(PASSWORD.encode() in text for text in texts)


def test_recording_a_step_leaves_it_able_to_run() -> None:
    wire = {"kind": "password", "account": "alice", "password": PASSWORD, "expect": "locked"}
    doing = Password(wire)
    begun(doing)
    assert doing.wire["password"] == PASSWORD


def test_a_record_is_for_root_alone(transactions: Path) -> None:
    begun(group())
    records = [transactions / "current" / name for name in ("000.before", "000.after")]
    assert [stat.S_IMODE(path.stat().st_mode) for path in records] == [0o600, 0o600]


# Ending


@pytest.mark.parametrize("state", [journal.COMMITTED, journal.REVERTED, journal.PARTLY])
def test_an_ended_transaction_is_kept_by_its_id(transactions: Path, state: str) -> None:
    begun(group("a"))
    assert journal.end(state) == "one"
    held = json.loads((transactions / "one" / "state.json").read_text())
    assert (held["id"], held["state"]) == ("one", state)


def test_an_ended_transaction_is_not_armed(transactions: Path) -> None:
    begun(group("a"))
    journal.end(journal.COMMITTED)
    assert not (transactions / "current").exists()


def test_an_ended_transaction_can_still_be_undone(transactions: Path) -> None:
    begun(group("a"), file("/b"))
    journal.end(journal.COMMITTED)
    assert recorded(transactions / "one") == [
        ("/b", "before 1", "after 1"),
        ("a", "before 0", "after 0"),
    ]


def test_ending_what_was_never_begun_is_refused() -> None:
    with pytest.raises(Failed, match="no transaction is under way"):
        journal.end(journal.COMMITTED)


def test_a_transaction_that_waits_is_still_armed() -> None:
    begun(group("a"), undoes="zero")
    journal.set_state(journal.WAITING)
    held = journal.current()
    assert (held["state"], held["id"], held["undoes"]) == (journal.WAITING, "one", "zero")


def test_a_crash_before_the_last_rename_leaves_it_armed(
    transactions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(group("a"))
    rename = os.rename

    def dies(source: str, target: str) -> None:
        if source == places.CURRENT:
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(os, "rename", dies)
    with pytest.raises(KeyboardInterrupt):
        journal.end(journal.COMMITTED)
    assert (transactions / "current" / "000.before").exists()


def test_an_end_is_on_the_disk_before_it_is_told(
    transactions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(group("a"))
    forced: list[str] = []
    fsync = os.fsync

    def sync(handle: int) -> None:
        forced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", sync)
    journal.end(journal.COMMITTED)
    assert forced == [
        str(transactions / "current" / "state.json.draft"),
        str(transactions / "current"),
        str(transactions),
    ]


def test_the_states_are_those_that_a_snapshot_tells() -> None:
    states = (journal.COMMITTED, journal.REVERTED, journal.PARTLY, journal.UNDONE)
    assert states == ("committed", "reverted", "reverted in part", "undone")


def test_a_transaction_knows_when_it_changed() -> None:
    journal.begin("one", 1, "")
    began = journal.current()["at"]
    journal.set_state(journal.WAITING)
    assert began < journal.current()["at"] <= time.time()


# The lock


def test_the_lock_is_for_root_alone() -> None:
    with journal.lock(0):
        assert stat.S_IMODE(Path(places.LOCK).stat().st_mode) == 0o600


def test_the_lock_is_free_after_use() -> None:
    with journal.lock(0):
        pass
    with journal.lock(0):
        pass


def test_the_lock_is_free_after_a_failure() -> None:
    with pytest.raises(RuntimeError), journal.lock(0):
        raise RuntimeError
    with journal.lock(0):
        pass


def test_who_finds_the_lock_taken_is_told_so() -> None:
    busy = pytest.raises(Failed, match="another transaction is running")
    with journal.lock(0), busy as caught, journal.lock(0):
        pass
    assert caught.value.kind == "busy"


def test_who_waits_for_the_lock_waits_no_longer_than_told() -> None:
    with journal.lock(0), pytest.raises(Failed), journal.lock(0.1):
        pass


def test_a_lock_that_a_dead_process_held_is_free() -> None:
    with journal.lock(0):
        pass
    dies = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDWR), fcntl.LOCK_EX)"
    subprocess.run([sys.executable, "-I", "-c", dies, places.LOCK], check=True)
    with journal.lock(0):
        pass
