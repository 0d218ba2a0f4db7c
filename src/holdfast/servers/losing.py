"""Who can log in now and could not after a plan: a person should read it before, not after."""

from __future__ import annotations

from holdfast.servers.plan import Plan
from holdfast.servers.snapshot import Account, Snapshot, Unreadable
from holdfast.site import Site

_NO_SHELL = ("nologin", "false", "sync")


def accounts_losing_login(plan: Plan, snapshot: Snapshot, site: Site) -> tuple[str, ...]:
    """Return the accounts with a way in over SSH that are no admins of the site.

    They lose it with the transaction that sets AllowGroups, at once or later in this run.
    """
    closes = any(want.key == "AllowGroups" for want in (*plan.wants, *plan.later))
    if not closes or isinstance(snapshot.accounts, Unreadable):
        return ()
    return tuple(
        sorted(
            name
            for name, account in snapshot.accounts.items()
            if name not in site.admins and _can_log_in(account)
        )
    )


def _can_log_in(account: Account) -> bool:
    shell = not account.shell.endswith(_NO_SHELL) and not account.expired
    keys = any(held.content is None or held.content.strip() for held in account.key_files.values())
    return shell and (keys or account.password == "set")
