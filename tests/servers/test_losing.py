"""Who loses a login by a plan: named before it happens."""

from __future__ import annotations

from typing import Any

import pytest
from building import account, file, key_line, site, snapshot

from holdfast.servers.control import Phase, Want
from holdfast.servers.losing import accounts_losing_login
from holdfast.servers.plan import Plan
from holdfast.servers.snapshot import Account, Snapshot, Unreadable

CLOSES = Want("sshd", "AllowGroups", "holdfast-admins", Phase.NARROW)
OTHER = Want("sshd", "X11Forwarding", "no", Phase.NARROW)
KEYS = {"/home/bob/.ssh/authorized_keys": file(f"{key_line('bob')}\n", 0o600, "bob", "bob")}


def person(**facts: Any) -> Account:
    """Somebody who logs in with a key."""
    return account(1001, **({"shell": "/bin/bash", "key_files": KEYS} | facts))


def losing(
    bob: Account | None = None,
    *,
    wants: tuple[Want, ...] = (CLOSES,),
    later: tuple[Want, ...] = (),
    seen: Snapshot | None = None,
    name: str = "bob",
) -> tuple[str, ...]:
    plan = Plan("app", Phase.NARROW, (), wants, later)
    host = seen or snapshot(accounts={"daemon": account(1), name: bob or person()})
    return accounts_losing_login(plan, host, site())


def test_somebody_with_a_key_loses_the_login() -> None:
    assert losing() == ("bob",)


def test_somebody_with_a_password_loses_the_login() -> None:
    assert losing(person(key_files={}, password="set")) == ("bob",)


def test_it_is_told_already_when_that_comes_later_in_the_run() -> None:
    assert losing(wants=(), later=(CLOSES,)) == ("bob",)


def test_a_plan_that_closes_nothing_takes_nothing() -> None:
    assert losing(wants=(OTHER,)) == ()


def test_an_admin_of_the_site_loses_nothing() -> None:
    assert losing(name="alice") == ()


def test_root_loses_its_login_like_anybody_else() -> None:
    assert losing(person(), name="root") == ("root",)


@pytest.mark.parametrize(
    "bob",
    [
        person(shell="/usr/sbin/nologin"),
        person(shell="/bin/false"),
        person(shell="/bin/sync"),
        person(expired=True),
        person(key_files={}),
        person(key_files={"/home/bob/.ssh/authorized_keys": file("\n \n")}),
    ],
    ids=["nologin", "false", "sync", "expired", "no key", "empty file"],
)
def test_somebody_without_a_way_in_has_none_to_lose(bob: Account) -> None:
    assert losing(bob) == ()


def test_a_key_file_that_is_no_text_may_hold_a_key() -> None:
    held = file("").model_copy(update={"content": None, "sha256": "1" * 64})
    assert losing(person(key_files={"/home/bob/.ssh/authorized_keys": held})) == ("bob",)


def test_several_are_named_in_order() -> None:
    seen = snapshot(accounts={"zoe": person(), "bob": person(), "alice": person()})
    assert losing(seen=seen) == ("bob", "zoe")


def test_accounts_that_could_not_be_read_name_nobody() -> None:
    assert losing(seen=snapshot(accounts=Unreadable(unreadable="needs root"))) == ()
