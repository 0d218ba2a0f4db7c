"""Lynis audits the host it is installed on; here it is started over SSH, so that it pays for it."""

from __future__ import annotations

from pathlib import Path

from bench.peers import openssh
from bench.running import BenchError, run
from holdfast.lab import Host

_AUDIT = ["lynis", "audit", "system", "--quick", "--no-colors"]


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
