"""`holdfast keys`: keys of the accounts service, made and removed in its own shell.

Those that programs bring to its API, and the ones that it signs tokens with.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from holdfast.cli.accounts import add_service, start_service
from holdfast.cli.errors import FOUND, GOOD, UsageError
from holdfast.trail.entry import harmless

if TYPE_CHECKING:
    from holdfast.accounts.api.models import ApiKey


ROTATE = (
    "Adds a key that tokens are signed with. It is published at once and signs in twenty minutes, "
    "when applications know it; the one before it stays published for a day. The service goes on."
)


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser(
        "keys", help="keys of accounts: of its API, of its tokens", description=__doc__
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    make = actions.add_parser("make", help="make a key, and print it once")
    make.add_argument("name", metavar="NAME")
    make.add_argument("--scope", action="append", required=True, metavar="SCOPE", dest="scopes")
    make.add_argument("--days", type=int, metavar="N", help="how long it is good for (no end)")
    make.set_defaults(run=make_key)
    listed = actions.add_parser("list", help="which keys there are, and when each was last used")
    listed.add_argument("--format", choices=("text", "json"), default="text")
    listed.set_defaults(run=list_keys)
    remove = actions.add_parser("remove", help="remove a key: it lets nobody in from now on")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(run=remove_key)
    rotated = actions.add_parser("rotate", help="sign tokens with a new key", description=ROTATE)
    rotated.add_argument(
        "--at-once",
        action="store_true",
        help="the old ones are known to others: remove them, and refuse what they signed",
    )
    rotated.set_defaults(run=rotate_keys)
    for action in (make, listed, remove, rotated):
        add_service(action)


def make_key(arguments: argparse.Namespace) -> int:
    start_service(arguments)
    from django.db import IntegrityError, transaction

    from holdfast.accounts.api import keys
    from holdfast.accounts.trail import events

    unknown = sorted(set(arguments.scopes) - set(keys.SCOPES))
    if unknown:
        known = "\n".join(f"  {scope}: {what}" for scope, what in keys.SCOPES.items())
        raise UsageError(f"--scope: there is no scope {unknown[0]!r:.60}; there are\n{known}")
    expires = None
    if arguments.days is not None:
        if not 0 < arguments.days <= 3650:
            raise UsageError("--days: a number from 1 to 3650")
        expires = datetime.now(UTC) + timedelta(days=arguments.days)
    try:
        with transaction.atomic():
            key, text = keys.make(arguments.name[:60], arguments.scopes, expires)
            scopes = {"scopes": ", ".join(key.scopes)}
            events.note_from_shell("key.made", on=f"key:{key.name}", details=scopes)
    except IntegrityError:
        raise UsageError(
            f"a key is called {arguments.name!r:.60} already: remove it first"
        ) from None
    print(text)
    return GOOD


def list_keys(arguments: argparse.Namespace) -> int:
    start_service(arguments)
    from holdfast.accounts.api.models import ApiKey

    keys = list(ApiKey.objects.order_by("name"))
    if arguments.format == "json":
        print(json.dumps([_data(key) for key in keys], indent=2))
    for key in keys if arguments.format == "text" else ():
        data = _data(key)
        until = f"until {data['expires'][:10]}" if data["expires"] else "without end"
        used = f"used {data['used'][:16]}" if data["used"] else "never used"
        print(f"{harmless(key.name)}: {', '.join(key.scopes)}; {until}, {used}")
    return GOOD


def _data(key: ApiKey) -> dict[str, Any]:
    times = {name: getattr(key, name) for name in ("created", "expires", "used")}
    return {
        "name": key.name,
        "scopes": key.scopes,
        **{name: at.isoformat(timespec="seconds") if at else "" for name, at in times.items()},
    }


def remove_key(arguments: argparse.Namespace) -> int:
    start_service(arguments)
    from django.db import transaction

    from holdfast.accounts.api.models import ApiKey
    from holdfast.accounts.trail import events

    with transaction.atomic():
        removed, _ = ApiKey.objects.filter(name=arguments.name).delete()
        if removed:
            events.note_from_shell("key.removed", on=f"key:{arguments.name}")
    print(f"{arguments.name!r:.60} was removed" if removed else f"no key is {arguments.name!r:.60}")
    return GOOD if removed else FOUND


def rotate_keys(arguments: argparse.Namespace) -> int:
    start_service(arguments)
    from django.conf import settings

    from holdfast.accounts.applications import signing_key
    from holdfast.accounts.trail import events

    try:
        made = signing_key.rotate(
            settings.HOLDFAST.data, datetime.now(UTC), at_once=arguments.at_once
        )
    except FileExistsError as error:
        raise UsageError(f"{error}; where the old one is known to others, add --at-once") from None
    events.note_from_shell("key.rotated", on=f"key:{made.path.name}")
    when = "now" if arguments.at_once else f"{made.begins:%Y-%m-%d %H:%M} UTC"
    print(f"{made.path}: signs from {when} on")
    return GOOD
