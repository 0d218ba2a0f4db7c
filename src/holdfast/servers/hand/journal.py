"""The journal of a transaction: what it is about to do, what was there before, how it ended.

A transaction is a folder under /var/lib/holdfast/transactions and lives in three states:

1. `current/`: armed. It exists from before the first step; while it exists, whatever comes along
   (the transaction's own unit when its process dies, the deadline timer, the boot) takes it back.
2. `ID/` with state `committed`: one rename of `current/` made it so, under the lock. Nothing
   reverts it any more; `undo` can take it back as a transaction of its own.
3. `ID/` with state `reverted` (or `reverted in part`, with what was refused): it was taken back.

Before a step runs, `NNN.before` holds the step and what was seen of its resource; after it,
`NNN.after` the state it left. Both are on the disk before anything else happens.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from typing import Any, Dict, Iterator, List, Tuple

from . import files, places
from .failed import Failed
from .step import Record, Step
from .steps import step

BALLAST = 4 * 1024 * 1024  # bytes, freed before a revert so that it can write on a full disk

RUNNING, WAITING = "running", "waiting"
COMMITTED, REVERTED, PARTLY, UNDONE = "committed", "reverted", "reverted in part", "undone"


@contextlib.contextmanager
def lock(wait_s: float) -> Iterator[None]:
    """Hold the one lock that steps, commit and revert all take. Raises Failed when busy."""
    places.private_folder(places.RUN)
    handle = os.open(places.LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise Failed("another transaction is running on this host", "busy") from None
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def begin(identity: str, changes: int, undoes: str) -> None:
    """Arm: from here on the transaction is taken back unless it is committed."""
    places.private_folder(places.TRANSACTIONS)
    if os.path.exists(places.CURRENT):
        raise Failed(f"transaction {current()['id']} has not ended yet", "pending")
    draft = places.TRANSACTIONS + "/draft"
    os.makedirs(draft, mode=0o700, exist_ok=True)
    for name in os.listdir(draft):
        os.unlink(draft + "/" + name)
    state = {"id": identity, "state": RUNNING, "at": time.time(), "changes": changes}
    try:
        with open(draft + "/ballast", "wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, BALLAST)
        files.write_record(draft + "/state.json", json.dumps({**state, "undoes": undoes}))
    except OSError:
        os.unlink(draft + "/ballast")
        raise
    os.rename(draft, places.CURRENT)
    files.sync_folder(places.TRANSACTIONS)


def current() -> Dict[str, Any]:
    """Return the state of the armed transaction. Raises Failed when none is."""
    text = files.read_record(places.CURRENT + "/state.json")
    if text is None:
        raise Failed("no transaction is under way on this host", "none")
    state: Dict[str, Any] = json.loads(text)
    return state


def set_state(state: str) -> None:
    files.write_record(
        places.CURRENT + "/state.json", json.dumps({**current(), "state": state, "at": time.time()})
    )


def before(number: int, doing: Step, seen: Record) -> None:
    """Record a step and what it will change, before it runs."""
    wire = {key: value for key, value in doing.wire.items() if key != "password"}
    record = json.dumps({"wire": wire, "seen": seen})
    files.write_record(f"{places.CURRENT}/{number:03d}.before", record)


def after(number: int, state: str) -> None:
    files.write_record(f"{places.CURRENT}/{number:03d}.after", json.dumps(state))


def steps_of(folder: str) -> List[Tuple[Step, Record, str]]:
    """Return the recorded steps, the last first: step, what was seen before, the state it left.

    The state is "" for a step that was cut off half-way.
    """
    found = []
    for name in sorted(os.listdir(folder), reverse=True):
        if name.endswith(".before"):
            record = json.loads(files.read_record(f"{folder}/{name}") or "{}")
            left = files.read_record(f"{folder}/{name[:-7]}.after")
            found.append((step(record["wire"]), record["seen"], json.loads(left) if left else ""))
    return found


def end(state: str) -> str:
    """Leave the armed state by one rename; return the transaction's id."""
    identity = str(current()["id"])
    set_state(state)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(places.CURRENT + "/ballast")
    os.rename(places.CURRENT, f"{places.TRANSACTIONS}/{identity}")
    files.sync_folder(places.TRANSACTIONS)
    return identity


def free_ballast() -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(places.CURRENT + "/ballast")
