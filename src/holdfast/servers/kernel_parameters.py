"""Which values of the kernel's parameters are good, and the file that sets them at each boot.

Source: the kernel's own documentation (networking/ip-sysctl, admin-guide/sysctl) and sysctl.d(5).
Names are written with slashes, since an interface's name may hold dots; `*` is each interface.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass

FILE = "/etc/sysctl.d/zz-holdfast.conf"  # the last one by name counts
MODULES_FILE = "/etc/modprobe.d/holdfast.conf"

_HEAD = "# Written by Holdfast."
_LINE = re.compile(r"([a-z0-9_/*]+) = (-?[0-9]+)")
_MODULE = re.compile(r"install ([a-z0-9_-]+) /bin/false")


@dataclass(frozen=True)
class Parameter:
    """One parameter: what it is to be, what else is as good, and what happens otherwise."""

    name: str
    wanted: str
    also: frozenset[str]
    otherwise: str

    @property
    def good(self) -> frozenset[str]:
        return self.also | {self.wanted}

    @property
    def of_network(self) -> bool:
        """Whether a container has its own; every other belongs to the machine below it."""
        return self.name.startswith("net/ipv")


def _parameter(name: str, wanted: int, otherwise: str, *also: int) -> Parameter:
    return Parameter(name, str(wanted), frozenset(map(str, also)), otherwise)


_REDIRECTED = "whoever is on the network can lead its traffic through themselves"
_SPOOFED = "packets with a forged sender are taken for those of a neighbour"
_LEAKED = "a program that was broken into learns where the kernel lies in memory"
_TRICKED = "one user can trick another's program by files in a shared folder"

PARAMETERS = (
    _parameter("net/ipv4/conf/*/accept_redirects", 0, _REDIRECTED),
    _parameter("net/ipv4/conf/*/accept_source_route", 0, _REDIRECTED),
    _parameter("net/ipv4/conf/*/send_redirects", 0, "others are led astray in this host's name"),
    _parameter("net/ipv4/conf/*/log_martians", 1, "packets with impossible senders leave no trace"),
    _parameter("net/ipv4/conf/all/rp_filter", 1, _SPOOFED, 2),
    _parameter("net/ipv4/tcp_syncookies", 1, "half-open connections use up all there can be", 2),
    _parameter("net/ipv4/icmp_echo_ignore_broadcasts", 1, "it amplifies floods against others"),
    _parameter("net/ipv4/icmp_ignore_bogus_error_responses", 1, "broken packets fill the log"),
    _parameter("net/ipv6/conf/*/accept_redirects", 0, _REDIRECTED),
    _parameter("net/ipv6/conf/*/accept_source_route", 0, _REDIRECTED, -1),
    _parameter("net/core/bpf_jit_harden", 2, _LEAKED),
    _parameter("kernel/dmesg_restrict", 1, _LEAKED),
    _parameter("kernel/kptr_restrict", 2, _LEAKED, 1),
    _parameter("kernel/perf_event_paranoid", 3, _LEAKED, 4),
    _parameter("kernel/randomize_va_space", 2, "known addresses make every overflow easier"),
    _parameter("kernel/unprivileged_bpf_disabled", 1, "anybody may run programs in the kernel", 2),
    _parameter("kernel/yama/ptrace_scope", 1, "a user's programs read each other's memory", 2, 3),
    _parameter("dev/tty/ldisc_autoload", 0, "anybody can load old drivers of serial lines"),
    _parameter("fs/protected_fifos", 2, _TRICKED, 1),
    _parameter("fs/protected_hardlinks", 1, _TRICKED),
    _parameter("fs/protected_regular", 2, _TRICKED, 1),
    _parameter("fs/protected_symlinks", 1, _TRICKED),
    _parameter("fs/suid_dumpable", 0, "memory of a privileged program is left in a file", 2),
)

MODULES = ("dccp", "firewire-ohci", "rds", "sctp", "tipc", "usb-storage")
"""Drivers that a server seldom needs: protocols with a long history of holes, and storage that
somebody in front of the machine could plug in."""


def matching(values: Mapping[str, str], pattern: str) -> dict[str, str]:
    """Return those values that a name, or a pattern for each interface, stands for."""
    return {name: value for name, value in values.items() if fnmatch.fnmatchcase(name, pattern)}


def render(values: Mapping[str, str]) -> str:
    """Return the text of a file of sysctl.d."""
    return "\n".join([_HEAD, *(f"{name} = {values[name]}" for name in sorted(values))]) + "\n"


def parse(text: str) -> dict[str, str]:
    """Return the values of a file that `render` wrote."""
    found = (_LINE.fullmatch(line) for line in text.split("\n"))
    return {match[1]: match[2] for match in found if match}


def render_modules(names: Mapping[str, str]) -> str:
    """Return the text of a file of modprobe.d that loads none of these modules."""
    lines = [f"install {name} /bin/false" for name in sorted(names)]
    return "\n".join([_HEAD, *lines]) + "\n"


def parse_modules(text: str) -> dict[str, str]:
    """Return the modules that such a file refuses."""
    found = (_MODULE.fullmatch(line) for line in text.split("\n"))
    return {match[1]: "refused" for match in found if match}
