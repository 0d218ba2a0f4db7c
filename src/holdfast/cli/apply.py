"""`holdfast apply`: change the hosts, confirmed by a new login or reverted."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from holdfast.cli.audit import audited
from holdfast.cli.errors import FOUND, GOOD, REVERTED, UNREACHED, WRONG, told
from holdfast.cli.options import (
    Work,
    add_confirmation,
    add_hosts,
    add_output,
    add_self_confirm,
    add_site,
)
from holdfast.cli.plan import planned, shown_plans
from holdfast.report.audits import Audit, HostAudit, exit_code
from holdfast.report.text import finding_counts
from holdfast.servers.apply import Applied, Run, apply
from holdfast.servers.fleet import AT_ONCE, Fleet
from holdfast.servers.python import install_python
from holdfast.servers.session_errors import NoPython, SessionError
from holdfast.servers.snapshot import Snapshot
from holdfast.site import Host
from holdfast.site.errors import escaped
from holdfast.site.this_machine import unprotected_keys


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser("apply", help="change it, confirmed or reverted", description=__doc__)
    add_hosts(parser)
    add_site(parser)
    add_output(parser)
    add_confirmation(parser)
    add_self_confirm(parser)
    parser.set_defaults(run=run)


@dataclass(frozen=True)
class Outcome:
    """How one host ended: what was applied, or the error's exit code and line."""

    host: str
    applied: Applied | None
    code: int
    message: str = ""


def run(arguments: argparse.Namespace) -> int:
    work = Work.load(arguments)
    work.must_be_provable()
    work.must_be_able_to_agree()
    _note_unprotected_key(work)
    outcomes = asyncio.run(_apply(work))
    work.history.keep_run("apply", work.at, _as_data(work, outcomes))
    if arguments.format == "json":
        work.write(json.dumps(_as_data(work, outcomes), indent=2))
    else:
        work.write("\n".join(_line(work, outcome) for outcome in outcomes))
    codes = {outcome.code for outcome in outcomes}
    return next((c for c in (REVERTED, UNREACHED, WRONG, FOUND) if c in codes), GOOD)


def _note_unprotected_key(work: Work) -> None:
    """Say it once, in one line: a person who changes servers should know."""
    for file in () if work.arguments.quiet else unprotected_keys(work.site)[:1]:
        mend = f"ssh-keygen -p -f {shlex.quote(str(file))}"
        print(
            f"holdfast: note: {escaped(str(file))} has no passphrase: whoever gets the file can "
            f"log in; give it one: {escaped(mend)}",
            file=sys.stderr,
        )


async def _apply(work: Work) -> list[Outcome]:
    async with work.fleet() as fleet:
        audit = await audited(work, fleet)
        if await _python_installed(work, fleet, audit):
            audit = await audited(work, fleet)
        plans, failures = planned(work, audit)
        chosen = [plan.host for plan in plans if not plan.empty]
        if chosen and not work.arguments.yes:
            print("\n".join(shown_plans(work, plans, failures, audit)), file=sys.stderr)
        agreed = not chosen or await work.agreed(f"Change {', '.join(chosen)}?")
        failed = [Outcome(f.host, None, *told(f.error)) for f in failures]
        if not agreed:
            return [*failed, *(Outcome(plan.host, None, FOUND, "not changed") for plan in plans)]
        quiet = {plan.host for plan in plans if plan.empty}
        return [*failed, *await _on_all(work, fleet, audit, chosen, quiet)]


async def _on_all(
    work: Work, fleet: Fleet, audit: Audit, chosen: list[str], quiet: set[str]
) -> list[Outcome]:
    """Change the hosts at the same time, a jump host before what lies behind it."""
    snapshots = audit.read
    hosts = {name: host for name, host in work.hosts().items() if name in chosen}
    job = work.run(fleet)
    ended = {name: asyncio.Event() for name in hosts}
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(host: Host) -> Outcome:
        jumps = [h.name for h in work.site.way_to(host.name)] if host.through else []
        for jump in jumps:
            if jump in ended:
                await ended[jump].wait()
        try:
            async with slots:
                return await _on_one(work, job, host, snapshots)
        finally:
            ended[host.name].set()

    changed = await asyncio.gather(*(one(host) for host in hosts.values()))
    alone = [host for host in audit.hosts if host.name in quiet]
    return [*changed, *(_left_alone(host, snapshots[host.name]) for host in alone)]


def _left_alone(host: HostAudit, snapshot: Snapshot) -> Outcome:
    applied = Applied(host.name, (), 0, host.findings, snapshot)
    return Outcome(host.name, applied, exit_code(host.findings))


async def _on_one(work: Work, job: Run, host: Host, snapshots: Mapping[str, Snapshot]) -> Outcome:
    others = {name: held for name, held in snapshots.items() if name != host.name}
    try:
        applied = await apply(job, host, others, lambda text: work.say(host.name, text))
    except Exception as error:
        return Outcome(host.name, None, *told(error))
    if applied.transactions:
        work.history.keep_snapshot(host.name, datetime.now(UTC), applied.snapshot)
    return Outcome(host.name, applied, exit_code(applied.findings))


async def _python_installed(work: Work, fleet: Fleet, audit: Audit) -> bool:
    """Install python3 where that is all that is missing, if agreed; whether any host got it."""
    lacking = [failure.host for failure in audit.failures if isinstance(failure.error, NoPython)]
    if not lacking or not await work.agreed(f"Install python3 on {', '.join(lacking)}?"):
        return False
    for host in lacking:
        work.say(host, "installing python3")
        with contextlib.suppress(SessionError):  # the audit that follows says what is left
            await install_python(fleet, host)
    return True


def _line(work: Work, outcome: Outcome) -> str:
    paint = work.paint()
    if outcome.applied is None:
        message = outcome.message.removeprefix(f"{outcome.host}: ")
        return f"{paint('red', '✘')} {paint('bold', outcome.host)} {paint('red', message)}"
    applied = outcome.applied
    automatic, manual = finding_counts(applied.findings)
    many = f" in {len(applied.transactions)} transactions" if applied.transactions else ""
    left = f"; {manual} gaps are for a person: holdfast audit" if manual else ""
    text = f"{applied.changes} changes{many}, {automatic} automatic gaps left{left}"
    return f"{paint('green', '✔')} {paint('bold', outcome.host)} {text}"


def _as_data(work: Work, outcomes: list[Outcome]) -> dict[str, Any]:
    return {
        "site": work.site.name,
        "at": work.at.isoformat(timespec="seconds"),
        "hosts": [
            {
                "name": outcome.host,
                "exit": outcome.code,
                "error": outcome.message,
                "transactions": list(outcome.applied.transactions) if outcome.applied else [],
                "changes": outcome.applied.changes if outcome.applied else 0,
            }
            for outcome in outcomes
        ],
    }
