"""Carrying out a transaction, and the three ways it ends: committed, reverted, undone later.

`carry_out` runs in a unit of its own (`holdfast-transaction@ID`), so that a lost controller does
no harm. It leaves the transaction *waiting*: only `confirm`, from a new login, commits it.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any, Callable, Dict, List

from . import files, journal, places, validate
from .failed import Failed
from .places import call, must
from .read import snapshot
from .step import Record, Step
from .steps import Firewall, Packages, finish_packages, reload_service, step

LONGEST_S = 1800  # a transaction whose steps take longer is taken back
DEADLINE = "holdfast-deadline"

Say = Callable[[Dict[str, Any]], None]


class _Undo(Step):
    """The way back of one recorded step, as a step itself, so that undo is a transaction too."""

    def __init__(self, original: Step, seen: Record, left: str) -> None:
        super().__init__(original.wire)
        self.original, self.seen = original, seen
        self.guarded = original.guarded
        self.wire = {**original.wire, "expect": left}

    def look(self) -> Record:
        return self.original.look()

    def as_expected(self, held: str, expected: str) -> bool:
        return self.original.as_expected(held, expected)

    def do(self, say: Callable[[str], None]) -> None:
        if not self.guarded and self.look()["state"] != self.wire["expect"]:
            say("PAM was changed by somebody else since: it is left as it is")
            return
        self.original.restore(self.seen)

    def restore(self, seen: Record) -> None:
        self.original.restore(seen)


def carry_out(bundle: Dict[str, Any], say: Say) -> None:
    """Run every step of a bundle; afterwards it waits for its confirmation.

    The bundle has `id`, `confirm_within` (seconds) and either `changes` or `undo` (the id of a
    committed transaction). Any failure takes back what was done. Raises Failed.
    """
    with journal.lock(wait_s=0):
        undoes = str(bundle.get("undo", ""))
        steps = _undoing(undoes) if undoes else [step(wire) for wire in bundle["changes"]]
        _unmoved(steps)
        _sshd_has_read_its_files(steps)
        try:
            journal.begin(bundle["id"], len(steps), undoes)
        except OSError as error:
            raise Failed(f"nothing was changed: {error.strerror}", "failed") from error
        try:
            _arm(bundle["id"], "steps", LONGEST_S)
            _run(steps, say)
            _arm(bundle["id"], "confirm", float(bundle["confirm_within"]))
            journal.set_state(journal.WAITING)
            _disarm(bundle["id"], "steps")
        except Exception as error:
            outcome = _take_back(at_boot=False)
            _disarm(bundle["id"])
            reason = str(error) if isinstance(error, Failed) else f"{type(error).__name__}: {error}"
            raise Failed(f"{reason}; {outcome['told']}", "reverted") from error


def _run(steps: List[Step], say: Say) -> None:
    doors = validate.doors_before(steps)
    packages = sum(isinstance(doing, Packages) for doing in steps)  # they come first
    for number, doing in enumerate(steps):
        if number == packages:
            validate.try_out(steps, doors)
        say({"step": number, "of": len(steps)})
        journal.before(number, doing, doing.look())
        doing.do(lambda text: say({"note": text}))
        journal.after(number, str(doing.look()["state"]))
    if packages == len(steps):
        validate.try_out(steps, doors)
    for name in _readers(steps):
        reload_service(name)


def _unmoved(steps: List[Step]) -> None:
    """Refuse when a resource is not any more as the plan, or the undo, takes it to be."""
    for doing in steps:
        if not doing.guarded:
            continue
        held, expected = str(doing.look()["state"]), doing.wire.get("expect")
        if expected and not doing.as_expected(held, expected):
            name = doing.wire.get("path") or doing.wire.get("name") or doing.wire.get("account")
            raise Failed(
                f"{doing.wire['kind']} {name or ''} was changed by somebody else meanwhile "
                f"({expected[:60]!r} is now {held[:60]!r}): look at it, then start again",
                "moved",
            )


def _sshd_has_read_its_files(steps: List[Step]) -> None:
    """Refuse where a reload would bring what somebody else wrote to life: no revert undoes that."""
    if "ssh.service" not in _readers(steps):
        return
    sshd = snapshot()["sshd"]
    if "unreadable" in sshd or (sshd["running"] and sshd["changed"] > sshd["loaded"]):
        raise Failed("sshd has not read yet what somebody wrote: plan again", "moved")


def _undoing(identity: str) -> List[Step]:
    folder = f"{places.TRANSACTIONS}/{_plain(identity)}"
    text = files.read_record(folder + "/state.json")
    if text is None or json.loads(text)["state"] != journal.COMMITTED:
        raise Failed(f"there is no committed transaction {identity} on this host", "none")
    return [_Undo(original, seen, left) for original, seen, left in journal.steps_of(folder)]


def confirm(identity: str, evidence: List[Record]) -> Dict[str, Any]:
    """Commit a waiting transaction. Raises Failed when it has been taken back already."""
    with journal.lock(wait_s=30):
        try:
            state = journal.current()
        except Failed:
            state = {"id": "", "state": ""}
        if _ended(identity) == journal.COMMITTED:
            return {"id": identity, "state": journal.COMMITTED}  # asked again: the answer was lost
        if state["id"] != identity or state["state"] != journal.WAITING:
            raise Failed(f"transaction {identity} is not waiting any more", "reverted")
        journal.end(journal.COMMITTED)
        if state.get("undoes"):
            _mark_undone(state["undoes"])
    _disarm(identity)
    with contextlib.suppress(OSError):  # committed is committed; evidence can be given again
        witness(evidence)
    return {"id": identity, "state": journal.COMMITTED}


def _ended(identity: str) -> str:
    """Return how a transaction that is no longer under way has ended, "none" for an unknown one."""
    text = files.read_record(f"{places.TRANSACTIONS}/{_plain(identity)}/state.json")
    return str(json.loads(text)["state"]) if text else "none"


def witness(evidence: List[Record]) -> Dict[str, Any]:
    """Append evidence of what has just been proven on this host."""
    places.private_folder(places.STATE)
    handle = os.open(places.EVIDENCE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        for record in evidence:
            fields = {key: str(record[key]) for key in ("kind", "subject", "bound_to")}
            file.write(json.dumps({**fields, "at": time.time()}) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return {"recorded": len(evidence)}


def take_back(identity: str = "", at_boot: bool = False) -> Dict[str, Any]:
    """Revert the armed transaction, if there is one and it is the one meant."""
    with journal.lock(wait_s=60):
        try:
            state = journal.current()
        except Failed:
            state = {"id": ""}
        if not state["id"] or (identity and state["id"] != identity):
            ended = _ended(identity) if identity else "none"
            return {"state": ended, "told": f"it had ended already: {ended}"}
        outcome = _take_back(at_boot)
    _disarm(str(outcome["id"]))
    return outcome


def _take_back(at_boot: bool) -> Dict[str, Any]:
    journal.free_ballast()
    kept = []
    done = journal.steps_of(places.CURRENT)
    if not at_boot and any(isinstance(doing, Packages) and not left for doing, _, left in done):
        with contextlib.suppress(Failed):
            finish_packages()
    for doing, seen, left in done:
        if at_boot and isinstance(doing, Firewall):
            continue  # no table of ours is loaded yet
        problem = _restore(doing, seen, left)
        if problem:
            kept.append(problem)
    if not at_boot:
        for name in _readers([doing for doing, _, _ in done]):
            try:
                _revive(name)
            except Failed as error:
                kept.append(str(error))
    state = journal.PARTLY if kept else journal.REVERTED
    identity = journal.end(state)
    told = "everything was taken back" if not kept else "taken back except: " + "; ".join(kept)
    return {"id": identity, "state": state, "kept": kept, "told": told}


def _revive(service: str) -> None:
    """Have a service read what was restored; start it if what it read before has killed it."""
    failed = call(["systemctl", "is-failed", "--quiet", service]).returncode == 0
    if failed:
        call(["systemctl", "reset-failed", service])
        must(["systemctl", "start", service])
    else:
        reload_service(service)


def _restore(doing: Step, seen: Record, left: str) -> str:
    """Restore one step; return why it could not be, or "". What somebody else changed stays."""
    problem = ""
    for _ in range(3):
        try:
            now = str(doing.look()["state"])
            if doing.stands_for(now, seen):
                return ""
            if left and now != left:
                return f"{doing.wire['kind']} was changed by somebody else since"
            doing.restore(seen)
            return ""
        except (Failed, OSError, KeyError) as error:
            problem = f"{doing.wire['kind']}: {error}"
    return problem


def _readers(steps: List[Step]) -> List[str]:
    names = {str(doing.wire.get("read_by", "")) for doing in steps}
    return sorted(names - {"", "systemd"})


def _arm(identity: str, what: str, after_s: float) -> None:
    """Set a timer that takes the transaction back, and tries again should that fail."""
    must(
        [
            "systemd-run",
            "--quiet",
            f"--unit={DEADLINE}-{identity}-{what}",
            "--property=Restart=on-failure",
            "--property=RestartSec=5",
            f"--on-active={after_s:.3f}",
            "--timer-property=AccuracySec=100ms",
            "--timer-property=RemainAfterElapse=no",
            "/usr/bin/python3",
            "-I",
            places.INSTALLED,
            "deadline",
            identity,
        ]
    )


def _disarm(identity: str, what: str = "*") -> None:
    call(["systemctl", "--quiet", "stop", f"{DEADLINE}-{identity}-{what}.timer"])


def _mark_undone(identity: str) -> None:
    path = f"{places.TRANSACTIONS}/{_plain(identity)}/state.json"
    state = json.loads(files.read_record(path) or "{}")
    files.write_record(path, json.dumps({**state, "state": journal.UNDONE}))


def _plain(identity: str) -> str:
    if not identity.replace("-", "").isalnum():
        raise Failed(f"{identity!r} is not the id of a transaction")
    return identity
