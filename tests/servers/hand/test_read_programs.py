"""Programs are bounded in time and in what they may print."""

from __future__ import annotations

import time

import pytest

from holdfast.servers.hand import read_programs
from holdfast.servers.hand.read_programs import CannotRead, Program


def test_what_a_program_prints_and_how_it_ends() -> None:
    finished = Program(
        "python3", "-I", "-c", "import sys; print('out'); sys.exit('why')"
    ).finished()
    assert finished == ("out\n", "why\n", 1)


def test_a_failure_is_told_in_the_programs_own_words() -> None:
    with pytest.raises(CannotRead, match=r"^why$"):
        Program("python3", "-I", "-c", "import sys; sys.exit('\\nwhy\\nelse')").succeeded()


def test_a_program_that_is_not_there_is_no_crash() -> None:
    program = Program("holdfast-no-such-program")
    with pytest.raises(CannotRead, match="is not installed"):
        program.finished()
    program.end()


def test_a_program_that_hangs_is_ended() -> None:
    begun = time.monotonic()
    with pytest.raises(CannotRead, match=r"gave no answer within 0\.2 s"):
        Program("sleep", "60", limit_s=0.2).finished()
    assert time.monotonic() - begun < 30


def test_a_program_that_closes_its_output_and_hangs_is_ended() -> None:
    code = "import os, time; os.close(1); os.close(2); time.sleep(60)"
    with pytest.raises(CannotRead, match="gave no answer"):
        Program("python3", "-I", "-c", code, limit_s=1).finished()


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_program_that_prints_without_end_is_ended(stream: str) -> None:
    code = f"import sys\nwhile True: sys.{stream}.write('x' * 65536)"
    with pytest.raises(CannotRead, match="prints more than"):
        Program("python3", "-I", "-c", code).finished()


def test_programs_run_at_the_same_time() -> None:
    begun = time.monotonic()
    programs = [Program("sleep", "0.5") for _ in range(8)]
    for program in programs:
        program.succeeded()
    assert time.monotonic() - begun < 3


def test_programs_get_the_systems_own_folders_and_nothing_of_the_callers_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LD_PRELOAD_X", "evil")
    assert set(Program("env").succeeded().splitlines()) == {
        f"{key}={value}" for key, value in read_programs.ENVIRONMENT.items()
    }


@pytest.mark.parametrize(
    ("text", "line"), [("", "else"), ("\n \n", "else"), ("\n a \nb", "a"), ("x" * 600, "x" * 500)]
)
def test_the_first_line_that_says_something(text: str, line: str) -> None:
    assert read_programs.first_line(text, "else") == line
