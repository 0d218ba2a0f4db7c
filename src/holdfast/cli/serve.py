"""`holdfast serve`: the accounts service, to be tried out on this machine or run in production."""

from __future__ import annotations

import argparse
import sys

from holdfast.cli.accounts import add_service, configuration_from
from holdfast.cli.errors import GOOD, UsageError


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser("serve", help="the accounts service", description=__doc__)
    add_service(parser)
    parser.add_argument("--origin", metavar="URL", help="where browsers reach it")
    parser.add_argument("--listen", metavar="ADDRESS:PORT", help="default 127.0.0.1:8400")
    parser.add_argument("--workers", type=int, metavar="N", help="default: one a core")
    parser.add_argument("--cache", metavar="URL", help="redis://…")
    parser.add_argument("--mail", metavar="URL", help="smtp://…, smtps://… or smtp+starttls://…")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    configuration = configuration_from(arguments)
    from holdfast.accounts import starting
    from holdfast.accounts.configuration import ConfigurationError
    from holdfast.accounts.server import NotListening, counted_together, serve

    try:
        with counted_together():
            starting.start(configuration)
            starting.migrate()
            _say(configuration.origin)
            serve(configuration)
    except (ConfigurationError, NotListening) as error:
        raise UsageError(str(error)) from None
    return GOOD


def _say(origin: str) -> None:
    from holdfast.accounts.people.flows import first_admin

    print(f"Accounts at {origin}", file=sys.stderr)
    link = first_admin.offered()
    if link is not None:
        print(f"Nobody administers it yet. Within a day, open once:\n\n  {link}\n", file=sys.stderr)
