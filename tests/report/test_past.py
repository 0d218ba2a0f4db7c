"""Runs are read back as they were kept; what is damaged is named, and nothing else is lost."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.report import past as module
from holdfast.report.past import KeptAudit, KeptProve, Past, read_past
from holdfast.servers.history import History

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PROVE: dict[str, Any] = {"attacks": []}
FINDING = {"control": "c.x", "status": "gap", "evidence": ["it is open (port 1)"]}
HOST = {"name": "app", "release": "debian 12", "findings": [FINDING]}


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path)


def read(history: History) -> Past:
    return read_past(history.runs())


def test_no_history_is_an_empty_past(history: History) -> None:
    assert read(history) == Past()


def test_runs_are_read_in_their_order(history: History) -> None:
    history.keep_run("prove", AT + timedelta(days=1), PROVE)
    history.keep_run("audit", AT, {"hosts": [HOST]})
    assert [type(dated.run) for dated in read(history).runs] == [KeptAudit, KeptProve]


def test_a_run_knows_when_it_was(history: History) -> None:
    history.keep_run("prove", AT, PROVE)
    assert read(history).runs[0].at == AT


def test_keys_of_a_later_release_are_left_aside(history: History) -> None:
    finding = {**FINDING, "gaps": [{"what": "it is open"}]}
    history.keep_run("audit", AT, {"hosts": [{**HOST, "findings": [finding]}], "more": 1})
    assert len(read(history).runs) == 1


def test_a_verb_that_is_not_known_is_left_aside(history: History) -> None:
    history.keep_run("watch", AT, {"anything": 1})
    assert read(history) == Past()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"attacks": 7}',
        '{"attacks": [{"attack": "a"}]}',
        '{"attacks": [{"attack": "\\ud800"}]}',
        '{"attacks": "' + "x" * 100_000,
    ],
    ids=["empty", "cut", "list", "null", "deep", "number", "keys", "surrogate", "endless"],
)
def test_a_damaged_run_is_named_in_one_line_and_the_others_are_read(
    history: History, text: str
) -> None:
    history.keep_run("prove", AT, PROVE).write_text(text)
    history.keep_run("prove", AT + timedelta(days=1), PROVE)
    found = read(history)
    (line,) = found.damaged
    assert (len(found.runs), "20260102T030405.000000-prove.json" in line) == (1, True)
    assert "\n" not in line
    assert len(line) < 700


def test_a_run_that_is_no_utf_8_is_named(history: History) -> None:
    history.keep_run("prove", AT, PROVE).write_bytes(b'{"attacks": ["\xff"]}')
    assert len(read(history).damaged) == 1


def test_a_run_that_is_too_large_is_named(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_RUN", 10)
    history.keep_run("prove", AT, PROVE)
    assert read(history).damaged[0].endswith("is larger than 10 bytes")


def test_what_is_too_much_together_is_left_out_from_the_oldest_on(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 10)
    for day in range(3):
        history.keep_run("prove", AT + timedelta(days=day), PROVE)
    found = read(history)
    assert [dated.at.day for dated in found.runs] == [4]
    assert found.damaged == ("the runs until 2026-01-03 were left out: there are too many",)


def test_a_link_in_place_of_a_run_is_not_followed(history: History, tmp_path: Path) -> None:
    path = history.keep_run("prove", AT, PROVE)
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    assert (read(history).runs, len(read(history).damaged)) == ((), 1)


def test_a_pipe_in_place_of_a_run_is_not_waited_for(history: History) -> None:
    path = history.keep_run("prove", AT, PROVE)
    path.unlink()
    os.mkfifo(path)
    assert read(history).damaged == (f"{path} is not a file",)


def test_a_folder_in_place_of_a_run_is_named(history: History) -> None:
    path = history.keep_run("prove", AT, PROVE)
    path.unlink()
    path.mkdir()
    assert len(read(history).damaged) == 1


@pytest.mark.parametrize("name", ["x.json", "20269999T999999.000000-prove.json", "-prove.json"])
def test_a_file_with_another_name_is_not_a_run(history: History, name: str) -> None:
    history.keep_run("prove", AT, PROVE).with_name(name).write_text(json.dumps(PROVE))
    assert len(read(history).runs) == 1
