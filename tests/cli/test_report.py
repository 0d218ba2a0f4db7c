"""`holdfast report`, and the page as a format of other verbs."""

from __future__ import annotations

import io
import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from building import SITE, snapshot

from holdfast.cli.main import main
from holdfast.servers.catalogue import all_controls
from ten_runs import ALL, Past, fresh, ten_runs


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in a folder with a past, where nobody is at the terminal."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.chdir(tmp_path)

    def command(*argv: str) -> Ended:
        try:
            code = main([*argv])
        except SystemExit as end:
            code = int(end.code or 0)
        shown = capsys.readouterr()
        return Ended(code, shown.out, shown.err)

    return command


def clean(folder: Path) -> None:
    """A past whose end is good: one host, applied and audited; other controls are exempt."""
    others = "".join(
        f'"{control.id}" = {{ because = "not of this past" }}\n'
        for control in all_controls()
        if control not in ALL
    )
    one_host = SITE.split("[hosts.db]")[0]
    (folder / "holdfast.toml").write_text(f"{one_host}\n[exceptions]\n{others}")
    past = Past(folder)
    past.seen = {"app": fresh("app")}
    past.apply(0, "app")
    past.audit(1)


def test_the_page_is_written_beside_where_one_stands(run: Run, tmp_path: Path) -> None:
    ten_runs(tmp_path)
    ended = run("report")
    page = tmp_path / "holdfast-report.html"
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert (ended.out, ended.err.startswith("holdfast-report.html: score ")) == ("", True)


def test_the_page_is_for_its_owner_alone(run: Run, tmp_path: Path) -> None:
    ten_runs(tmp_path)
    run("report")
    assert stat.S_IMODE((tmp_path / "holdfast-report.html").stat().st_mode) == 0o600


def test_the_page_is_written_where_one_says(run: Run, tmp_path: Path) -> None:
    ten_runs(tmp_path)
    run("report", "--output", "page.html")
    assert [path.name for path in tmp_path.glob("*.html")] == ["page.html"]


def test_a_report_with_unknown_hosts_ends_with_3(run: Run, tmp_path: Path) -> None:
    ten_runs(tmp_path)
    assert run("report").code == 3


def test_a_report_without_gaps_ends_with_0(run: Run, tmp_path: Path) -> None:
    clean(tmp_path)
    assert run("report").code == 0


def test_data_is_printed(run: Run, tmp_path: Path) -> None:
    ten_runs(tmp_path)
    assert json.loads(run("report", "--format", "json").out)["site"] == "todo"


def test_text_is_printed(run: Run, tmp_path: Path) -> None:
    ten_runs(tmp_path)
    assert "what changed" in run("report", "--format", "text").out


def test_without_a_history_it_says_what_to_run(run: Run, tmp_path: Path) -> None:
    (tmp_path / "holdfast.toml").write_text(SITE)
    ended = run("report")
    assert (ended.code, "start with holdfast audit" in ended.err) == (2, True)
    assert not (tmp_path / "holdfast-report.html").exists()


def test_a_history_that_is_no_folder_is_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "holdfast.toml").write_text(SITE)
    (tmp_path / ".holdfast").write_text("")
    ended = run("report")
    assert (ended.code, ended.err.count("\n"), "Traceback" in ended.err) == (2, 1, False)


def test_a_damaged_run_is_a_line_and_the_page_is_written(run: Run, tmp_path: Path) -> None:
    past = ten_runs(tmp_path)
    past.history.runs()[0].path.write_text("{\x1b")
    ended = run("report")
    assert "is damaged" in ended.err
    assert "is damaged" in (tmp_path / "holdfast-report.html").read_text()
    assert "\x1b" not in ended.err


def test_an_audit_is_a_page(run: Run, tmp_path: Path) -> None:
    (tmp_path / "holdfast.toml").write_text(SITE)
    (tmp_path / "app.json").write_text(snapshot().model_dump_json())
    ended = run("audit", "app", "--from", "app.json", "--format", "html")
    assert (ended.code, ended.out.startswith("<!DOCTYPE html>")) == (1, True)
    assert "log in as root with the right key" in ended.out


def test_attacks_are_a_page(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    (tmp_path / "holdfast.toml").write_text(
        SITE.replace('"203.0.113.10"', '"127.0.0.1"').split("[hosts.db]")[0]
    )
    ended = run("prove", "--format", "html")
    assert (ended.code, "showed nothing" in ended.out) == (3, True)


@pytest.mark.parametrize("verb", ["plan", "apply", "undo"])
def test_a_verb_without_a_page_says_which_have_one(run: Run, verb: str) -> None:
    ended = run(verb, "--format", "html")
    assert ended.code == 2
    assert "html is for audit, prove and report; here use text or json" in ended.err
