"""Holdfast as a person runs it, and a second opinion on whether a host still lets its people in.

The second opinion is OpenSSH's own client: it shares no code with what it checks.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.lab import Host
from holdfast.servers.snapshot import Snapshot, read_snapshot
from holdfast.servers.zipapp import hand_zip

TRANSACTIONS = "/var/lib/holdfast/transactions"
OWN_UNITS = ("holdfast-revert.service", "holdfast-transaction.service")
PACKAGED = {
    "/etc/default/debsums",
    "/etc/nftables.conf",
    "/etc/pam.d/sudo",
    "/etc/pam.d/sudo-i",
    "/etc/security/pwquality.conf",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/sudoers.d/README",
}


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


def command(verb: str, *arguments: str, site: Path) -> list[str]:
    file = str(site / "holdfast.toml")
    return [sys.executable, "-m", "holdfast.cli.main", verb, *arguments, "--site", file]


def holdfast(verb: str, *arguments: str, site: Path, timeout_s: float = 300) -> Done:
    """Run one command without a terminal."""
    done = subprocess.run(
        command(verb, *arguments, site=site),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


def apply(site: Path, host: str, *arguments: str) -> Done:
    return holdfast("apply", host, "--yes", "--verbose", *arguments, site=site)


@contextmanager
def started(verb: str, *arguments: str, site: Path) -> Iterator[subprocess.Popen[str]]:
    """Run one command in the background; it is ended with the context."""
    process = subprocess.Popen(
        command(verb, *arguments, site=site),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """Read the progress of a command until a line holds these words; return that line."""
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if words in line:
            return line
    raise AssertionError(f"it ended before it said {words!r}: {''.join(seen)}")


def ssh(site: Path, host: Host, user: str, key: str, argv: Sequence[str], text: str = "") -> Done:
    """Run a command over OpenSSH's client with one key and nothing else."""
    done = subprocess.run(
        [
            "ssh",
            "-F/dev/null",
            *("-i", str(site / "keys" / key)),
            *("-o", "IdentitiesOnly=yes"),
            *("-o", "BatchMode=yes"),
            *("-o", "ConnectTimeout=5"),
            *("-o", f"UserKnownHostsFile={site}/.holdfast/known_hosts"),
            f"{user}@{host.public}",
            *argv,
        ],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def admin_gets_in(site: Path, host: Host) -> bool:
    """Whether the admin logs in with the key and becomes root with the password."""
    password = (site / "keys" / "admin.sudo").read_text().strip()
    argv = ["sudo", "-k", "-S", "-p", "''", "id", "-u"]
    done = ssh(site, host, "admin", "admin_ed25519", argv, password + "\n")
    return done.code == 0 and done.out.strip() == "0"


def root_gets_in(site: Path, host: Host) -> bool:
    """Whether the provider's key still logs in as root."""
    done = ssh(site, host, "root", "root_ed25519", ["id", "-u"])
    return done.code == 0 and done.out.strip() == "0"


def eventually(true: Callable[[], bool], within_s: float, what: str) -> None:
    """Wait for a condition; fail, naming it, when it does not come about."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(0.1)


def armed(host: Host) -> bool:
    """Whether a transaction on the host has neither been committed nor taken back."""
    return host.run(["test", "-e", f"{TRANSACTIONS}/current"]).returncode == 0


def states(host: Host) -> list[str]:
    """Return how the host's transactions ended, the oldest first."""
    paths = host.run(["find", TRANSACTIONS, "-name", "state.json"]).stdout.split()
    held = [json.loads(host.check(["cat", path])) for path in paths]
    return [str(state["state"]) for state in sorted(held, key=lambda state: state["at"])]


def seen(host: Host, *through: str) -> Snapshot:
    """Read a snapshot inside the host, without SSH, by the same hand.

    `through` is a command that runs another one.
    """
    code = (
        "import sys, os, json, hashlib\n"
        "data = bytes.fromhex(sys.stdin.read())\n"
        "fd = os.memfd_create('hand'); os.write(fd, data)\n"
        "sys.path.insert(0, '/proc/self/fd/%d' % fd)\n"
        "from hand.read import snapshot\n"
        "print(json.dumps(snapshot()))\n"
    )
    argv = [*through, "python3", "-I", "-c", code]
    return read_snapshot(host.check(argv, input=hand_zip().data.hex()))


def settled(snapshot: Snapshot, before: Snapshot | None = None) -> dict[str, Any]:
    """Return what a transaction must leave as it was.

    Left out: times, evidence, the transactions themselves, the hand's own units, packages with the
    files and units that came with them (they stay), and accounts that did not exist before and
    that nobody can use now (they are locked, never deleted).
    """
    data = snapshot.model_dump()
    for name in ("at", "seconds", "boot", "packages", "evidence", "transactions", "listeners"):
        del data[name]
    for name in ("changed", "loaded", "effective"):
        data["sshd"].pop(name, None)
    data["sshd"]["decides"] = _decisions(snapshot)
    known = set(data["accounts"]) if before is None else set(before.model_dump()["accounts"])
    for name, account in list(data["accounts"].items()):
        if name not in known and account["expired"] and account["password"] == "locked":
            del data["accounts"][name]
            data["groups"].pop(name, None)
    held = data if before is None else before.model_dump()
    for name in list(data["units"]):
        if name in OWN_UNITS or held["units"][name]["enabled"] == "not-found":
            del data["units"][name]
    for path in set(data["files"]) - set(held["files"]):
        if path in PACKAGED or path.endswith(".dpkg-new"):
            del data["files"][path]
    if not held["sudo"]["installed"]:
        del data["sudo"]
    if "unattended-upgrades" not in (snapshot if before is None else before).packages:
        del data["apt"]
    del data["firewall"]["installed"]
    return data


def _decisions(snapshot: Snapshot) -> dict[str, Any]:
    """What sshd decides for root and for a stranger: accounts come and go, these two stay."""
    sshd = snapshot.model_dump()["sshd"]
    return {
        f"{e['user']} {e['address']}": e["settings"]
        for e in sshd["effective"]
        if e["user"] in ("root", "holdfast-stranger")
    }
