"""Ansible checks the host against a playbook, set up as those who care for its speed set it up.

Pipelining; one SSH connection that stays open from run to run, so that only the first one logs in;
no facts gathered; the host's Python named, so that it is not searched for.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.peers import openssh
from bench.running import BenchError, Ran, run
from holdfast.lab import Host

_PLAYBOOK = Path(__file__).with_name("servers.yml")
_CONFIG = Path(__file__).with_name("ansible.cfg")
_INSTALL = ["apt-get", "-qq", "-y", "--no-install-recommends", "install", "ansible-core"]
_OPEN_S = 120
FORKS = "10"  # what Holdfast does at once unless told otherwise
_WANTED = (
    "/etc/ssh/sshd_config.d/00-holdfast.conf",
    "/etc/holdfast/firewall.nft",
    "/etc/systemd/system/holdfast-firewall.service",
)
_ENDED = (0, 2, 4)  # all well, a task failed, the host was not reached
_NO_CHANGE = re.compile(r"ok=\d+ +changed=0 +unreachable=0 +failed=0")


def install() -> str:
    """Install ansible-core on this machine unless it is there; return its name and version."""
    if shutil.which("ansible-playbook") is None:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise BenchError("the peer is missing: apt-get install ansible-core")
        run(_INSTALL, environment={"DEBIAN_FRONTEND": "noninteractive"}, timeout_s=600)
    version = re.search(r"core ([0-9.]+)", run(["ansible-playbook", "--version"]).out)
    return f"ansible-core {version[1] if version else '(version unknown)'}"


@dataclass(frozen=True)
class Checks:
    """Ansible, ready to check one host."""

    argv: tuple[str, ...]
    environment: dict[str, str]

    def seconds(self) -> float:
        """Check once; return the wall time. Raises BenchError unless everything was in order."""
        ran = run(self.argv, environment=self.environment, good=_ENDED)
        if _NO_CHANGE.search(ran.out) is None:
            raise BenchError(f"Ansible saw another host than Holdfast: {_differing(ran)}")
        return ran.seconds


@contextmanager
def ready(site: Path, host: Host) -> Iterator[Checks]:
    """Checks of a finished host: the playbook wants what that host has."""
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        folder = Path(place)
        for path in _WANTED:
            (folder / Path(path).name).write_text(host.check(["cat", path]), encoding="utf-8")
        (folder / "hosts.ini").write_text(_inventory(site, host, folder), encoding="utf-8")
        argv = (
            *("ansible-playbook", "--check", "--diff", "--inventory", str(folder / "hosts.ini")),
            *("--become-password-file", str(openssh.sudo_password(site))),
            *("--extra-vars", f"wanted={folder} key_file={site}/keys/{openssh.ADMIN}_ed25519.pub"),
            str(_PLAYBOOK),
        )
        try:
            yield Checks(argv, _environment(folder))
        finally:
            _log_out(host, folder)


@dataclass(frozen=True)
class Gathering:
    """Ansible, ready to gather the facts of many hosts."""

    argv: tuple[str, ...]
    environment: dict[str, str]
    hosts: int

    def seconds(self) -> float:
        """Gather once; return the wall time. Raises BenchError unless every host answered."""
        ran = run(self.argv, environment=self.environment, good=_ENDED)
        if ran.out.count(" | SUCCESS => ") != self.hosts:
            raise BenchError(f"Ansible did not reach every host: {_differing(ran)}")
        return ran.seconds


@contextmanager
def facts(site: Path, hosts: Sequence[Host]) -> Iterator[Gathering]:
    """The facts of all hosts, read as root, as many at once as Holdfast reads."""
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        folder = Path(place)
        lines = (_inventory(site, host, folder) for host in hosts)
        (folder / "hosts.ini").write_text("".join(lines), encoding="utf-8")
        argv = (
            *("ansible", "all", "--inventory", str(folder / "hosts.ini"), "--forks", FORKS),
            *("--become-password-file", str(openssh.sudo_password(site))),
            *("--module-name", "ansible.builtin.setup"),
        )
        try:
            yield Gathering(argv, _environment(folder), len(hosts))
        finally:
            for host in hosts:
                _log_out(host, folder)


def _environment(folder: Path) -> dict[str, str]:
    return {
        "ANSIBLE_CONFIG": str(_CONFIG),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "LC_ALL": "C.UTF-8",
    }


def _control(folder: Path, host: Host) -> str:
    return f"ControlPath={folder}/{host.name}"


def _log_out(host: Host, folder: Path) -> None:
    target = f"{openssh.ADMIN}@{host.public}"
    run(["ssh", "-F/dev/null", "-o", _control(folder, host), "-O", "exit", target], good=(0, 255))


def _inventory(site: Path, host: Host, folder: Path) -> str:
    words = [
        *openssh.options(site),
        *("-o", "ControlMaster=auto", "-o", f"ControlPersist={_OPEN_S}s"),
        *("-o", _control(folder, host)),
    ]
    return (
        f"{host.name} ansible_host={host.public} ansible_user={openssh.ADMIN} "
        "ansible_python_interpreter=/usr/bin/python3 "
        f'ansible_ssh_args="{" ".join(words)}"\n'
    )


def _differing(ran: Ran) -> str:
    """The task at which a run first found or met something unexpected."""
    task = "no task"
    for line in ran.out.splitlines():
        if line.startswith("TASK ["):
            task = line
        elif line.startswith(("changed:", "fatal:", "failed:")):
            return f"{task} {line}"[:400]
    return (ran.err.strip() or ran.out.strip())[-400:]
