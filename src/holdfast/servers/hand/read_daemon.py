"""The sshd that listens: its process, its arguments, and when it last read its configuration."""

from __future__ import annotations

import json
import os
import re
import shlex
import time
from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple

from .read_configuration import SSHD_CONFIG
from .read_files import read_text
from .read_programs import CannotRead, Program
from .read_units import Service

SSHD = "/usr/sbin/sshd"
SERVICES = ("/ssh.service", "/sshd.service")
RELOADED = "Received SIGHUP; restarting."

_TITLE = re.compile(r"sshd: (.*) \[listener\] \d+ of \d+-\d+ startups")
_WITH_VALUE = "bcCEfghkopu"  # sshd(8)'s options that take a value
_ONE_CONNECTION = "iR"  # of the process that serves one connection, and listens to none
_DECIDING = "fhop46"  # those that decide what `sshd -T` must print
_MICROSECONDS = 1_000_000


class Daemon(NamedTuple):
    """The process that listens; `started` is in seconds since the epoch."""

    pid: int
    arguments: Tuple[str, ...]
    started: float


def daemon_arguments(command_line: bytes) -> Optional[Tuple[str, ...]]:
    """Return the arguments of a listening sshd from /proc/PID/cmdline, None if it is none.

    sshd writes over its command line, `sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups`,
    which loses the borders between arguments: what follows an option's value and is no option
    belongs to that value, for sshd takes no operands.
    """
    parts = command_line.rstrip(b"\0 ").decode("utf-8", "backslashreplace").split("\0")
    if len(parts) > 1 or not parts[0].startswith("sshd:"):
        return tuple(parts[1:]) if parts[0] == SSHD and not _serves_one(parts[1:]) else None
    title = _TITLE.fullmatch(parts[0].strip())
    words = title[1].split() if title else []
    if not words or words[0] != SSHD:
        return None
    arguments: List[str] = []
    for word in words[1:]:
        if arguments and not word.startswith("-") and not _awaits_value(arguments[-1]):
            arguments[-1] += f" {word}"
        else:
            arguments.append(word)
    return tuple(arguments)


def _serves_one(arguments: Sequence[str]) -> bool:
    return any(option[1:] in _ONE_CONNECTION for option, _ in _options(arguments))


def _awaits_value(word: str) -> bool:
    letters = word[1:] if word.startswith("-") else ""
    first = next((at for at, letter in enumerate(letters) if letter in _WITH_VALUE), None)
    return first is not None and first == len(letters) - 1


def deciding_arguments(arguments: Sequence[str]) -> List[str]:
    """Return those of the daemon's arguments that change what `sshd -T` prints."""
    deciding = (each for each in _options(arguments) if each[0][1:] in _DECIDING)
    return [
        word
        for option, value in deciding
        for word in ((option, value) if option[1:] in _WITH_VALUE else (option,))
    ]


def _options(arguments: Sequence[str]) -> Iterator[Tuple[str, str]]:
    """Yield each option with its value, "" where it takes none."""
    rest = list(arguments)
    while rest:
        letters = rest.pop(0)
        if not letters.startswith("-"):
            continue
        for at, letter in enumerate(letters[1:], start=1):
            takes_value = letter in _WITH_VALUE
            value = (letters[at + 1 :] or (rest.pop(0) if rest else "")) if takes_value else ""
            yield f"-{letter}", value
            if takes_value:
                break


def main_file(arguments: Sequence[str]) -> str:
    """Return the configuration file that a daemon with these arguments reads."""
    deciding = deciding_arguments(arguments)
    named = [value for option, value in zip(deciding, deciding[1:]) if option == "-f"]
    return named[-1] if named else SSHD_CONFIG


def default_arguments(text: str) -> Tuple[str, ...]:
    """Return SSHD_OPTS of /etc/default/ssh: what the next daemon will be started with."""
    found = ""
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and name.strip() == "SSHD_OPTS":
            found = value
    try:
        return tuple(word for part in shlex.split(found) for word in part.split())
    except ValueError:
        return tuple(found.split())


def arguments_to_be(command: str, defaults: str) -> Tuple[str, ...]:
    """Return the arguments of the sshd that a unit will start; without the one for a connection.

    `command` is the unit's command line, `defaults` the text of /etc/default/ssh.
    """
    options = default_arguments(defaults)
    if not command:
        return options
    words = command.split()[1:]
    place = [i for i, word in enumerate(words) if word in ("$SSHD_OPTS", "${SSHD_OPTS}")]
    for i in reversed(place):
        words[i : i + 1] = options
    return tuple(word for word in words if word != "-i")


def last_reload(journal: str) -> float:
    """Return the time of the newest reload in journalctl's JSON lines, 0 if there is none."""
    newest = 0.0
    for line in journal.splitlines():
        try:
            entry = json.loads(line)
            # The kernel stamps what sshd sends; journald may take it up later.
            at = entry.get("_SOURCE_REALTIME_TIMESTAMP", entry["__REALTIME_TIMESTAMP"])
            if entry.get("MESSAGE") == RELOADED:
                newest = max(newest, int(at) / _MICROSECONDS)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue  # no line of journalctl's
    return newest


def find_daemon() -> Optional[Daemon]:
    """Return root's listening sshd of this host, the service's own before any other."""
    ticks_a_second = os.sysconf("SC_CLK_TCK")
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    found: List[Tuple[bool, Daemon]] = []
    own_pids = _link("/proc/self/ns/pid")
    for entry in os.listdir("/proc"):
        if not entry.isdecimal():
            continue
        try:
            arguments = _listening(int(entry), own_pids)
            if arguments is not None:
                ticks = _start_ticks(read_text(f"/proc/{entry}/stat"))
                started = booted + ticks / ticks_a_second
                of_service = read_text(f"/proc/{entry}/cgroup").rstrip().endswith(SERVICES)
                found.append((of_service, Daemon(int(entry), arguments, started)))
        except (OSError, CannotRead):
            continue  # it ended meanwhile
    found.sort(key=lambda each: (not each[0], each[1].pid))
    return found[0][1] if found else None


def _listening(pid: int, own_pids: Optional[str]) -> Optional[Tuple[str, ...]]:
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        command_line = file.read(65_536)
    if b"sshd" not in command_line:
        return None
    if os.stat(f"/proc/{pid}").st_uid != 0 or _link(f"/proc/{pid}/ns/pid") != own_pids:
        return None  # a user's process that took the name, or a container's sshd
    if _link(f"/proc/{pid}/exe") not in (None, SSHD, f"{SSHD} (deleted)"):
        return None
    return daemon_arguments(command_line)


def _link(path: str) -> Optional[str]:
    try:
        return os.readlink(path)
    except OSError:
        return None


def _start_ticks(stat_line: str) -> int:
    # The name stands in brackets and may hold anything; the start time is field 22.
    return int(stat_line.rpartition(")")[2].split()[19])


def journal_of(daemon: Daemon) -> Program:
    """Ask the journal for the newest reload; only fields that root's sshd alone can have count."""
    honest = (f"_PID={daemon.pid}", "_UID=0", f"_EXE={SSHD}")
    wanted = "--output-fields=MESSAGE,_SOURCE_REALTIME_TIMESTAMP"
    only = ("-n", "1", "-r", "-g", f"^{re.escape(RELOADED)}$")
    return Program("journalctl", "-b", "-q", "--no-pager", "-o", "json", wanted, *only, *honest)


def loaded_at(daemon: Daemon, service: Optional[Service], journal: str) -> float:
    """Return when this daemon read its configuration last, never later than it really did.

    A reload keeps the process and its start time, so it shows in the journal (whoever sent the
    signal) and in what systemd remembers of ExecReload (also when the journal was flooded).
    """
    times = [last_reload(journal)]
    if service is not None and service.main_pid == daemon.pid:
        times += [service.started or daemon.started, service.reloaded]
    else:
        times.append(daemon.started)
    return max(times)
