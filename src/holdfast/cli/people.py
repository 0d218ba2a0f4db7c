"""`holdfast people`: import and export people, what a hash costs, and the way in of last resort."""

from __future__ import annotations

import argparse
import sys

from holdfast.cli.accounts import add_service, configuration_from
from holdfast.cli.errors import FOUND, GOOD, UsageError


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser("people", help="people of the accounts service", description=__doc__)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    glass = actions.add_parser(
        "break-glass",
        help="a link that gives an administrator a new password; every administrator is told",
    )
    glass.add_argument("who", metavar="ADDRESS", help="an administrator's address or user name")
    add_service(glass)
    glass.set_defaults(run=break_glass)


def break_glass(arguments: argparse.Namespace) -> int:
    configuration = configuration_from(arguments)
    from holdfast.accounts import starting
    from holdfast.accounts.configuration import ConfigurationError

    try:
        starting.start(configuration)
    except ConfigurationError as error:
        raise UsageError(str(error)) from None
    from holdfast.accounts.people.flows import breaking_glass

    try:
        link = breaking_glass.offer(arguments.who)
    except breaking_glass.NoSuchAdmin as error:
        print(f"holdfast: {error}", file=sys.stderr)
        return FOUND
    print(link)
    print("It works once, for 15 minutes. Every administrator was told.", file=sys.stderr)
    return GOOD
