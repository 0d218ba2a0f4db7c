"""`holdfast undo`: take a transaction back."""

from __future__ import annotations

import argparse
import asyncio
import json

from holdfast.cli.errors import FOUND, GOOD
from holdfast.cli.options import add_confirmation, add_output, add_self_confirm, add_site
from holdfast.cli.work import Work
from holdfast.servers.undo import undo


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser("undo", help="take a transaction back", description=__doc__)
    parser.add_argument("hosts", nargs=1, metavar="HOST")
    parser.add_argument("id", nargs="?", metavar="ID", help="default: the last one")
    add_site(parser)
    add_output(parser)
    add_confirmation(parser)
    add_self_confirm(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    work = Work.load(arguments)
    work.must_be_provable()
    work.must_be_able_to_agree()
    return asyncio.run(_undo(work))


async def _undo(work: Work) -> int:
    (host,) = work.hosts().values()
    if not await work.agreed(f"Take back a transaction on {host.name}?"):
        return FOUND
    async with work.fleet() as fleet:
        done = await undo(
            work.run(fleet), host, work.arguments.id, lambda text: work.say(host.name, text)
        )
    work.history.keep_run("undo", work.at, {"host": host.name, "undone": done})
    if work.arguments.format == "json":
        at = work.at.isoformat(timespec="seconds")
        data = {"site": work.site.name, "at": at, "host": host.name, "undone": done}
        work.write(json.dumps(data, indent=2))
    else:
        work.write(f"{host.name}: {done} was taken back")
    return GOOD
