"""`holdfast stamp`: minting, checking, and how fast the machine is."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from accounts.service import wait_for
from holdfast.cli.main import main
from holdfast.work.stamp import mint, parse, zeros

OLD = "1:20:040806:foo::65f460d0726f420d:13a6b8"
HOLDFAST = [sys.executable, "-m", "holdfast.cli.main"]


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)

    def command(*argv: str, stdin: str = "") -> Ended:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        try:
            code = main(["stamp", *argv])
        except SystemExit as error:
            code = int(str(error.code))
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return command


# Minting


def test_the_stamp_alone_is_printed(run: Run) -> None:
    ended = run("mint", "-b", "8", "alice@example.com")
    assert (ended.code, ended.err, ended.out.count("\n")) == (0, "", 1)
    stamp = parse(ended.out.strip())
    assert (stamp.bits, stamp.resource) == (8, "alice@example.com")


def test_a_stamp_has_20_bits_where_nothing_else_is_said(run: Run) -> None:
    text = run("mint", "foo").out.strip()
    assert (parse(text).bits, zeros(text) >= 20) == (20, True)


def test_an_extension_is_part_of_the_stamp(run: Run) -> None:
    assert parse(run("mint", "-b", "4", "--ext", "a=1,2;b", "foo").out.strip()).ext == "a=1,2;b"


@pytest.mark.parametrize(
    "argv",
    [
        ("mint",),
        ("mint", "two words"),
        ("mint", "a:b"),
        ("mint", ""),
        ("mint", "zoë"),
        ("mint", "x" * 1000),
        ("mint", "foo", "--ext", "a:b"),
        ("mint", "foo", "-b", "161"),
        ("mint", "foo", "-b", "-1"),
        ("mint", "foo", "-b", "9" * 5000),
        ("check",),
        ("check", OLD, "-b", "many"),
        ("check", OLD, "-e", "0"),
        ("check", OLD, "-e", "99999"),
        (),
    ],
    ids=lambda argv: " ".join(argv)[:30],
)
def test_what_cannot_be_carried_out_ends_with_2(run: Run, argv: tuple[str, ...]) -> None:
    ended = run(*argv)
    assert (ended.code, ended.out) == (2, "")
    assert "defect" not in ended.err
    assert len(ended.err.splitlines()[-1]) < 200


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_for_terminals_and_leaves_nothing_there(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdfast.cli.stamp.SHOWN_EVERY_S", 0.0)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert run("mint", "-b", "22", "foo").code == 0
    shown = terminal.getvalue()
    assert re.search(r"\r[0-9.]+ ?[kM]? ?hashes, 4\.2 M on average", shown)
    assert shown.endswith("\r\x1b[K")


def test_minting_can_be_stopped(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*HOLDFAST, "stamp", "mint", "-b", "100", "foo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    times = Path(f"/proc/{process.pid}/stat")

    def working() -> bool:
        """Whether it has used a second, so it has begun."""
        user = int(times.read_text().rpartition(")")[2].split()[11])
        return user > os.sysconf("SC_CLK_TCK")

    wait_for(working, 60)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (130, "")
    assert "stopped" in err


# Checking


def test_a_good_stamp_ends_with_0(run: Run) -> None:
    text = str(mint("foo", 12))
    words = ("-r", "foo", "-b", "12", "--spent", "spent")
    assert run("check", text, *words) == (0, "good: 12 bits for foo\n", "")


def test_a_stamp_is_good_once(run: Run) -> None:
    text = str(mint("foo", 12))
    words = ("check", text, "-r", "foo", "-b", "12", "--spent", "spent")
    assert [run(*words).code for _ in range(2)] == [0, 1]
    assert run(*words).out == "refused: it was used before\n"


def test_what_was_not_checked_is_said(run: Run) -> None:
    ended = run("check", str(mint("foo", 20)))
    assert (ended.code, ended.out.splitlines()[0]) == (0, "good: 20 bits for foo")
    assert [line.split(":")[0] for line in ended.out.splitlines()[1:]] == ["not checked"] * 2


def test_a_stamp_is_read_from_stdin(run: Run) -> None:
    words = ("check", "-", "-b", "12", "-r", "foo")
    assert run(*words, stdin=f"{mint('foo', 12)}\n").code == 0
    assert run(*words, stdin="").code == 1
    assert run(*words, stdin="1:" * 10**6).out == "refused: a stamp has at most 900 characters\n"


def test_bytes_that_are_no_text_are_no_stamp() -> None:
    words = ["stamp", "check", "-"]
    done = subprocess.run(
        [*HOLDFAST, *words], input=b"\xff\xfe\n", capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout[:8], done.stderr) == (1, b"refused:", b"")


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        ((OLD,), "its date, 040806, is too long ago"),
        ((OLD, "-e", "20000", "-r", "bar"), "it was made for foo"),
        ((OLD, "-e", "20000", "-b", "21"), "it claims 20 bits, 21 are asked for"),
        ((f"{OLD}x", "-e", "20000"), "it claims 20 bits and has "),
        (("0:040806:foo:1",), "a stamp of version 0 is not accepted: mint one of version 1"),
        (("\x1b[2J",), 'a stamp begins with its version, "1:"'),
    ],
)
def test_why_a_stamp_is_refused(run: Run, argv: tuple[str, ...], why: str) -> None:
    ended = run("check", *argv)
    assert (ended.code, ended.err) == (1, "")
    assert ended.out.startswith(f"refused: {why}")


def test_an_old_stamp_is_good_for_who_says_so(run: Run) -> None:
    assert run("check", OLD, "-e", "20000", "-r", "FOO").code == 0


def test_where_spent_ones_cannot_be_kept_nothing_is_good(run: Run, tmp_path: Path) -> None:
    words = ("check", str(mint("foo", 12)), "-b", "12", "--spent", "folder/spent")
    ended = run(*words)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith("holdfast: folder/spent: ")
    (tmp_path / "folder").mkdir()
    assert run(*words).code == 0


# Speed


@pytest.fixture
def measured_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.cli.stamp.MEASURED_S", 0.01)


@pytest.mark.usefixtures("measured_briefly")
def test_the_speed_of_each_method_is_told_and_one_is_chosen(run: Run) -> None:
    read = json.loads(run("speed", "--format", "json").out)
    chosen = [row["algorithm"] for row in read if row["chosen"]]
    assert {"sha1", "sha256"} <= set(chosen)
    assert len(chosen) == len(set(chosen))
    assert all(row["hashes_per_s"] > 0 for row in read)


@pytest.mark.usefixtures("measured_briefly")
def test_people_read_the_speed_as_a_table(run: Run) -> None:
    ended = run("speed")
    head, *lines = ended.out.splitlines()
    assert (ended.code, head.split()[:2]) == (0, ["algorithm", "method"])
    assert any(line.startswith("sha1") and line.endswith("chosen") for line in lines)
