"""What the hand's units call: one word and the transaction's id."""

from __future__ import annotations

import contextlib
import sys
from typing import List

from . import journal, start, transaction
from .failed import Failed
from .places import call


def main() -> None:
    sys.exit(_main(sys.argv[1:]))


def _main(argv: List[str]) -> int:
    word, identity = [*argv, "", ""][:2]
    try:
        if word == "carry-out":
            return _carry_out(identity)
        if word == "clean-up":
            _clean_up(identity)
        elif word == "deadline":
            with contextlib.suppress(Failed):
                unit = f"holdfast-transaction@{identity}.service"
                call(["systemctl", "stop", unit], timeout_s=300)
            transaction.take_back(identity)
        elif word == "again":
            transaction.take_back()
        elif word == "boot":
            transaction.take_back(at_boot=True)
        else:
            raise Failed(f"the hand does not know {word!r}")
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _carry_out(identity: str) -> int:
    say = start.sayer(identity)
    try:
        transaction.carry_out(start.taken_bundle(identity), say)
    except Failed as error:
        say({"failed": str(error), "kind": error.kind})
        return 1
    except Exception as error:
        say({"failed": f"{type(error).__name__}: {error}"[:500], "kind": "defect"})
        raise
    say({"waiting": identity})
    return 0


def _clean_up(identity: str) -> None:
    """After the process of a transaction ended, however it did: what is half done is taken back."""
    start.forget_bundle(identity)
    try:
        state = journal.current()
    except Failed:
        return
    if state["id"] == identity and state["state"] == journal.RUNNING:
        outcome = transaction.take_back(identity)
        start.sayer(identity)(
            {"failed": f"the process was killed; {outcome['told']}", "kind": "reverted"}
        )
