"""Programs of the system, asked without a shell: bounded in time and in what they may print.

All that a snapshot needs is started at once and collected afterwards, so that reading a host takes
as long as its slowest program, not as long as all of them together.
"""

from __future__ import annotations

import os
import select
import subprocess
import time
from pathlib import Path
from typing import Callable, NamedTuple, Optional

SYSTEM_FOLDERS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
ENVIRONMENT = {"PATH": ":".join(SYSTEM_FOLDERS), "LC_ALL": "C", "TZ": "UTC"}
LIMIT_S = 10.0
LARGEST_OUTPUT = 4 * 1024 * 1024
LARGEST_COMPLAINT = 64 * 1024


class CannotRead(Exception):
    """A section of the snapshot could not be read; the message is the reason."""


class Finished(NamedTuple):
    """What a program printed and how it ended."""

    output: str
    complaint: str
    status: int


def as_text(data: bytes) -> str:
    """Decode what a program or a file says, as Python decodes paths: nothing is lost by it."""
    return data.decode("utf-8", "surrogateescape")


def first_line(text: str, otherwise: str) -> str:
    """Return the first line that says something, cut to a length that a report can show."""
    for line in text.splitlines():
        if line.strip():
            return line.strip()[:500]
    return otherwise


def find(name: str) -> Optional[str]:
    """Return the path of a program in the system's own folders, or None."""
    for folder in SYSTEM_FOLDERS:
        path = Path(folder, name)
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
    return None


class Program:
    """A program that runs from the moment it is made until it is `finished` or ended.

    `prepare` is called in its process before it runs there.
    """

    def __init__(
        self,
        *arguments: str,
        limit_s: float = LIMIT_S,
        prepare: Optional[Callable[[], None]] = None,
    ) -> None:
        self._name = arguments[0]
        self._limit_s = limit_s
        self._deadline = time.monotonic() + limit_s
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._failure = f"{self._name} is not installed"
        path = find(arguments[0])
        if path is None:
            return
        try:
            self._process = subprocess.Popen(
                [path, *arguments[1:]],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                env=ENVIRONMENT,
                preexec_fn=prepare,
            )
        except OSError as error:
            self._failure = f"{self._name} does not start: {error.strerror}"
        except subprocess.SubprocessError:  # what went wrong in the child is not told
            self._failure = f"{self._name} does not start: its process could not be prepared"

    def finished(self) -> Finished:
        """Wait for the end. Raises CannotRead if it is missing, or takes or prints too much."""
        if self._process is None:
            raise CannotRead(self._failure)
        try:
            output, complaint = self._read_both(self._process)
            status = self._process.wait(max(0.01, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired as error:
            raise self._too_slow() from error
        finally:
            self.end()
        return Finished(as_text(output), as_text(complaint), status)

    def succeeded(self) -> str:
        """Return what it printed. Raises CannotRead, with its own words, if it failed."""
        result = self.finished()
        if result.status != 0:
            otherwise = f"{self._name} ended with status {result.status}"
            raise CannotRead(first_line(result.complaint, otherwise))
        return result.output

    def end(self) -> None:
        """Leave nothing behind, whatever happened."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _read_both(self, process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
        assert process.stdout is not None  # noqa: S101  both are pipes, see above
        assert process.stderr is not None  # noqa: S101
        output, complaint = process.stdout.fileno(), process.stderr.fileno()
        limits = {output: LARGEST_OUTPUT, complaint: LARGEST_COMPLAINT}
        read = {output: bytearray(), complaint: bytearray()}
        poll = select.poll()
        for pipe in limits:
            poll.register(pipe, select.POLLIN | select.POLLHUP)
        open_pipes = set(limits)
        while open_pipes:
            left_s = self._deadline - time.monotonic()
            if left_s <= 0:
                raise self._too_slow()
            for pipe, _ in poll.poll(left_s * 1000):
                chunk = os.read(pipe, 65536)
                read[pipe] += chunk
                if len(read[pipe]) > limits[pipe]:
                    raise CannotRead(f"{self._name} prints more than {limits[pipe]} bytes")
                if not chunk:
                    poll.unregister(pipe)
                    open_pipes.discard(pipe)
        return bytes(read[output]), bytes(read[complaint])

    def _too_slow(self) -> CannotRead:
        return CannotRead(f"{self._name} gave no answer within {self._limit_s:g} s")
