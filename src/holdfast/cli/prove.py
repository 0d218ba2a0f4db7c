"""`holdfast prove`: attack what is protected, live."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from holdfast.cli.errors import FOUND, GOOD, UNREACHED, UsageError, told
from holdfast.cli.options import add_hosts, add_output, add_site, add_yes
from holdfast.cli.pace import add_pace
from holdfast.cli.summary import ATTACKS, summary
from holdfast.cli.work import Work
from holdfast.report.html.page import document
from holdfast.report.junit import attacks_xml
from holdfast.report.sarif import attacks_log
from holdfast.report.text import attempt_lines
from holdfast.report.view import Report, attempted
from holdfast.servers.applications import prove as applications
from holdfast.servers.applications.connection import http_client
from holdfast.servers.attack import Kind, Outcome
from holdfast.servers.catalogue import all_controls
from holdfast.servers.fleet import LOCAL, Failure, Fleet
from holdfast.servers.prove import Attempt, prove, unreached
from holdfast.site import App, Host, resolve
from holdfast.site.errors import shown

PROVE_S = 900.0  # per host or application, for all attacks; every port takes minutes


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser("prove", help="attack it", description=__doc__)
    add_hosts(parser)
    add_site(parser)
    add_output(parser, formats=("text", "json", "sarif", "junit", "html"))
    add_yes(parser)
    add_pace(parser, PROVE_S)
    parser.add_argument(
        "--disruptive", action="store_true", help="also attacks that make noise; asks first"
    )
    parser.add_argument(
        "--app",
        dest="apps",
        action="append",
        default=[],
        metavar="NAME",
        help="an application of the site; hosts are then attacked only where they are named. With "
        "@local: its copy on this machine, at what it listens on",
    )
    parser.add_argument(
        "--inside",
        action="store_true",
        help="reach the application from its host, past the web server",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    work = Work.load(arguments)
    apps = _apps(work)
    hosts = {} if apps and set(arguments.hosts) <= {LOCAL} else work.hosts()
    if LOCAL in hosts:
        raise UsageError(f"{LOCAL} cannot be attacked from itself: name a host of the site")
    if arguments.inside and not apps:
        raise UsageError("--inside is for applications: name one with --app")
    if arguments.disruptive:
        work.must_be_able_to_agree()
    attempts = asyncio.run(_prove(work, hosts, apps))
    codes = [_code([a for a in attempts if a.host == host and not a.app]) for host in hosts]
    codes += [_code([a for a in attempts if a.app == app]) for app in apps]
    data = {"attacks": [_data(attempt) for attempt in attempts]}
    work.history.keep_run("prove", work.at, data)
    what = "target" if hosts and apps else "application" if apps else "host"
    work.write(_shown(work, attempts, data, codes, what))
    return _code(attempts)


def _apps(work: Work) -> dict[str, App]:
    """Return the applications named on the command line. Raises UsageError, NoClient.

    With `@local` they are the copies that run on this machine, wherever the site has them.
    """
    known = work.site.apps
    if here := LOCAL in work.arguments.hosts:
        known = {name: app.model_copy(update={"host": LOCAL}) for name, app in known.items()}
    for name in work.arguments.apps:
        if name not in known:
            have = ", ".join(known) or "none"
            raise UsageError(
                f"--app: there is no application {shown(name)} in the site; it has: {have}"
            )
        listen = known[name].listen
        if (here or work.arguments.inside) and listen is None:
            raise UsageError(
                f"{work.site.path}: apps.{name} has no listen: write what it listens on, such as "
                '"127.0.0.1:3000"'
            )
        if here and listen is not None and not listen.address.is_loopback:
            raise UsageError(
                f"{work.site.path}: apps.{name} listens on {listen.address}: what is attacked as "
                f"{LOCAL} listens on 127.0.0.1, where nobody else meets it"
            )
    if work.arguments.apps:
        http_client()
    return {name: known[name] for name in work.arguments.apps}


def _code(attempts: Sequence[Attempt]) -> int:
    outcomes = {attempt.outcome for attempt in attempts}
    if Outcome.SUCCEEDED in outcomes:
        return FOUND
    return UNREACHED if Outcome.INCONCLUSIVE in outcomes else GOOD


def _shown(
    work: Work,
    attempts: Sequence[Attempt],
    data: Mapping[str, Any],
    codes: Sequence[int],
    what: str,
) -> str:
    match work.arguments.format:
        case "json":
            return json.dumps(data, indent=2)
        case "sarif":
            log = attacks_log(attempts, all_controls(), work.execution(_code(attempts)))
            return json.dumps(log, indent=2)
        case "junit":
            return attacks_xml(work.site.name, work.at, attempts, all_controls())
        case "html":
            tried = attempted(attempts, work.at)
            return document(Report(work.site.name, work.at, attacks=tried))
        case _:
            lines = attempt_lines(attempts, work.paint())
            return "\n".join([*lines, summary(codes, ATTACKS, work.paint(), what)])


def _data(attempt: Attempt) -> dict[str, str]:
    names = ("attack", "control", "host", "vantage", "outcome", "evidence")
    data = {name: str(getattr(attempt, name)) for name in names}
    return {**data, "app": attempt.app} if attempt.app else data


async def _prove(work: Work, hosts: Mapping[str, Host], apps: Mapping[str, App]) -> list[Attempt]:
    kinds = {Kind.SAFE}
    if work.arguments.disruptive and await work.agreed(
        f"Attack {', '.join((*hosts, *apps))} with everything? It is noisy and trips limits."
    ):
        kinds.add(Kind.DISRUPTIVE)
    asked = frozenset(kinds)
    async with work.fleet() as fleet:
        on_apps = await _prove_apps(work, fleet, apps, asked)
        on_hosts = await _each(
            work,
            hosts,
            lambda name: prove(
                hosts[name],
                fleet,
                all_controls(),
                asked,
                work.sudo_password,
                lambda text: work.say(name, text),
            ),
            lambda name, why: unreached(hosts[name], all_controls(), asked, why),
        )
    return [*on_hosts, *on_apps]


async def _prove_apps(
    work: Work, fleet: Fleet, apps: Mapping[str, App], kinds: frozenset[Kind]
) -> list[Attempt]:
    """Attack the applications, several at once, as hosts are."""
    inside = work.arguments.inside or LOCAL in work.arguments.hosts

    async def attempts(name: str) -> AsyncGenerator[Attempt]:
        app = apps[name]
        sources = applications.sources_of(
            app, lambda ref: resolve(ref, host=app.host, base_dir=work.site.folder)
        )
        async with (
            applications.reached(app, fleet, from_its_host=inside) as connection,
            aclosing(
                applications.prove(
                    app,
                    connection,
                    all_controls(),
                    kinds,
                    sources,
                    applications.vantage(app, from_its_host=inside),
                    lambda text: work.say(name, text),
                )
            ) as running,
        ):
            async for attempt in running:
                yield attempt

    def left(name: str, why: str) -> list[Attempt]:
        where = applications.vantage(apps[name], from_its_host=inside)
        return applications.unreached(apps[name], all_controls(), kinds, where, why)

    return await _each(work, apps, attempts, left)


async def _each(
    work: Work,
    names: Iterable[str],
    attempts: Callable[[str], AsyncGenerator[Attempt]],
    left: Callable[[str, str], list[Attempt]],
) -> list[Attempt]:
    """Attack each of these; what was not tried of one that failed is inconclusive, with why."""
    found: dict[str, list[Attempt]] = {name: [] for name in names}

    async def attack(name: str) -> None:
        async with aclosing(attempts(name)) as running:
            async for attempt in running:
                found[name].append(attempt)

    for name, ended in (await work.each(found, attack, PROVE_S)).items():
        if isinstance(ended, Failure):
            done = {attempt.attack for attempt in found[name]}
            rest = left(name, told(ended.error)[1])
            found[name] += [attempt for attempt in rest if attempt.attack not in done]
    return [attempt for each in found.values() for attempt in each]
