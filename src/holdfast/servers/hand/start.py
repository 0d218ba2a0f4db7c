"""Starting a transaction in its own unit, and following it while the controller listens."""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any, Callable, Dict

from . import files, install, journal, places
from .failed import Failed
from .places import call, must
from .transaction import LONGEST_S

ALIVE_EVERY_S = 1.0  # asking systemd costs more than looking at the progress


def start(request: Dict[str, Any], progress: Callable[[Dict[str, Any]], None]) -> Dict[str, Any]:
    """Hand the bundle over to a unit and follow it until it waits for its confirmation.

    Raises Failed when it failed; by then everything has been taken back.
    """
    bundle = request["bundle"]
    identity = str(bundle["id"])
    if not identity.replace("-", "").isalnum():
        raise Failed(f"{identity!r} cannot be the id of a transaction")
    if os.path.exists(places.CURRENT):
        raise Failed(
            f"transaction {journal.current()['id']} has not ended yet on this host: it is taken "
            "back by itself when nobody confirms it",
            "pending",
        )
    try:
        install.install()
        places.private_folder(places.RUN)
        files.write_record(_bundle(identity), json.dumps(bundle))
    except OSError as error:
        raise Failed(f"nothing was changed: {error.strerror}: {error.filename}") from error
    try:
        must(["systemctl", "start", f"holdfast-transaction@{identity}.service"])
    except BaseException:
        forget_bundle(identity)
        raise
    return _follow(identity, progress)


def taken_bundle(identity: str) -> Dict[str, Any]:
    """Read the bundle and remove it: it holds secrets and is needed once."""
    text = files.read_record(_bundle(identity))
    if text is None:
        raise Failed(f"there is no bundle for transaction {identity}", "none")
    forget_bundle(identity)
    bundle: Dict[str, Any] = json.loads(text)
    return bundle


def forget_bundle(identity: str) -> None:
    """Remove the bundle, also where its process died before it read it."""
    for path in (_bundle(identity), _bundle(identity) + ".draft"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def sayer(identity: str) -> Callable[[Dict[str, Any]], None]:
    """Return a function that appends to the transaction's progress, which lives in memory only."""
    places.private_folder(places.RUN)

    def say(line: Dict[str, Any]) -> None:
        handle = os.open(_progress(identity), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    return say


def _follow(identity: str, progress: Callable[[Dict[str, Any]], None]) -> Dict[str, Any]:
    read = 0
    alive, asked = True, time.monotonic()
    deadline = asked + LONGEST_S + 60
    while time.monotonic() < deadline:
        if time.monotonic() > asked + ALIVE_EVERY_S:
            alive, asked = _alive(identity), time.monotonic()
        lines = (files.read_record(_progress(identity)) or "").split("\n")[:-1]
        for text in lines[read:]:
            line = json.loads(text)
            if "failed" in line:
                raise Failed(line["failed"], line["kind"])
            if "waiting" in line:
                return {"id": identity, "state": journal.WAITING}
            progress(line)
        read = len(lines)
        if not alive:
            raise Failed("the transaction's process died before its first step", "reverted")
        time.sleep(0.03)
    raise Failed("the transaction did not end in time", "slow")


def _alive(identity: str) -> bool:
    unit = f"holdfast-transaction@{identity}.service"
    said = call(["systemctl", "is-active", unit]).stdout.strip()
    return said in ("active", "activating", "deactivating", "reloading")


def _bundle(identity: str) -> str:
    return f"{places.RUN}/bundle-{identity}.json"


def _progress(identity: str) -> str:
    return f"{places.RUN}/progress-{identity}.jsonl"
