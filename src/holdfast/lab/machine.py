"""What this machine must be and have before a lab can stand on it."""

import os
import shutil
import sys
from pathlib import Path

from holdfast.lab.apt_sources import KEYRING
from holdfast.lab.bases import Report
from holdfast.lab.commands import perform
from holdfast.lab.errors import LabError
from holdfast.lab.recipe import NEEDED_PROGRAMS
from holdfast.lab.records import folder

_INSTALL_WITHIN_S = 600.0
_WATCHES = Path("/proc/sys/fs/inotify/max_user_instances")
_WATCHES_A_HOST = 8  # systemd, journald, udevd and D-Bus of a server take five together
_WATCHES_OF_OTHERS = 128  # the kernel's default: what this machine lived on before


def require(report: Report) -> None:
    """Raise LabError unless labs can run here; as root on Debian, install what is missing."""
    require_root()
    if any(character in str(folder()) for character in " :,\\\n"):
        raise LabError(f"HOLDFAST_LAB_DIR is {folder()}: choose a path without space, : , or \\")
    missing = {package for name, package in NEEDED_PROGRAMS.items() if not shutil.which(name)}
    if not KEYRING.exists():
        missing.add("debian-archive-keyring")
    if not missing:
        return
    packages = sorted(missing)
    if not Path("/etc/debian_version").exists() or not shutil.which("apt-get"):
        raise LabError(f"this machine lacks what the lab needs: install {' '.join(packages)}")
    report(f"installing {' '.join(packages)}")
    perform(["apt-get", "-qq", "update"], timeout_s=_INSTALL_WITHIN_S)
    perform(
        ["apt-get", "-qq", "-y", "install", "--no-install-recommends", *packages],
        timeout_s=_INSTALL_WITHIN_S,
    )


def make_room(hosts: int, report: Report) -> None:
    """Let the root user hold as many inotify instances as this many hosts of all labs need.

    inotify(7): the limit counts per user, and root is the same user in every host. A systemd that
    gets none does not boot. It is raised until the next boot of this machine, and never lowered.
    """
    needed = _WATCHES_OF_OTHERS + _WATCHES_A_HOST * hosts
    if int(_WATCHES.read_text()) < needed:
        report(f"raising fs.inotify.max_user_instances to {needed}: each server needs some")
        _WATCHES.write_text(str(needed))


def require_root() -> None:
    """Raise LabError unless this is root on Linux."""
    if sys.platform != "linux":
        raise LabError("a lab needs Linux: run it on a Linux machine, or in a virtual one")
    if os.geteuid() != 0:
        raise LabError("a lab needs root on this machine: run it with sudo")
