"""Runs whole processes and takes their wall time and peak memory; compares two in turn."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

Report = Callable[[str], None]

TURNS = 5
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_TIMER = Path(__file__).with_name("timed_process.py")


class BenchError(Exception):
    """Something could not be measured; the message says what, and the mend where there is one."""


@dataclass(frozen=True)
class Ran:
    """One whole process: how it ended, what it printed, how long it took, its peak memory.

    `peak_mb`, in MB (10^6), is the larger of two: the peak resident set of the largest process, as
    the kernel kept it, and that of the process with all its children, as it was sampled.
    """

    code: int
    out: str
    err: str
    seconds: float
    peak_mb: float


def run(
    argv: Sequence[str],
    *,
    good: tuple[int, ...] = (0,),
    text: str = "",
    environment: Mapping[str, str] | None = None,
    timeout_s: float = 300.0,
    memory: bool = False,
) -> Ran:
    """Run a program to its end; with `memory`, its peak memory is taken, which slows it a little.

    A small process of its own starts it, because on Linux a child's peak memory counts from the
    memory of whoever started it. Raises BenchError when the exit code is not a `good` one.
    """
    read, write = os.pipe()
    timer = [sys.executable, "-I", "-S", str(_TIMER), str(write), "memory" if memory else "time"]
    environ = {**os.environ, **(environment or {})}
    with os.fdopen(read, "rb") as taken:
        try:
            running = subprocess.Popen(
                [*timer, *argv],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(write,),
                env=environ,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        finally:
            os.close(write)
        with running:
            try:
                out, err = running.communicate(text, timeout=timeout_s)
            except subprocess.TimeoutExpired as error:
                os.killpg(running.pid, signal.SIGKILL)
                raise BenchError(f"`{_named(argv)}` took longer than {timeout_s:g} s") from error
            except BaseException:
                os.killpg(running.pid, signal.SIGKILL)
                raise
        if running.returncode not in good:
            said = [line for line in (*out.splitlines(), *err.splitlines()) if line.strip()]
            last = " / ".join(said[-4:]) or "it said nothing"
            raise BenchError(f"`{_named(argv)}` ended with {running.returncode}: {last}")
        measured = json.loads(taken.read())
    return Ran(running.returncode, out, err, measured["seconds"], measured["peak_mb"])


def _named(argv: Sequence[str]) -> str:
    return " ".join(argv)[:200]


def processor_s(pid: int) -> float:
    """Return the seconds of processor that a process and all below it have taken so far.

    Those that have ended count for whoever waited for them.
    """
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    taken = sum(map(int, stat[11:15])) / _TICKS_PER_S
    children = Path(f"/proc/{pid}/task").glob("*/children")
    below = [int(child) for path in children for child in path.read_text().split()]
    return taken + sum(map(processor_s, below))


@dataclass(frozen=True)
class Measure:
    """What is measured, and how often in each turn: what is short is taken more than once."""

    take: Callable[[], float]
    per_turn: int = 1

    def turn(self) -> tuple[float, ...]:
        return tuple(self.take() for _ in range(self.per_turn))


def in_turn(*measures: Measure, turns: int = TURNS) -> list[tuple[float, ...]]:
    """Take each measure once to warm up, then all in turn, so that a machine's drift hits all."""
    for measure in measures:
        measure.take()
    rounds = [tuple(measure.turn() for measure in measures) for _ in range(turns)]
    return [tuple(chain.from_iterable(turns)) for turns in zip(*rounds, strict=True)]
