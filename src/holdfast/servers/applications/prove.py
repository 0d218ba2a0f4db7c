"""Prove an application: the attacks that the controls name, live, one after the other.

Before the first one the operator logs in on the application's host: only who administers it
attacks it. Every request goes to that host.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

from holdfast.servers.applications.attack import (
    OF_ITS_OWN_KIND,
    AppAttack,
    AppAttacker,
    Need,
)
from holdfast.servers.applications.connection import here, inside, outside
from holdfast.servers.applications.http import Connection, Unanswered
from holdfast.servers.applications.people import Source, Undecided
from holdfast.servers.attack import OUTSIDE, Kind, Outcome, Verdict, inconclusive
from holdfast.servers.control import Control
from holdfast.servers.fleet import LOCAL, Fleet
from holdfast.servers.prove import Attempt
from holdfast.servers.session import Session
from holdfast.site import App, Secret, SecretRef, SiteError, Trial
from holdfast.site.apps import SOURCES

Say = Callable[[str], None]


@asynccontextmanager
async def reached(app: App, fleet: Fleet, *, from_its_host: bool) -> AsyncIterator[Connection]:
    """Show that the operator administers the host, and yield a connection to the application.

    `@local` needs no showing: what listens on loopback here is met by who is logged in here.
    Raises SessionError, Unanswered, NoClient.
    """
    if app.host == LOCAL:
        async with here(app) as connection:
            yield connection
        return
    await fleet.jump(app.host)
    line = await fleet.line(app.host)
    session = line.session
    if not isinstance(session, Session):
        raise AssertionError("a host of the site is reached over SSH")
    if from_its_host:
        async with inside(app, session) as connection:
            yield connection
    else:
        async with outside(app, session.address) as connection:
            yield connection


def vantage(app: App, *, from_its_host: bool) -> str:
    """Return where the requests come from."""
    return app.host if from_its_host else OUTSIDE


async def prove(
    app: App,
    connection: Connection,
    controls: Sequence[Control],
    kinds: frozenset[Kind],
    sources: dict[str, Source],
    where: str,
    say: Say,
) -> AsyncGenerator[Attempt]:
    """Run every attack of these kinds against an application; yield how each ended."""
    trial = app.trial or _no_trial(app)
    attacker = AppAttacker(app, trial, connection, sources)
    nobody_in = await _why_not(attacker.prepare())
    nothing_seen = await _why_not(attacker.look_around())
    for control, attack in attacks(trial, controls, kinds):
        say(attack.title)
        why = nothing_seen or (nobody_in if attack.needs else "")
        verdict = inconclusive(why) if why else await _attempt(attack, attacker)
        yield ended(control, attack, app, where, verdict)


async def _why_not(step: Awaitable[None]) -> str:
    """Return why a step could not be taken, "" where it was."""
    try:
        await step
    except (Unanswered, Undecided, SiteError) as error:
        return str(error)
    return ""


async def _attempt(attack: AppAttack, attacker: AppAttacker) -> Verdict:
    if missing := [need for need in sorted(attack.needs) if not _has(attacker.trial, need)]:
        keys = " and ".join(missing)
        return inconclusive(
            f"it needs {keys} in [apps.{attacker.app.name}.trial]: holdfast explain says how"
        )
    try:
        if not await attacker.canary():
            return inconclusive(f"the canary did not work before: {attacker.canary_is}")
        verdict = await attack.attempt(attacker)
        if verdict.outcome is Outcome.REPELLED and not await attacker.canary():
            return inconclusive(f"the canary did not work after: {attacker.canary_is}")
    except (Unanswered, Undecided, SiteError) as error:
        return inconclusive(str(error))
    except Exception as error:  # the other attacks are to be tried all the same
        return inconclusive(f"a defect of Holdfast, please report it: {type(error).__name__}")
    return verdict


def attacks(
    trial: Trial, controls: Sequence[Control], kinds: frozenset[Kind]
) -> Iterator[tuple[Control, AppAttack]]:
    """Yield the attacks of these kinds that the application has something for."""
    for control in controls:
        for attack in control.app_attacks:
            own = attack.needs & OF_ITS_OWN_KIND
            if attack.kind in kinds and all(_has(trial, need) for need in own):
                yield control, attack


def _has(trial: Trial, need: Need) -> bool:
    return bool(getattr(trial, need.value))


def ended(control: Control, attack: AppAttack, app: App, where: str, verdict: Verdict) -> Attempt:
    """Return how an attack on an application ended."""
    return Attempt(
        f"{control.id}/{attack.name}",
        control.id,
        app.host,
        where,
        attack.title,
        verdict.outcome,
        verdict.evidence,
        app.name,
    )


def unreached(
    app: App, controls: Sequence[Control], kinds: frozenset[Kind], where: str, why: str
) -> list[Attempt]:
    """Return an inconclusive attempt per attack for an application that could not be reached."""
    trial = app.trial or _no_trial(app)
    return [
        ended(control, attack, app, where, inconclusive(why))
        for control, attack in attacks(trial, controls, kinds)
    ]


def sources_of(app: App, fetch: Callable[[SecretRef], Secret]) -> dict[str, Source]:
    """Return what gives the sessions and tokens of the trial's people."""

    def source(ref: SecretRef) -> Source:
        return lambda: asyncio.to_thread(fetch, ref)

    refs = {name: getattr(app.trial, name) for name in SOURCES} if app.trial else {}
    return {name: source(ref) for name, ref in refs.items() if ref is not None}


def _no_trial(app: App) -> Trial:
    return Trial.model_validate({"\0name": app.name})
