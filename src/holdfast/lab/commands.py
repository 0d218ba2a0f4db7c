"""Runs the programs of the machine that the lab stands on."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from holdfast.lab import locks
from holdfast.lab.errors import LabError

PLAIN_ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}

_DIES_WITH_STARTER = ("setpriv", "--pdeathsig", "KILL", "--")
"""A starter that is killed leaves no `mount` or `cp` behind that works on, unseen by `down`."""

Outcome = subprocess.CompletedProcess[str]


def attempt(
    argv: Sequence[str | Path],
    *,
    text: str | None = None,
    timeout_s: float = 60.0,
    cwd: Path | None = None,
    environment: Mapping[str, str] = PLAIN_ENVIRONMENT,
) -> Outcome:
    """Run `argv` to its end and return its status and output, whatever the status.

    The program inherits the locks that are held, so that they outlive a killed starter. Past
    `timeout_s` the program and all its children are ended and LabError is raised.
    """
    words = [str(word) for word in argv]
    try:
        with locks.inheritable() as held:
            running = subprocess.Popen(
                [*_DIES_WITH_STARTER, *words],
                stdin=subprocess.DEVNULL if text is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd,
                env=dict(environment),
                pass_fds=held,
                encoding="utf-8",
                errors="surrogateescape",
                start_new_session=True,
            )
    except FileNotFoundError as error:
        raise LabError("the program setpriv is missing: install util-linux") from error
    with running:
        try:
            output, complaint = running.communicate(text, timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            os.killpg(running.pid, signal.SIGKILL)
            raise LabError(f"`{' '.join(words)}` did not end within {timeout_s:g} s") from error
        except BaseException:
            os.killpg(running.pid, signal.SIGKILL)
            raise
    return Outcome(words, running.returncode, output, complaint)


def perform(
    argv: Sequence[str | Path],
    *,
    text: str | None = None,
    timeout_s: float = 60.0,
    cwd: Path | None = None,
    environment: Mapping[str, str] = PLAIN_ENVIRONMENT,
) -> str:
    """Like `attempt`, but return the output, and raise LabError when the program fails."""
    outcome = attempt(
        argv,
        text=text,
        timeout_s=timeout_s,
        cwd=cwd,
        environment=environment,
    )
    if outcome.returncode != 0:
        raise LabError(f"`{' '.join(outcome.args)}` failed: {last_line(outcome)}")
    return outcome.stdout


def last_line(outcome: Outcome) -> str:
    """The last line a program wrote, to name in an error."""
    lines = (outcome.stderr.strip() or outcome.stdout.strip()).splitlines()
    return lines[-1] if lines else f"it ended with status {outcome.returncode} and said nothing"
