"""What the kernel is told through /proc/sys: read for a snapshot, set by a step, put back by undo.

Names are paths below /proc/sys, as sysctl.d(5) takes them too; `*` stands for each interface.
"""

from __future__ import annotations

import glob
import hashlib
import os
from typing import Callable, Dict, List

from .failed import Failed
from .read_programs import CannotRead
from .step import Record, Step

ROOT = "/proc/sys"
LARGEST_VALUE = 256
MOST_VALUES = 1000

READ = (
    *("net/ipv4/conf/*/accept_redirects", "net/ipv4/conf/*/accept_source_route"),
    *("net/ipv4/conf/*/send_redirects", "net/ipv4/conf/*/log_martians"),
    *("net/ipv6/conf/*/accept_redirects", "net/ipv6/conf/*/accept_source_route"),
    *("net/ipv4/conf/all/rp_filter", "net/ipv4/tcp_syncookies"),
    *("net/ipv4/icmp_echo_ignore_broadcasts", "net/ipv4/icmp_ignore_bogus_error_responses"),
    *("kernel/dmesg_restrict", "kernel/kptr_restrict", "kernel/perf_event_paranoid"),
    *("kernel/randomize_va_space", "kernel/unprivileged_bpf_disabled"),
    *("net/core/bpf_jit_harden", "kernel/yama/ptrace_scope", "dev/tty/ldisc_autoload"),
    *("fs/protected_fifos", "fs/protected_hardlinks", "fs/protected_regular"),
    *("fs/protected_symlinks", "fs/suid_dumpable"),
)


def read_kernel() -> Dict[str, object]:
    """Return the values of those parameters that this kernel has. Raises CannotRead."""
    found: Dict[str, str] = {}
    for pattern in READ:
        for path in sorted(glob.glob(f"{ROOT}/{pattern}")):
            value = _value(path)
            if value is not None:
                found[os.path.relpath(path, ROOT)] = value
            if len(found) > MOST_VALUES:
                raise CannotRead(f"the kernel has more than {MOST_VALUES} such parameters")
    if not found:
        raise CannotRead(f"{ROOT} shows nothing")
    return {"parameters": found}


def _value(path: str) -> "str | None":
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return " ".join(file.read(LARGEST_VALUE).split())
    except OSError:  # an interface that has just gone, or a parameter only root may read
        return None


def _path(name: str) -> str:
    path = os.path.normpath(f"{ROOT}/{name}")
    if not path.startswith(f"{ROOT}/"):
        raise Failed(f"{name[:100]!r} is no parameter of the kernel", "invalid")
    return path


class Parameters(Step):
    """Values in the running kernel; what holds after a boot is a file's to say."""

    def look(self) -> Record:
        values: List[List[str]] = []
        for name, _ in self.wire["values"]:
            value = _value(_path(name))
            if value is not None:
                values.append([name, value])
        text = "".join(f"{name} {value}\n" for name, value in values)
        return {"state": hashlib.sha256(text.encode()).hexdigest(), "values": values}

    def do(self, say: Callable[[str], None]) -> None:
        _set(self.wire["values"])

    def restore(self, seen: Record) -> None:
        _set(seen["values"])

    def as_expected(self, held: str, expected: str) -> bool:
        """Always: at a boot somebody else may have set some anew; the way back is the same."""
        return True


def _set(values: List[List[str]]) -> None:
    for name, value in values:
        path = _path(name)
        if not os.path.exists(path):  # its interface has gone
            continue
        try:
            with open(path, "w", encoding="ascii") as file:
                file.write(value)
        except OSError as error:
            raise Failed(f"{path} cannot be set to {value}: {error.strerror}", "failed") from None
