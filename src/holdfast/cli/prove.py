"""`holdfast prove`: attack what is protected, live."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.cli.errors import FOUND, GOOD, UNREACHED, UsageError
from holdfast.cli.options import Work, add_confirmation, add_hosts, add_output, add_site
from holdfast.report.html.page import document
from holdfast.report.junit import attacks_xml
from holdfast.report.sarif import attacks_log
from holdfast.report.text import attempt_lines
from holdfast.report.view import Report, attempted
from holdfast.servers.attack import Kind, Outcome
from holdfast.servers.catalogue import all_controls
from holdfast.servers.fleet import LOCAL, Fleet
from holdfast.servers.prove import Attempt, prove, unreached
from holdfast.servers.session_errors import SessionError
from holdfast.servers.snapshot import SnapshotError
from holdfast.site import Host


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser("prove", help="attack it", description=__doc__)
    add_hosts(parser)
    add_site(parser)
    add_output(parser, formats=("text", "json", "sarif", "junit", "html"))
    add_confirmation(parser)
    parser.add_argument(
        "--disruptive", action="store_true", help="also attacks that make noise; asks first"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    work = Work.load(arguments)
    if LOCAL in work.hosts():
        raise UsageError(f"{LOCAL} cannot be attacked from itself: name a host of the site")
    if arguments.disruptive:
        work.must_be_able_to_agree()
    attempts = asyncio.run(_prove(work))
    data = {"attacks": [_data(attempt) for attempt in attempts]}
    work.history.keep_run("prove", work.at, data)
    code = _exit_code(attempts)
    work.write(_shown(work, attempts, data, code))
    return code


def _exit_code(attempts: Sequence[Attempt]) -> int:
    outcomes = {attempt.outcome for attempt in attempts}
    if Outcome.SUCCEEDED in outcomes:
        return FOUND
    return UNREACHED if Outcome.INCONCLUSIVE in outcomes else GOOD


def _shown(work: Work, attempts: Sequence[Attempt], data: Mapping[str, Any], code: int) -> str:
    match work.arguments.format:
        case "json":
            return json.dumps(data, indent=2)
        case "sarif":
            log = attacks_log(attempts, all_controls(), work.execution(code))
            return json.dumps(log, indent=2)
        case "junit":
            return attacks_xml(work.site.name, work.at, attempts, all_controls())
        case "html":
            shown = attempted(attempts, work.at)
            return document(Report(work.site.name, work.at, attacks=shown))
        case _:
            return "\n".join(attempt_lines(attempts, work.paint()))


def _data(attempt: Attempt) -> dict[str, str]:
    names = ("attack", "control", "host", "vantage", "outcome", "evidence")
    return {name: str(getattr(attempt, name)) for name in names}


async def _prove(work: Work) -> list[Attempt]:
    kinds = {Kind.SAFE}
    hosts = work.hosts()
    if work.arguments.disruptive and await work.agreed(
        f"Attack {', '.join(hosts)} with everything? It is noisy and trips limits."
    ):
        kinds.add(Kind.DISRUPTIVE)
    async with work.fleet() as fleet:
        found = await asyncio.gather(
            *(_on(work, fleet, host, frozenset(kinds)) for host in hosts.values())
        )
    return [attempt for attempts in found for attempt in attempts]


async def _on(work: Work, fleet: Fleet, host: Host, kinds: frozenset[Kind]) -> list[Attempt]:
    def say(text: str) -> None:
        work.say(host.name, text)

    try:
        return await prove(host, fleet, all_controls(), kinds, work.sudo_password, say)
    except (SessionError, SnapshotError) as error:
        return unreached(host, all_controls(), kinds, str(error))
