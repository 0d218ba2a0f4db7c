"""Where the hand keeps things on the host, and how it calls the host's programs."""

from __future__ import annotations

import os
import subprocess
from typing import List, Optional

from .failed import Failed

LIBRARY = "/usr/lib/holdfast"
INSTALLED = LIBRARY + "/hand.pyz"
UNITS = "/usr/local/lib/systemd/system"
STATE = "/var/lib/holdfast"
TRANSACTIONS = STATE + "/transactions"
CURRENT = TRANSACTIONS + "/current"
EVIDENCE = STATE + "/evidence.jsonl"
RUN = "/run/holdfast"
LOCK = RUN + "/lock"

ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}


def call(
    argv: List[str], text: Optional[str] = None, timeout_s: float = 60
) -> "subprocess.CompletedProcess[str]":
    """Run a program of the host, without a shell; its output is returned whatever its status."""
    try:
        return subprocess.run(
            argv,
            input=text if text is not None else "",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env=ENVIRONMENT,
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError:
        raise Failed(f"{argv[0]} is not installed on this host", "missing") from None
    except subprocess.TimeoutExpired:
        raise Failed(f"{argv[0]} did not end within {timeout_s:.0f} s", "slow") from None


def must(argv: List[str], text: Optional[str] = None, timeout_s: float = 60) -> str:
    """Run a program that has to succeed; return its output. Raises Failed with its last line."""
    done = call(argv, text, timeout_s)
    if done.returncode != 0:
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        last = said[-1][:300] if said else "it said nothing"
        raise Failed(f"{' '.join(argv[:3])} ended with {done.returncode}: {last}", "failed")
    return done.stdout


def private_folder(path: str) -> None:
    """Make a folder that only root can enter, and its parents."""
    os.makedirs(path, mode=0o700, exist_ok=True)
