"""`holdfast plan`: what `apply` would change, as diffs."""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import asdict
from typing import Any

from holdfast.cli.audit import audited_once
from holdfast.cli.errors import FOUND, GOOD, told
from holdfast.cli.options import add_hosts, add_output, add_site
from holdfast.cli.pace import READ_S, add_pace
from holdfast.cli.summary import PLANS, summary, worst
from holdfast.cli.work import Work
from holdfast.report.audits import Audit
from holdfast.report.text import plan_lines
from holdfast.servers.fleet import Failure
from holdfast.servers.losing import accounts_losing_login
from holdfast.servers.plan import Plan, PlanConflict, make_plan
from holdfast.servers.snapshot import CannotJudge


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser("plan", help="what would change, as diffs", description=__doc__)
    add_hosts(parser)
    add_site(parser)
    add_output(parser)
    add_pace(parser, READ_S)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    work = Work.load(arguments)
    audit = asyncio.run(audited_once(work))
    plans, failures = planned(work, audit)
    codes = [GOOD if plan.empty else FOUND for plan in plans]
    codes += [told(failure.error)[0] for failure in failures]
    if arguments.format == "json":
        work.write(json.dumps(as_data(work, plans, failures), indent=2))
    else:
        lines = shown_plans(work, plans, failures, audit)
        work.write("\n".join([*lines, summary(codes, PLANS, work.paint())]))
    return worst(codes)


def planned(work: Work, audit: Audit) -> tuple[list[Plan], list[Failure]]:
    """Return the next transaction of each host that was read, and the hosts without one."""
    findings = {host.name: host.findings for host in audit.hosts}
    plans, failures = [], list(audit.failures)
    for name, snapshot in audit.read.items():
        try:
            plans.append(make_plan(name, findings[name], snapshot, work.site))
        except (CannotJudge, PlanConflict) as error:
            failures.append(Failure(name, error))
    return plans, failures


def shown_plans(work: Work, plans: list[Plan], failures: list[Failure], audit: Audit) -> list[str]:
    """Return the lines of several plans and of the hosts that could not be read."""
    paint = work.paint()
    lines = []
    for plan in plans:
        losing = accounts_losing_login(plan, audit.read[plan.host], work.site)
        lines += [*plan_lines(plan, paint, losing), ""]
    lines += [paint("red", f"✘ {told(failure.error)[1]}") for failure in failures]
    total = sum(len(plan.changes) for plan in plans)
    return [*lines, f"{total} changes"]


def as_data(work: Work, plans: list[Plan], failures: list[Failure]) -> dict[str, Any]:
    return {
        "site": work.site.name,
        "at": work.at.isoformat(timespec="seconds"),
        "hosts": [
            {
                "name": plan.host,
                "phase": plan.phase.value,
                "changes": [
                    {"title": c.title(), "resource": c.resource, "diff": c.diff()}
                    for c in plan.changes
                ],
                "later": [asdict(want) for want in plan.later],
            }
            for plan in plans
        ],
        "failures": [{"name": f.host, "error": told(f.error)[1]} for f in failures],
    }
