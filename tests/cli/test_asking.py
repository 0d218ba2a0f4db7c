"""Questions at a real terminal."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

QUESTION = "what? "
ASK = (
    "import asyncio, sys; from holdfast.cli import asking\n"
    f"print(repr(asyncio.run(getattr(asking, sys.argv[1])({QUESTION!r}))))"
)


@contextmanager
def asked(how: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A question that is open, and the terminal that it is asked on."""
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ASK, how],
        stdin=end,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert process.stderr.read(len(QUESTION)) == QUESTION
        yield process, terminal
    finally:
        process.kill()
        process.communicate()
        os.close(end)
        os.close(terminal)


def shows_what_is_typed(terminal: int) -> bool:
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


@pytest.mark.parametrize(("how", "answer"), [("typed", "'yes\\n'"), ("typed_unseen", "'yes'")])
def test_the_line_that_is_typed_is_the_answer(how: str, answer: str) -> None:
    with asked(how) as (process, terminal):
        os.write(terminal, b"yes\nno\n")
        assert process.communicate(timeout=20)[0].strip() == answer


def test_a_secret_is_not_shown_and_everything_after_it_is() -> None:
    with asked("typed_unseen") as (process, terminal):
        assert not shows_what_is_typed(terminal)
        os.write(terminal, b"correct horse\n")
        process.communicate(timeout=20)
        assert shows_what_is_typed(terminal)


@pytest.mark.parametrize("how", ["typed", "typed_unseen"])
def test_a_question_can_be_interrupted_and_leaves_the_terminal_as_it_was(how: str) -> None:
    with asked(how) as (process, terminal):
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        assert process.returncode != 0
        assert shows_what_is_typed(terminal)
