"""`holdfast audit`: what is wrong."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from holdfast.cli.errors import UsageError, told
from holdfast.cli.options import add_hosts, add_output, add_site
from holdfast.cli.pace import READ_S, add_pace
from holdfast.cli.summary import FINDINGS, summary, worst
from holdfast.cli.work import Work
from holdfast.report.audits import Audit, HostAudit, as_data, exit_code
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
    add_pace(parser, READ_S)
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
    codes = host_codes(audit)
    work.history.keep_run("audit", work.at, as_data(audit))
    work.write(_shown(work, audit, codes))
    return worst(codes)


def _shown(work: Work, audit: Audit, codes: Sequence[int]) -> str:
    match work.arguments.format:
        case "json":
            return json.dumps(as_data(audit), indent=2)
        case "sarif":
            execution = work.execution(worst(codes))
            return json.dumps(audit_log(audit, all_controls(), execution), indent=2)
        case "junit":
            return audit_xml(audit)
        case "html":
            return document(Report(work.site.name, work.at, posture(audit, work.site)))
        case _:
            lines = audit_lines(audit, work.paint(), verbose=work.arguments.verbose)
            return "\n".join([*lines, summary(codes, FINDINGS, work.paint())])


async def audited_once(work: Work) -> Audit:
    """Open lines to the hosts, audit them, and close the lines."""
    async with work.fleet() as fleet:
        return await audited(work, fleet)


async def audited(work: Work, fleet: Fleet) -> Audit:
    """Read every host and judge what could be read."""
    read = await work.each(work.hosts(), fleet.snapshot, READ_S)
    snapshots = {name: one for name, one in read.items() if isinstance(one, Snapshot)}
    for name, snapshot in snapshots.items():
        work.history.keep_snapshot(name, work.at, snapshot)
    return _judged(work, snapshots, tuple(o for o in read.values() if isinstance(o, Failure)))


def host_codes(audit: Audit) -> list[int]:
    """Return the exit code of each host."""
    failed = {failure.host: told(failure.error)[0] for failure in audit.failures}
    return [failed.get(host.name, exit_code(host.findings)) for host in audit.hosts]


def _judged(
    work: Work, snapshots: dict[str, Snapshot], failures: tuple[Failure, ...] = ()
) -> Audit:
    hosts = work.hosts()
    reasons = {failure.host: told(failure.error)[1] for failure in failures}

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
