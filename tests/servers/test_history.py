"""What was seen and done is kept beside the site file, for its owner alone."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from building import snapshot

from holdfast.servers import history as module
from holdfast.servers.history import History, NotKept
from holdfast.servers.snapshot import read_snapshot

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_run_is_kept_by_its_time_and_verb(history: History, tmp_path: Path) -> None:
    path = history.keep_run("audit", AT, {"score": 1})
    assert path == tmp_path / ".holdfast" / "runs" / "20260102T030405.000000-audit.json"


def test_a_run_is_kept_as_it_was(history: History) -> None:
    path = history.keep_run("audit", AT, {"score": 1, "é": "\u202e\x1b"})
    assert json.loads(path.read_text()) == {"score": 1, "é": "\u202e\x1b"}


def test_what_is_kept_of_a_run_holds_no_character_that_steers_a_terminal(history: History) -> None:
    path = history.keep_run("audit", AT, {"said": "\u202e\x1b[2J\r"})
    assert path.read_text().isascii()
    assert "\x1b" not in path.read_text()


def test_a_snapshot_is_kept_by_host_and_time(history: History, tmp_path: Path) -> None:
    path = history.keep_snapshot("app", AT, snapshot())
    assert path == tmp_path / ".holdfast" / "snapshots" / "app" / "20260102T030405.000000.json"


def test_a_snapshot_that_was_kept_can_be_judged_again(history: History) -> None:
    path = history.keep_snapshot("app", AT, snapshot())
    assert read_snapshot(path.read_bytes()) == snapshot()


def test_every_folder_is_for_its_owner_alone(history: History) -> None:
    path = history.keep_snapshot("app", AT, snapshot())
    assert [mode(folder) for folder in list(path.parents)[:3]] == [0o700] * 3


def test_every_file_is_for_its_owner_alone(history: History) -> None:
    kept = [history.keep_run("audit", AT, {}), history.keep_snapshot("app", AT, snapshot())]
    assert [mode(path) for path in kept] == [0o600] * 2


def test_no_draft_is_left(history: History) -> None:
    path = history.keep_run("audit", AT, {})
    assert list(path.parent.iterdir()) == [path]


def test_a_draft_that_a_killed_run_left_is_in_nobodys_way(history: History) -> None:
    path = history.keep_run("audit", AT, {"old": 1})
    path.with_suffix(".draft").write_text("cut o")
    history.keep_run("audit", AT, {"new": 1})
    assert json.loads(path.read_text()) == {"new": 1}


def test_the_oldest_go_first(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 3)
    kept = [history.keep_run("audit", AT + timedelta(days=day), {}) for day in range(5)]
    assert [path.exists() for path in kept] == [False, False, True, True, True]


def test_one_hosts_snapshots_do_not_push_out_anothers(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", 1)
    first = history.keep_snapshot("app", AT, snapshot())
    history.keep_snapshot("db", AT + timedelta(days=1), snapshot())
    assert first.exists()


def test_the_folder_of_the_site_file_may_be_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    History(Path()).keep_run("audit", AT, {})
    assert (tmp_path / ".holdfast" / "runs" / "20260102T030405.000000-audit.json").exists()


def test_what_ssh_needs_lies_in_the_same_folder(history: History, tmp_path: Path) -> None:
    folder = tmp_path / ".holdfast"
    assert (history.known_hosts, history.ssh_config) == (
        folder / "known_hosts",
        folder / "ssh_config",
    )


# Reading it back


def test_runs_are_listed_by_time_and_verb(history: History) -> None:
    history.keep_run("prove", AT + timedelta(days=1), {})
    history.keep_run("audit", AT, {})
    assert [(kept.at, kept.verb) for kept in history.runs()] == [
        (AT, "audit"),
        (AT + timedelta(days=1), "prove"),
    ]


def test_snapshots_are_listed_by_host(history: History) -> None:
    history.keep_snapshot("db", AT, snapshot())
    history.keep_snapshot("app", AT, snapshot())
    assert [kept.path.parent.name for kept in history.snapshots("app")] == ["app"]


def test_nothing_kept_is_nothing_listed(history: History) -> None:
    assert (history.runs(), history.snapshots("app")) == ([], [])


def test_only_the_newest_are_listed(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(3):
        history.keep_run("audit", AT + timedelta(days=day), {})
    monkeypatch.setattr(module, "KEPT", 2)
    assert [kept.at.day for kept in history.runs()] == [3, 4]


def test_a_file_is_read_whole(history: History) -> None:
    history.keep_run("audit", AT, {"score": 1})
    assert json.loads(history.runs()[0].read(100)) == {"score": 1}


def test_a_file_that_is_too_large_is_not_read(history: History) -> None:
    history.keep_run("audit", AT, {"score": 1})
    with pytest.raises(NotKept, match="is larger than 3 bytes"):
        history.runs()[0].read(3)


def test_a_file_that_is_gone_says_so(history: History) -> None:
    path = history.keep_run("audit", AT, {})
    (kept,) = history.runs()
    path.unlink()
    with pytest.raises(NotKept, match="No such file"):
        kept.read(100)
