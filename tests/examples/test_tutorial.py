"""docs/tutorial.md, followed to the letter: attacked before and after, by the real command."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from driving import eventually

from accounts.service import free_port

TEXT = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text()
BLOCK = re.compile(r"```(?:python|toml)\n(# ([\w.]+)[^\n]*\n.*?)```", re.DOTALL)


def blocks(name: str) -> list[str]:
    """Return the versions of a file, in the order of the tutorial."""
    return [body for body, file in BLOCK.findall(TEXT) if file == name]


@contextmanager
def running(folder: Path, port: int) -> Iterator[None]:
    argv = [sys.executable, "-m", "uvicorn", "notes:app", "--port", str(port), "--log-level=error"]
    process = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL)
    try:
        eventually(lambda: _answers(port), 30, "the application answers")
        yield
    finally:
        process.terminate()
        process.wait(30)


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://localhost:{port}/", timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def prove(folder: Path) -> tuple[int, dict[str, str]]:
    argv = [sys.executable, "-m", "holdfast.cli.main", "prove", "--app", "notes", "@local"]
    done = subprocess.run(
        [*argv, "--format", "json"], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode in (0, 1, 3), done.stderr
    data: Any = json.loads(done.stdout)
    return done.returncode, {one["attack"]: one["outcome"] for one in data["attacks"]}


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("notes")
    port = free_port()
    site, trial = blocks("holdfast.toml")
    (folder / "holdfast.toml").write_text(site.replace("3000", str(port)))
    before, after = blocks("notes.py")

    (folder / "notes.py").write_text(before)
    with running(folder, port):
        weak = prove(folder)

    at = site.index("[apps.notes.trial]")
    rest = site[site.index("[hosts.app]") :]
    trial = trial.replace("command:python", f"command:{sys.executable}")
    (folder / "holdfast.toml").write_text(f"{site[:at]}{trial}\n{rest}".replace("3000", str(port)))
    (folder / "notes.py").write_text(after)
    (protection,) = blocks("protection.py")
    (folder / "protection.py").write_text(protection.replace("3000", str(port)))
    (folder / "trial.py").write_text(blocks("trial.py")[0])
    for name in ("notes-secret", "notes-key"):
        (folder / name).write_text("a secret of the tutorial, 32 bytes or more\n")
    with running(folder, port):
        sound = prove(folder)
    return weak, sound


def test_before_it_is_broken_into(followed: Any) -> None:
    (code, ended), _ = followed
    won = {name for name, outcome in ended.items() if outcome == "succeeded"}
    assert code == 1
    assert {name.partition("/")[0] for name in won} == {
        *("app.csrf", "app.sessions", "app.sql", "web.headers")
    }
    assert len(won) >= 14, sorted(won)


def test_after_it_everything_is_repelled(followed: Any) -> None:
    _, (code, ended) = followed
    assert {name: one for name, one in ended.items() if one != "repelled"} == {}
    assert code == 0


def test_the_scan_finds_what_the_tutorial_says(tmp_path: Path) -> None:
    before, after = blocks("notes.py")
    (tmp_path / "notes.py").write_text(before)
    argv = [sys.executable, "-m", "holdfast.cli.main", "scan", "code", str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    shown = [line.strip() for line in TEXT.splitlines() if line.startswith("    notes.py:")]
    assert [line for line in done.stdout.splitlines() if line.startswith("notes.py:")] == shown
    (tmp_path / "notes.py").write_text(after)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    assert "nothing found" in done.stdout
