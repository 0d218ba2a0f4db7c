"""Undo: a committed transaction is taken back, as a transaction of its own.

It is armed, confirmed and reverted like any other: an undo that took away the last way in would
take itself back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from holdfast.servers.apply import Run, confirm, new_identity, start
from holdfast.servers.fleet import Line, taken
from holdfast.servers.snapshot import Snapshot, judged
from holdfast.site import Host

COMMITTED = "committed"


class NothingToUndo(Exception):
    """The host knows no such committed transaction; the message says what it knows."""


async def undo(run: Run, host: Host, identity: str | None, say: Callable[[str], None]) -> str:
    """Take back one transaction, by default the last; return its id.

    Raises NothingToUndo, Reverted, SessionError (HandFailed where somebody has changed a resource
    since; nothing was done then).
    """
    line = await run.fleet.line(host.name)
    chosen = _chosen(host, await taken(line), identity)
    say(f"taking back {chosen}")

    def progress(step: dict[str, Any]) -> None:
        if "step" in step:
            say(f"undo {int(step['step']) + 1}/{step.get('of')}")

    own = new_identity()
    bundle = {"id": own, "undo": chosen, "confirm_within": run.confirm_within_s}
    await start(line, {"bundle": bundle}, progress)
    users = tuple(dict.fromkeys((run.site.operator, run.fleet.first_login)))
    await confirm(run, host, own, line, _readable, say, users)
    return chosen


async def _readable(fresh: Line) -> None:
    await taken(fresh)


def _chosen(host: Host, snapshot: Snapshot, identity: str | None) -> str:
    committed = [one for one in judged(snapshot.transactions) if one.state == COMMITTED]
    done = [one.id for one in committed if not one.undoes]
    if identity is None and done:
        return done[-1]
    if identity is not None and identity in {one.id for one in committed}:
        return identity
    known = f"it knows {', '.join(done[-5:])}" if done else "it knows none"
    raise NothingToUndo(f"{host.name}: no committed transaction {identity or ''}: {known}")
