"""PAM's profiles: switched on as Debian does it, by pam-auth-update, and put back file by file."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Callable, List

from . import files
from .failed import Failed
from .places import must
from .step import Record, Step

ABSENT, NO_FILE = files.ABSENT, "no file"
STACKS = ("auth", "account", "password", "session", "session-noninteractive")
ENABLED, DISABLED = "enabled", "disabled"


def paths() -> List[str]:
    """What pam-auth-update writes: the common stacks, and its own memory of them."""
    common = [f"/etc/pam.d/common-{name}" for name in STACKS]
    return [*common, *(f"/var/lib/pam/{name}" for name in (*STACKS, "seen"))]


def pam_state() -> Record:
    """Return the digest of all these files, and the files themselves."""
    held = {path: _seen(path) for path in paths()}
    states = json.dumps({path: seen["state"] for path, seen in held.items()}, sort_keys=True)
    return {"state": hashlib.sha256(states.encode()).hexdigest(), "pam": held}


def _seen(path: str) -> Record:
    try:
        return files.look(path)
    except Failed:  # a link or worse: pam-auth-update leaves it alone, and so does undo
        return {"state": NO_FILE}


def put_back(seen: Record) -> None:
    """Bring back the files as `pam_state` saw them. Raises Failed, OSError."""
    for path, before in seen["pam"].items():
        if before["state"] in (NO_FILE, _seen(path)["state"]):
            continue
        if before["state"] == ABSENT:
            files.remove(path)
        else:
            content = before["content"].encode("latin-1")
            files.put(path, content, before["mode"], before["owner"], before["group"])


class PamProfile(Step):
    """Switch a profile of /usr/share/pam-configs on; what was edited by hand is left alone."""

    def look(self) -> Record:
        seen = pam_state()
        word = ENABLED if self._enabled() else DISABLED
        return {**seen, "state": f"{word} {seen['state']}"}

    def as_expected(self, held: str, expected: str) -> bool:
        """A plan knows the word alone; an undo also knows what the files were left like."""
        return held == expected or held.split()[0] == expected

    def do(self, say: Callable[[str], None]) -> None:
        must(["pam-auth-update", "--package", "--enable", self.wire["name"]])
        if not self._enabled():
            raise Failed(
                "pam-auth-update leaves /etc/pam.d/common-* alone, since somebody edited them: "
                "run pam-auth-update --force on the host once their edits are looked at"
            )

    def restore(self, seen: Record) -> None:
        put_back(seen)

    def _enabled(self) -> bool:
        path = f"/etc/pam.d/common-{self.wire['stack']}"
        if not os.path.exists(path):
            return False
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = [line.split("#")[0] for line in file]
        return any(self.wire["module"] in line.split() for line in lines)
