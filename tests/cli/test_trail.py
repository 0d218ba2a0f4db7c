"""`holdfast trail` of a site: what was run, and that nobody changed what is said of it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from building import SITE, snapshot

from holdfast.cli.main import main


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in a site that was audited three times."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "holdfast.toml").write_text(SITE)
    (tmp_path / "app.json").write_text(snapshot().model_dump_json())

    def command(*argv: str) -> Ended:
        capsys.readouterr()
        try:
            code = main(argv)
        except SystemExit as error:
            code = int(str(error.code))
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    for _ in range(3):
        assert command("audit", "app", "--from", "app.json").code == 1
    return command


def test_every_run_is_an_entry_with_the_digest_of_what_was_kept(run: Run, tmp_path: Path) -> None:
    ended = run("trail", "show", "--format", "json")
    read = [json.loads(line) for line in ended.out.splitlines()]
    assert [(one["number"], one["what"], one["on"]) for one in read] == [
        (number, "hosts.audit", "todo") for number in range(3)
    ]
    kept = {path.name for path in (tmp_path / ".holdfast/runs").iterdir()}
    assert {one["details"]["file"] for one in read} == kept
    assert run("trail", "show", "--last", "1").out.startswith("2: ")
    assert run("trail", "show", "--what", "sign-in").out == ""


def test_it_is_whole(run: Run) -> None:
    assert run("trail", "verify") == (0, "3 entries, none touched, none missing\n", "")
    read = json.loads(run("trail", "verify", "--format", "json").out)
    assert (read["entries"], read["good"], read["entry"]) == (3, True, None)


def test_what_was_edited_is_named(run: Run, tmp_path: Path) -> None:
    path = tmp_path / ".holdfast/trail/entries"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"good"', b'"fine"')
    path.write_bytes(b"".join(lines))
    ended = run("trail", "verify")
    assert ended.code == 1
    assert ended.out.splitlines() == [
        "entry 1: it was edited, put in, or moved, or one before it was removed",
        "everything before it is as it was written",
    ]


def test_what_was_taken_away_is_missed(run: Run, tmp_path: Path) -> None:
    checkpoint = tmp_path / "seen"
    checkpoint.write_text(run("trail", "show", "--checkpoint").out)
    trail = tmp_path / ".holdfast/trail"
    lines = (trail / "entries").read_bytes().splitlines(keepends=True)
    (trail / "entries").write_bytes(b"".join(lines[:2]))
    assert run("trail", "verify").out.startswith("entry 2: 1 entries are missing")
    (trail / "state").unlink()  # whoever can, takes this away too
    assert run("trail", "verify").code == 0
    ended = run("trail", "verify", "--seen", "seen")
    assert (ended.code, "missing" in ended.out) == (1, True)


def test_a_new_key_is_noticed_by_who_has_written_the_old_one_down(run: Run, tmp_path: Path) -> None:
    key = run("trail", "show", "--public-key").out.strip()
    assert run("trail", "verify", "--key", key).code == 0
    for path in (tmp_path / ".holdfast/trail").iterdir():
        path.unlink()
    run("audit", "app", "--from", "app.json")
    assert run("trail", "verify").code == 0
    assert run("trail", "verify", "--key", key).code == 1


def test_a_proof_stands_by_itself(run: Run, tmp_path: Path) -> None:
    key = run("trail", "show", "--public-key").out.strip()
    (tmp_path / "proof").write_text(run("trail", "prove", "1").out)
    ended = run("trail", "verify", "--proof", "proof", "--key", key)
    assert (ended.code, ended.out[:3]) == (0, "1: ")
    other = json.loads((tmp_path / "proof").read_text())
    other["entry"] = other["entry"].replace("audit", "apply")
    (tmp_path / "proof").write_text(json.dumps(other))
    ended = run("trail", "verify", "--proof", "proof", "--key", key)
    assert (ended.code, ended.out) == (1, "proof: the entry is not in the trail at that place\n")


WRONG = [
    (("trail", "prove", "99"), "there is no entry 99: there are 3, from 0"),
    (("trail", "prove", "-1"), "there is no entry -1"),
    (("trail", "verify", "--key", "nonsense"), "that is no key of a trail"),
    (("trail", "verify", "--proof", "app.json"), "name the trail's public key with --key KEY"),
    (("trail", "verify", "--seen", "app.json"), "that is too long for a checkpoint"),
    (("trail", "show", "--folder", "nowhere"), "nowhere: there is no trail yet"),
]


@pytest.mark.parametrize(("argv", "said"), WRONG)
def test_what_cannot_be_done_is_said(run: Run, argv: tuple[str, ...], said: str) -> None:
    ended = run(*argv)
    assert (ended.code, said in ended.err) == (2, True)
    assert len(ended.err.splitlines()) == 1


def test_nothing_is_made_where_nothing_was(run: Run, tmp_path: Path) -> None:
    run("trail", "show", "--folder", "nowhere")
    assert not (tmp_path / "nowhere").exists()
