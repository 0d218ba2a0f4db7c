"""Tells whether a recorded process is still the same one: ids are reused, start times are not."""

import json
import os
import signal
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from holdfast.lab.records import write_private

_BECOME_WITHIN_S = 10.0


@dataclass(frozen=True)
class Process:
    """One process of this machine, bound to the moment it started."""

    pid: int
    started: int
    """Field 22 of /proc/PID/stat: clock ticks since this machine booted."""
    command: str
    """What its command line starts with."""

    @staticmethod
    def of(pid: int, command: str) -> "Process | None":
        """The process `pid` once it has become `command`; None if it ends before that."""
        deadline = time.monotonic() + _BECOME_WITHIN_S
        while (started := _start_time(pid)) is not None and time.monotonic() < deadline:
            if _command_line(pid).startswith(command):
                return Process(pid, started, command)
            time.sleep(0.005)
        return None

    def lives(self) -> bool:
        """Whether it is still running, and still the same."""
        same = _start_time(self.pid) == self.started
        return same and _command_line(self.pid).startswith(self.command)

    def kill(self) -> None:
        """End it, if it still is the process it was."""
        if self.lives():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def inner_first(self) -> int | None:
        """The process id, out here, of the child that is process 1 of its own namespace.

        A container's starter has short-lived children too, which still live out here.
        """
        try:
            children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        except OSError:
            return None
        return next((int(child) for child in children if _is_first(child)), None)

    def write(self, path: Path) -> None:
        write_private(path, json.dumps(asdict(self)) + "\n")

    @staticmethod
    def read(path: Path) -> "Process | None":
        """The process that `path` records; None where none is."""
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            return Process(int(kept["pid"]), int(kept["started"]), str(kept["command"]))
        except (OSError, ValueError, KeyError):
            return None


def _is_first(pid: str) -> bool:
    """Whether the process is number 1 in a process namespace below ours (proc(5): NSpid)."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    numbers = next((line.split()[1:] for line in lines if line.startswith("NSpid:")), [])
    return len(numbers) > 1 and numbers[-1] == "1"


def _start_time(pid: int) -> int | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None
    return None if fields[0] in ("Z", "X") else int(fields[19])


def _command_line(pid: int) -> str:
    try:
        return (
            Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        )
    except OSError:
        return ""
