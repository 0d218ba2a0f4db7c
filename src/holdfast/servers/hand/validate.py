"""The future state is tried out before the host is touched.

In a mount namespace of its own, with an overlay over /etc, the files of the transaction are put
in place and the programs that will read them are asked whether they can.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import Any, Dict, List

from . import files, places
from .failed import Failed
from .places import call
from .sshd_folder import preparation
from .steps import Step

# What is asked, where the program is installed, once a file below one of the paths changes.
CHECKS = (
    (("/etc/ssh/",), ["sshd", "-t"]),
    (("/etc/sudoers",), ["visudo", "-c", "-q"]),
)


def try_out(steps: List[Step]) -> None:
    """Raise Failed when a program would refuse what the steps write."""
    texts = [s.wire["text"] for s in steps if s.wire["kind"] == "firewall" and "text" in s.wire]
    for text in texts:
        _accepts(["nft", "-c", "-f", "-"], text)
    written = [s.wire for s in steps if s.wire["kind"] == "file" and "content" in s.wire]
    inside_etc = [wire for wire in written if wire["path"].startswith("/etc/")]
    if not inside_etc:
        return
    if not os.path.isfile(places.INSTALLED):
        raise Failed("the hand is not installed on this host")
    me = ["unshare", "--mount", "--propagation", "private", sys.executable, "-I", places.INSTALLED]
    done = call([*me, "validate"], text=json.dumps(inside_etc), timeout_s=120)
    if done.returncode != 0:
        raise Failed((done.stderr.strip() or "validation failed").splitlines()[-1], "invalid")


def inside(wires: List[Dict[str, Any]]) -> None:
    """Run in the private namespace: lay the overlay, write, ask. Raises Failed, OSError."""
    prepare = preparation()
    if prepare is not None:
        prepare()
    draft = places.RUN + "/validate"
    places.private_folder(draft)
    _accepts(["mount", "-t", "tmpfs", "-o", "mode=0700,size=16m", "tmpfs", draft])
    for part in ("upper", "work"):
        os.mkdir(f"{draft}/{part}")
    layers = f"lowerdir=/etc,upperdir={draft}/upper,workdir={draft}/work"
    _accepts(["mount", "-t", "overlay", "-o", layers, "overlay", "/etc"])
    for wire in wires:
        os.makedirs(os.path.dirname(wire["path"]), exist_ok=True)
        content = wire["content"].encode()
        files.put(wire["path"], content, wire["mode"], wire["owner"], wire["group"])
    for below, program in CHECKS:
        touched = any(wire["path"].startswith(below) for wire in wires)
        if touched and shutil.which(program[0], path=places.ENVIRONMENT["PATH"]):
            _accepts(program)


def _accepts(argv: List[str], text: str = "") -> None:
    done = call(argv, text=text)
    if done.returncode != 0:
        said = (done.stderr + done.stdout).strip().splitlines() or ["it said nothing"]
        raise Failed(f"{' '.join(argv[:2])} would refuse it: {said[0][:300]}", "invalid")
