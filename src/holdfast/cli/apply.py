"""`holdfast apply`: change the hosts, confirmed by a new login or reverted."""

from __future__ import annotations

import argparse
import asyncio
import json
import shlex
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import starmap
from typing import Any

from holdfast.cli.audit import audited
from holdfast.cli.errors import FOUND, told
from holdfast.cli.options import add_confirmation, add_hosts, add_output, add_self_confirm, add_site
from holdfast.cli.pace import add_pace
from holdfast.cli.plan import planned, shown_plans
from holdfast.cli.summary import FINDINGS, summary, worst
from holdfast.cli.work import Work
from holdfast.report.audits import Audit, HostAudit, exit_code
from holdfast.report.text import finding_counts
from holdfast.servers.apply import Applied, apply
from holdfast.servers.fleet import Failure, Fleet
from holdfast.servers.python import install_python
from holdfast.servers.session_errors import NoPython
from holdfast.servers.snapshot import Snapshot
from holdfast.site.errors import escaped
from holdfast.site.this_machine import unprotected_keys

APPLY_S = 3600.0  # per host; fetching packages may take long


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser("apply", help="change it, confirmed or reverted", description=__doc__)
    add_hosts(parser)
    add_site(parser)
    add_output(parser)
    add_confirmation(parser)
    add_self_confirm(parser)
    add_pace(parser, APPLY_S, ", waiting for confirmation not counted")
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
    codes = [outcome.code for outcome in outcomes]
    work.history.keep_run("apply", work.at, _as_data(work, outcomes))
    if arguments.format == "json":
        work.write(json.dumps(_as_data(work, outcomes), indent=2))
    else:
        lines = [_line(work, outcome) for outcome in outcomes]
        work.write("\n".join([*lines, summary(codes, FINDINGS, work.paint())]))
    return worst(codes)


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
    """Change the hosts, a jump host before what lies behind it."""
    hosts = work.hosts()
    job = work.run(fleet)

    async def one(name: str) -> Applied:
        others = {other: held for other, held in audit.read.items() if other != name}
        unasked = audit.read[name] if work.arguments.yes else None
        done = await apply(job, hosts[name], others, lambda text: work.say(name, text), unasked)
        if done.transactions:
            work.history.keep_snapshot(name, datetime.now(UTC), done.snapshot)
        return done

    def jumps(name: str) -> list[str]:
        return [h.name for h in work.site.way_to(name)] if hosts[name].through else []

    changed = await work.each(chosen, one, APPLY_S, jumps)
    alone = [host for host in audit.hosts if host.name in quiet]
    left = (_left_alone(host, audit.read[host.name]) for host in alone)
    return [*starmap(_outcome, changed.items()), *left]


def _outcome(name: str, ended: Applied | Failure) -> Outcome:
    if isinstance(ended, Failure):
        return Outcome(name, None, *told(ended.error))
    return Outcome(name, ended, exit_code(ended.findings))


def _left_alone(host: HostAudit, snapshot: Snapshot) -> Outcome:
    applied = Applied(host.name, (), 0, host.findings, snapshot)
    return Outcome(host.name, applied, exit_code(host.findings))


async def _python_installed(work: Work, fleet: Fleet, audit: Audit) -> bool:
    """Install python3 where that is all that is missing, if agreed; whether any host got it."""
    lacking = [failure.host for failure in audit.failures if isinstance(failure.error, NoPython)]
    if not lacking or not await work.agreed(f"Install python3 on {', '.join(lacking)}?"):
        return False

    async def install(name: str) -> None:
        work.say(name, "installing python3")
        await install_python(fleet, name)

    await work.each(lacking, install, APPLY_S)  # the audit that follows says what is left
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
