"""Faults put into a host from outside: the product itself has no hook for them.

A drop-in for the transaction's unit runs the very same hand through a small driver that stops it
at one exact point of one step.
"""

from __future__ import annotations

from typing import Literal

from holdfast.lab import Host

Point = Literal["before", "after"]  # the undo is recorded, nothing done yet; done, not recorded
How = Literal["kill", "hang"]

DRIVER = "/root/driver.py"
SCRIPT, ONCE = "/root/meanwhile.sh", "/run/meanwhile"
DROP_IN = "/run/systemd/system/holdfast-transaction@.service.d/fault.conf"

_DRIVER = """\
import os, signal, sys, time
sys.path.insert(0, "/usr/lib/holdfast/hand.pyz")
from hand import journal, main

how, point, step = sys.argv[1], sys.argv[2], int(sys.argv[3])

def stop():
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    open("/run/hanging", "w").close()
    time.sleep(600)

def before(number, *rest, record=journal.before):
    record(number, *rest)
    if (point, step) == ("before", number):
        stop()

def after(number, *rest, record=journal.after):
    if (point, step) == ("after", number):
        stop()
    record(number, *rest)

journal.before, journal.after = before, after
sys.exit(main._main(sys.argv[4:]))
"""


def stop_at(host: Host, how: How, point: Point, step: int) -> None:
    """Have the next transactions of a host die, or hang, at this point of this step."""
    write(host, DRIVER, _DRIVER)
    start = f"/usr/bin/python3 -I {DRIVER} {how} {point} {step} carry-out %i"
    write(host, DROP_IN, f"[Service]\nExecStart=\nExecStart={start}\n")
    host.check(["systemctl", "daemon-reload"])


def meanwhile(host: Host, *commands: str) -> None:
    """Have somebody else do this once, between the next plan and its carrying out."""
    script = "\n".join(["set -e", f"test -e {ONCE} && exit 0", f"touch {ONCE}", *commands])
    write(host, SCRIPT, script + "\n")
    write(host, DROP_IN, f"[Service]\nExecStartPre=/bin/sh {SCRIPT}\n")
    host.check(["systemctl", "daemon-reload"])


def heal(host: Host) -> None:
    """Let transactions run undisturbed again."""
    host.check(["rm", "-f", DROP_IN])
    host.check(["systemctl", "daemon-reload"])


def hanging(host: Host) -> bool:
    return host.run(["test", "-e", "/run/hanging"]).returncode == 0


def write(host: Host, path: str, text: str) -> None:
    """Write a file on the host, as its root."""
    host.check(["install", "-D", "-m", "644", "/dev/stdin", path], input=text)
