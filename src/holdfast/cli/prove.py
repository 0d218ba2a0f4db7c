"""`holdfast prove`: attack what is protected, live."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
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
from holdfast.servers.attack import Kind, Outcome
from holdfast.servers.catalogue import all_controls
from holdfast.servers.fleet import LOCAL, Failure
from holdfast.servers.prove import Attempt, prove, unreached
from holdfast.site import Host

PROVE_S = 900.0  # per host, for all attacks; every port takes minutes


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
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    work = Work.load(arguments)
    if LOCAL in work.hosts():
        raise UsageError(f"{LOCAL} cannot be attacked from itself: name a host of the site")
    if arguments.disruptive:
        work.must_be_able_to_agree()
    attempts = asyncio.run(_prove(work))
    codes = [_code([a for a in attempts if a.host == host]) for host in work.hosts()]
    data = {"attacks": [_data(attempt) for attempt in attempts]}
    work.history.keep_run("prove", work.at, data)
    work.write(_shown(work, attempts, data, codes))
    return _code(attempts)


def _code(attempts: Sequence[Attempt]) -> int:
    outcomes = {attempt.outcome for attempt in attempts}
    if Outcome.SUCCEEDED in outcomes:
        return FOUND
    return UNREACHED if Outcome.INCONCLUSIVE in outcomes else GOOD


def _shown(
    work: Work, attempts: Sequence[Attempt], data: Mapping[str, Any], codes: Sequence[int]
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
            shown = attempted(attempts, work.at)
            return document(Report(work.site.name, work.at, attacks=shown))
        case _:
            lines = attempt_lines(attempts, work.paint())
            return "\n".join([*lines, summary(codes, ATTACKS, work.paint())])


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
    found: dict[str, list[Attempt]] = {name: [] for name in hosts}
    async with work.fleet() as fleet:

        async def attack(name: str) -> None:
            attempts = prove(
                hosts[name],
                fleet,
                all_controls(),
                frozenset(kinds),
                work.sudo_password,
                lambda text: work.say(name, text),
            )
            async with aclosing(attempts):
                async for attempt in attempts:
                    found[name].append(attempt)

        for name, ended in (await work.each(hosts, attack, PROVE_S)).items():
            if isinstance(ended, Failure):
                found[name] += _not_tried(hosts[name], frozenset(kinds), found[name], ended)
    return [attempt for attempts in found.values() for attempt in attempts]


def _not_tried(
    host: Host, kinds: frozenset[Kind], tried: Sequence[Attempt], failure: Failure
) -> list[Attempt]:
    done = {attempt.attack for attempt in tried}
    left = unreached(host, all_controls(), kinds, told(failure.error)[1])
    return [attempt for attempt in left if attempt.attack not in done]
