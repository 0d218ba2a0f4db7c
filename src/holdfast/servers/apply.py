"""Apply: snapshot, plan, one transaction, proof; again, until only manual gaps remain.

A transaction is confirmed by a new login under its own rules, a fresh snapshot in which what it
was to close is closed, and the site's own connections, which still have to work. Whatever of this
fails, the host takes the transaction back: because it is told to, or because nobody confirms it.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from holdfast.servers.audit import Finding, Status, judge
from holdfast.servers.changes import Secret as SecretName
from holdfast.servers.changes import SetPassword, resolved
from holdfast.servers.control import Control, Phase
from holdfast.servers.each_host import Clocks
from holdfast.servers.fleet import Fleet, Line, taken
from holdfast.servers.plan import LOGIN_PROVEN, Plan, login_proven, make_plan, wanted
from holdfast.servers.probes import Probe, answering, probes_for
from holdfast.servers.session_errors import HandFailed, HandLost, SessionError, SudoRefused
from holdfast.servers.snapshot import Snapshot, SnapshotError
from holdfast.site import Host, Secret, Site

ROUNDS = 6  # transactions of one run on one host; two are usual
STEPS_S = 1900.0  # silence allowed while steps run: apt may take long
COMMITTED = "committed"  # as the hand says it
RETRY_S = 1.0  # between attempts to log in anew, and to reach what the site needs
PROBED = 3  # times that a connection of the site is tried before it counts as broken

Say = Callable[[str], None]
AskSecret = Callable[[str, str], Awaitable[Secret]]  # (name, host) → value


class Reverted(Exception):
    """A transaction was taken back; the message says why. The host is as it was before it."""


class Unfinished(Exception):
    """Automatic gaps were left open; the message says why."""


@dataclass(frozen=True)
class Applied:
    """What was done to one host, and its last snapshot with the findings on it."""

    host: str
    transactions: tuple[str, ...]
    changes: int
    findings: tuple[Finding, ...]
    snapshot: Snapshot


@dataclass(frozen=True)
class Run:
    """What applying to any host of this run needs."""

    fleet: Fleet
    controls: Sequence[Control]
    secret: AskSecret
    today: date
    confirm_within_s: float
    self_confirm: bool = False  # commit without the proof of a new login: for this machine alone
    clocks: Clocks = field(default_factory=Clocks)

    @property
    def site(self) -> Site:
        return self.fleet.site


async def apply(
    run: Run,
    host: Host,
    others: Mapping[str, Snapshot],
    say: Say,
    read_just_now: Snapshot | None = None,
) -> Applied:
    """Bring one host to what the site says, transaction by transaction.

    `others` are snapshots of the other hosts; `read_just_now` is one of this host for the first
    transaction, which the host refuses where something has moved since. Raises Reverted,
    PlanConflict, SessionError, SnapshotError or Unfinished.
    """
    done: list[str] = []
    changes = 0
    proven = run.self_confirm
    for _ in range(ROUNDS):
        line = await run.fleet.line(host.name)
        snapshot, read_just_now = read_just_now or await taken(line), None
        if line.user in run.site.admins and not login_proven(snapshot, run.site) and not proven:
            await _prove_login(run, host, say)
            proven, snapshot = True, await taken(line)
        findings = judge(host, {**others, host.name: snapshot}, run.site, run.controls, run.today)
        plan = make_plan(host.name, findings, snapshot, run.site)
        if plan.empty:
            if plan.wants:
                names = ", ".join(sorted({f"{w.resource} {w.key}" for w in plan.wants}))
                raise Unfinished(f"{host.name}: nothing was planned for {names}: a defect")
            return Applied(host.name, tuple(done), changes, findings, snapshot)
        if plan.phase is Phase.NARROW and not proven:
            await _prove_login(run, host, say)
            proven = True
        try:
            done.append(await _transact(run, host, others, plan, findings, line, say))
        except HandFailed as failed:
            if failed.kind != "moved":
                raise
            say("somebody has changed the host meanwhile: planning anew")
            continue
        proven = True
        changes += len(plan.changes)
        await run.fleet.replace_line(host.name)
    raise Unfinished(f"{host.name}: gaps were left after {ROUNDS} transactions: a defect")


async def _prove_login(run: Run, host: Host, say: Say) -> None:
    """Log in anew with a key of the site before old ways in are closed. Raises Unfinished."""
    say("proving that a new login and sudo work")
    async with run.fleet.fresh(host.name, run.site.operator) as line:
        evidence = _evidence(run.site, line)
        if not evidence:
            raise Unfinished(
                f"{host.name}: {run.site.operator} did not log in with a key of the site, so the "
                "old ways in stay open: add the key that you use to the site file"
            )
        await line.ask({"do": "witness", "evidence": evidence})


def _evidence(site: Site, line: Line) -> list[dict[str, str]]:
    """Return the record of a login that proves an admin of the site can get in, or nothing."""
    admin, key = site.admins.get(line.user), line.session.key_fingerprint
    if admin is None or key not in {known.fingerprint for known in admin.keys}:
        return []
    return [{"kind": LOGIN_PROVEN, "subject": admin.name, "bound_to": str(key)}]


async def _transact(
    run: Run,
    host: Host,
    others: Mapping[str, Snapshot],
    plan: Plan,
    findings: Sequence[Finding],
    line: Line,
    say: Say,
) -> str:
    identity = new_identity()
    probes = probes_for(host, run.site)
    before = await answering(run.fleet, probes)
    bundle = {
        "id": identity,
        "changes": await _wires(run, plan),
        "confirm_within": run.confirm_within_s,
    }

    def progress(step: dict[str, Any]) -> None:
        if "step" in step:
            number = int(step["step"])
            say(f"{plan.phase} {number + 1}/{len(plan.changes)}: {plan.changes[number].title()}")

    async def holds(fresh: Line) -> None:
        await _gaps_closed(run, host, others, plan, findings, fresh)
        await _still_answering(run, probes, before)

    left_s = run.clocks.left_s(host.name)
    with run.clocks.paused(host.name):
        try:
            async with asyncio.timeout(left_s):
                await start(line, {"bundle": bundle}, progress)
        except TimeoutError:
            raise _left_to_itself(run, host, identity) from None
        await confirm(run, host, identity, line, holds, say)
    return identity


def _left_to_itself(run: Run, host: Host, identity: str) -> Reverted:
    return Reverted(
        f"{host.name}: the steps of transaction {identity} took longer than --host-timeout allows; "
        "nobody confirms them, so the host takes them back by itself, "
        f"{run.confirm_within_s:g} s after the last one"
    )


async def start(
    line: Line, request: dict[str, Any], progress: Callable[[dict[str, Any]], None]
) -> None:
    """Have the hand carry out a bundle. Raises Reverted when it took everything back."""
    try:
        await line.ask({"do": "start", **request}, progress, timeout_s=STEPS_S)
    except HandFailed as failed:
        if failed.kind == "reverted":
            raise Reverted(str(failed)) from failed
        raise


async def confirm(
    run: Run,
    host: Host,
    identity: str,
    line: Line,
    holds: Callable[[Line], Awaitable[None]],
    say: Say,
    users: tuple[str, ...] = (),
) -> None:
    """Commit a waiting transaction through a new login for which `holds` raises nothing.

    Logging in is tried until the host's own deadline. Raises Reverted.
    """
    say("confirming by a new login")
    deadline = time.monotonic() + run.confirm_within_s
    problem: Exception = Reverted("no new login was tried")
    while time.monotonic() < deadline:
        for user in users or (run.site.operator,):
            try:
                async with asyncio.timeout(max(1.0, deadline - time.monotonic())):
                    async with run.fleet.fresh(host.name, user) as fresh:
                        await holds(fresh)
                        await _commit(fresh, identity, _evidence(run.site, fresh))
                        return
            except (SudoRefused, Reverted, SnapshotError) as error:
                await _take_back(host, identity, line, error)
                return
            except (SessionError, TimeoutError) as error:
                problem = error
        await asyncio.sleep(RETRY_S)
    await _take_back(host, identity, line, problem)


async def _commit(fresh: Line, identity: str, evidence: list[dict[str, str]]) -> None:
    try:
        await fresh.ask({"do": "confirm", "id": identity, "evidence": evidence})
    except HandFailed as failed:
        raise Reverted(str(failed)) from failed


async def _take_back(host: Host, identity: str, line: Line, problem: Exception) -> None:
    """Tell the host to revert, if it can still be told; otherwise it does so by itself.

    Raises Reverted; returns only where the host says that it had committed already, and the
    answer was lost on its way.
    """
    why = (str(problem) or type(problem).__name__).removeprefix(f"{host.name}: ")
    try:
        answer = await line.ask({"do": "revert", "id": identity}, timeout_s=180)
        if answer.get("state") == COMMITTED:
            return
        told = str(answer.get("told", ""))
    except HandFailed as failed:
        told = str(failed)
    except HandLost:
        told = "the host could not be told and takes it back by itself"
    raise Reverted(f"{host.name}: {why}; {told}") from problem


async def _gaps_closed(
    run: Run,
    host: Host,
    others: Mapping[str, Snapshot],
    plan: Plan,
    before: Sequence[Finding],
    fresh: Line,
) -> None:
    """Nothing more may be wanted, in this phase, of any resource that the plan was about.

    That is more than its own wants: nor may a control that made them find anything new, such as
    a daemon that has not read its files, or be unable to judge.
    """
    snapshot = await taken(fresh)
    findings = judge(host, {**others, host.name: snapshot}, run.site, run.controls, run.today)
    asked = {f.control.id for f in before if f.automatic and not f.exempt}
    for finding in findings:
        if finding.control.id in asked and finding.status is Status.UNKNOWN:
            raise SessionError(f"{host.name}: cannot be judged: {finding.reason}")
    resources = {want.resource for want in plan.wants}
    left = {
        f"{demand.want.resource} {demand.want.key}"
        for demand in wanted(findings)
        if demand.want.resource in resources and demand.want.phase is plan.phase
    }
    known = {gap.what for finding in before for gap in finding.gaps}
    left |= {
        gap.what
        for finding in findings
        for gap in finding.gaps
        if finding.control.id in asked and not gap.automatic and gap.what not in known
    }
    if left:
        raise Reverted(f"it was done, and is not so: {', '.join(sorted(left)[:5])}")


async def _still_answering(run: Run, probes: Sequence[Probe], before: Mapping[Probe, bool]) -> None:
    """Raise Reverted for a connection that worked before; slow is not broken, so ask again."""
    lost: list[Probe] = []
    for attempt in range(PROBED):
        await asyncio.sleep(RETRY_S if attempt else 0)
        now = await answering(run.fleet, probes)
        lost = [probe for probe in probes if before[probe] and not now[probe]]
        if not lost:
            return
    raise Reverted("the site's own connections broke: " + "; ".join(map(str, lost)))


async def _wires(run: Run, plan: Plan) -> list[dict[str, Any]]:
    wires = []
    for change in plan.changes:
        values = {}
        if isinstance(change, SetPassword):
            name: SecretName = change.password
            values[name.name] = (await run.secret(name.name, plan.host)).reveal()
        wires.append(resolved(change.wire(), values))
    return wires


def new_identity() -> str:
    """Return an id that sorts by time: `20260102T030405-1f2e`."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
