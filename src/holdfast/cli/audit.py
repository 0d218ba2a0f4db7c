"""`holdfast audit`: what is wrong."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

from holdfast.cli.errors import UsageError
from holdfast.cli.options import Work, add_hosts, add_output, add_site
from holdfast.report.audits import Audit, HostAudit, as_data
from holdfast.report.html.page import document
from holdfast.report.junit import audit_xml
from holdfast.report.sarif import audit_log
from holdfast.report.text import audit_lines
from holdfast.report.view import Report, posture
from holdfast.servers.audit import judge, unjudged
from holdfast.servers.catalogue import all_controls
from holdfast.servers.fleet import Failure, Fleet
from holdfast.servers.snapshot import LARGEST_SNAPSHOT, Snapshot, read_snapshot


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser("audit", help="what is wrong", description=__doc__)
    add_hosts(parser)
    add_site(parser)
    add_output(parser, formats=("text", "json", "sarif", "junit", "html"))
    parser.add_argument(
        "--from",
        dest="snapshot",
        type=Path,
        metavar="SNAPSHOT.json",
        help="judge a snapshot from a file instead of reading the host; contacts nothing",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    work = Work.load(arguments)
    audit = _from_file(work) if arguments.snapshot else asyncio.run(audited_once(work))
    work.history.keep_run("audit", work.at, as_data(audit))
    work.write(_shown(work, audit))
    return audit.exit_code


def _shown(work: Work, audit: Audit) -> str:
    match work.arguments.format:
        case "json":
            return json.dumps(as_data(audit), indent=2)
        case "sarif":
            execution = work.execution(audit.exit_code)
            return json.dumps(audit_log(audit, all_controls(), execution), indent=2)
        case "junit":
            return audit_xml(audit)
        case "html":
            return document(Report(work.site.name, work.at, posture(audit, work.site)))
        case _:
            verbose = work.arguments.verbose
            return "\n".join(audit_lines(audit, work.paint(), verbose=verbose))


async def audited_once(work: Work) -> Audit:
    """Open lines to the hosts, audit them, and close the lines."""
    async with work.fleet() as fleet:
        return await audited(work, fleet)


async def audited(work: Work, fleet: Fleet) -> Audit:
    """Read every host at the same time and judge what could be read."""
    snapshots, failures = await fleet.snapshots(work.hosts())
    for name, snapshot in snapshots.items():
        work.history.keep_snapshot(name, work.at, snapshot)
    return _judged(work, snapshots, failures)


def _judged(
    work: Work, snapshots: dict[str, Snapshot], failures: tuple[Failure, ...] = ()
) -> Audit:
    hosts = work.hosts()
    reasons = {failure.host: failure.message for failure in failures}

    def one(name: str) -> HostAudit:
        if name in reasons:
            return HostAudit(name, None, unjudged(all_controls(), reasons[name]))
        findings = judge(hosts[name], snapshots, work.site, all_controls(), work.at.date())
        return HostAudit(name, snapshots[name], findings)

    return Audit(
        work.site.name,
        work.at,
        tuple(one(name) for name in hosts),
        failures,
    )


def _from_file(work: Work) -> Audit:
    hosts = list(work.hosts())
    if len(hosts) != 1:
        raise UsageError(f"--from judges one host: say which of {', '.join(hosts)}")
    with work.arguments.snapshot.open("rb") as file:
        snapshot = read_snapshot(file.read(LARGEST_SNAPSHOT + 1))
    return _judged(work, {hosts[0]: snapshot})
