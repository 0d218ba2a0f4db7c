"""Lynis audits the host it is installed on; here it is started over SSH, so that it pays for it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.peers import openssh
from bench.running import BenchError, run
from holdfast.lab import Host

_AUDIT = ["lynis", "audit", "system", "--quick", "--no-colors"]
_LOG = "/var/log/lynis.log"
_TEST = re.compile(r"Performing test ID (\S+)")
_POINTS = re.compile(r"Currently having (\d+) points \(out of (\d+)\)")


def install(host: Host) -> str:
    """Install Lynis from the lab's own repository; return its name and version."""
    host.check(["apt-get", "-qq", "-y", "install", "lynis"], timeout_s=300)
    # its daily timer would run in the middle of somebody's measure
    host.check(["systemctl", "--quiet", "disable", "--now", "lynis.timer"])
    return f"Lynis {host.check(['lynis', 'show', 'version']).strip()}"


def audit_seconds(site: Path, host: Host) -> float:
    """Audit the host once; return the wall time. Raises BenchError when it was no whole audit."""
    password = openssh.sudo_password(site).read_text(encoding="utf-8")
    ran = run(openssh.as_root(site, host, _AUDIT), text=password)
    if "Hardening index" not in ran.out:
        raise BenchError("Lynis did not come to its hardening index")
    return ran.seconds


@dataclass(frozen=True)
class Hardening:
    """What Lynis makes of a host: points had, of those to be had, and those missed by test."""

    points: int
    possible: int
    missed: Mapping[str, int]

    @property
    def index(self) -> float:
        """The hardening index in percent; Lynis itself shows it rounded down."""
        return 100 * self.points / self.possible


def hardening(host: Host) -> Hardening:
    """Audit the host from inside, and read the points from its log. Raises BenchError."""
    host.check(_AUDIT, timeout_s=600)
    return points(host.check(["cat", _LOG]))


def points(log: str) -> Hardening:
    """Read what each test gave and what it could have given. Raises BenchError for no points."""
    test, had, possible = "", 0, 0
    missed: Counter[str] = Counter()
    for line in log.splitlines():
        if named := _TEST.search(line):
            test = named[1]
        if now := _POINTS.search(line):
            missed[test] += (int(now[2]) - possible) - (int(now[1]) - had)
            had, possible = int(now[1]), int(now[2])
    if not possible:
        raise BenchError("Lynis gave no points")
    return Hardening(had, possible, +missed)
