"""The future state is tried out before the host is touched.

Aside, with a private copy of /etc, the steps are done that decide who gets in, and the programs
and people that will meet them are asked whether they still can.
"""

from __future__ import annotations

import shutil
from typing import Any, Dict, List, Optional

from . import doors, places
from .aside import aside
from .failed import Failed
from .places import call
from .sshd_folder import preparation
from .step import Step

# What is asked, where the program is installed, once a file below one of the paths changes.
CHECKS = (
    (("/etc/ssh/",), ["sshd", "-t"]),
    (("/etc/sudoers",), ["visudo", "-c", "-q"]),
)
PAM = ("/etc/pam.d/", "/etc/security/")


def doors_before(steps: List[Step]) -> Optional[Dict[str, Any]]:
    """Return who gets through PAM before the first step, None where PAM stays as it is."""
    return aside(doors.open_doors) if any(map(_touches_pam, steps)) else None


def try_out(steps: List[Step], before: Optional[Dict[str, Any]]) -> None:
    """Raise Failed when a program would refuse what the steps write, or PAM lock people out.

    `before` is what `doors_before` returned; packages are installed meanwhile.
    """
    for one in steps:
        if one.wire["kind"] == "firewall" and "text" in one.wire:
            _accepts(["nft", "-c", "-f", "-"], one.wire["text"])
    tried = [one for one in steps if _can_be_tried(one)]
    passwords = [one.wire for one in steps if one.wire["kind"] == "password" and _given(one.wire)]
    if tried or passwords or before is not None:
        aside(lambda: _inside(tried, passwords, before))


def _touches_pam(one: Step) -> bool:
    return one.wire["kind"] in ("packages", "pam") or _below(PAM, [str(one.wire.get("path", ""))])


def _can_be_tried(one: Step) -> bool:
    kind, path = one.wire["kind"], str(one.wire.get("path", ""))
    if one.wire.get("read_by") == "systemd":
        return False  # it would be told about files that it cannot see
    return kind == "pam" or (kind in ("file", "folder") and path.startswith("/etc/"))


def _given(wire: Dict[str, Any]) -> bool:
    return "password" in wire  # the way back of a step has none


def _inside(
    tried: List[Step], passwords: List[Dict[str, Any]], before: Optional[Dict[str, Any]]
) -> Dict[str, Any]:
    prepare = preparation()
    if prepare is not None:
        prepare()
    paths = [str(one.wire.get("path", "")) for one in tried]
    for one in tried:
        one.do(lambda _: None)
    for below, program in CHECKS:
        if _below(below, paths) and shutil.which(program[0], path=places.ENVIRONMENT["PATH"]):
            _accepts(program)
    if before is not None:
        doors.require_as_open(before)
    for wire in passwords:
        doors.require_password(wire["account"], wire["password"])
    return {}


def _below(folders: "tuple[str, ...]", paths: List[str]) -> bool:
    return any(path.startswith(folders) for path in paths)


def _accepts(argv: List[str], text: str = "") -> None:
    done = call(argv, text=text)
    if done.returncode != 0:
        said = (done.stderr + done.stdout).strip().splitlines() or ["it said nothing"]
        raise Failed(f"{' '.join(argv[:2])} would refuse it: {said[0][:300]}", "invalid")
