"""sudo.password: becoming root asks for a password, whichever file says otherwise."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from building import file, site, snapshot
from model import policy_of

from holdfast.servers.audit import Status, judge
from holdfast.servers.control import Gap, Phase
from holdfast.servers.controls.sudo import SUDO_PASSWORD, gaps
from holdfast.servers.snapshot import Snapshot, Sudo, Unreadable

SUDOERS = "Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n"
CLOUD = "/etc/sudoers.d/90-cloud-init-users"


def host(
    drop_in: str = "", *, main: str = SUDOERS, policy: dict[str, Any] | None = None
) -> Snapshot:
    """A host with these sudoers files; sudo's own reading of them unless another is given."""
    files = {"/etc/sudoers": file(main, 0o440)}
    if drop_in:
        files[CLOUD] = file(drop_in, 0o440)
    seen = snapshot(files=files, sudo=Sudo(installed=True, policy={}))
    read = policy_of(seen) if policy is None else Sudo(installed=True, policy=policy)
    return seen.model_copy(update={"sudo": read})


def found(seen: Snapshot) -> list[Gap]:
    of = site()
    return list(gaps(of.hosts["app"], {"app": seen}, of))


def mended(seen: Snapshot) -> list[tuple[str, str, str]]:
    """What the wants put in place of what: path, old line, new line."""
    wants = [want for gap in found(seen) for want in gap.wants]
    return [(want.resource.removeprefix("lines "), want.key, want.value) for want in wants]


def test_debians_own_sudoers_has_no_gap() -> None:
    assert found(host()) == []


def test_a_host_without_sudo_has_nothing_to_protect() -> None:
    of, seen = site(), snapshot()
    (finding,) = judge(of.hosts["app"], {"app": seen}, of, [SUDO_PASSWORD], date(2026, 1, 1))
    assert finding.status is Status.NOT_APPLICABLE


MENDED = {
    "ubuntu ALL=(ALL) NOPASSWD:ALL": "ubuntu ALL=(ALL) ALL",
    "ubuntu ALL=(ALL) NOPASSWD: ALL": "ubuntu ALL=(ALL) ALL",
    "ubuntu ALL=(ALL) NOPASSWD : ALL": "ubuntu ALL=(ALL) ALL",
    "\tubuntu\tALL=(ALL)\tNOPASSWD:\tALL": "\tubuntu\tALL=(ALL)\tALL",
    "%wheel ALL=(ALL) NOPASSWD:SETENV: ALL": "%wheel ALL=(ALL) SETENV: ALL",
    "d ALL=(root) NOPASSWD: /bin/a, NOPASSWD: /bin/b": "d ALL=(root) /bin/a, /bin/b",
    "Defaults !authenticate": "# Defaults !authenticate",
    "Defaults ! authenticate": "# Defaults ! authenticate",
    "Defaults:bob !authenticate": "# Defaults:bob !authenticate",
    "Defaults!/usr/bin/x !authenticate": "# Defaults!/usr/bin/x !authenticate",
    "Defaults: bob !authenticate": "# Defaults: bob !authenticate",
    "Defaults env_reset, !authenticate": "Defaults env_reset",
    "Defaults env_reset, !authenticate, insults": "Defaults env_reset, insults",
}


@pytest.mark.parametrize(("line", "better"), MENDED.items())
def test_a_line_that_needs_no_password_is_replaced_by_one_that_does(line: str, better: str) -> None:
    assert mended(host(f"{line}\n")) == [(CLOUD, line, better)]


def test_a_line_that_mends_a_list_of_defaults_keeps_the_others() -> None:
    ((_, _, better),) = mended(host("Defaults !authenticate, env_reset\n"))
    assert better.split() == ["Defaults", "env_reset"]


@pytest.mark.parametrize(
    "line",
    [
        "# NOPASSWD: in a comment",
        "  # ubuntu ALL=(ALL) NOPASSWD:ALL",
        "#Defaults !authenticate",
        "Defaults authenticate",
        "Defaults !authenticated_elsewhere",
        "bob ALL=(ALL) PASSWD: ALL",
        "bob ALL=(ALL) /usr/bin/NOPASSWD",
        "",
    ],
)
def test_a_line_that_grants_nothing_is_left_alone(line: str) -> None:
    assert found(host(f"{line}\n", policy={})) == []


def test_closing_this_way_waits_until_a_login_was_proven() -> None:
    wants = [want for gap in found(host("u ALL=(ALL) NOPASSWD:ALL\n")) for want in gap.wants]
    assert {want.phase for want in wants} == {Phase.NARROW}


def test_a_line_of_our_own_drop_in_goes_as_a_whole() -> None:
    seen = host()
    own = {**seen.files, "/etc/sudoers.d/zz-holdfast": file("Defaults !authenticate\n", 0o440)}
    assert mended(seen.model_copy(update={"files": own})) == [
        ("sudoers", "Defaults !authenticate", "absent")
    ]


def test_every_file_is_judged() -> None:
    line = "u ALL=(ALL) NOPASSWD: ALL"
    seen = host(f"{line}\n", main=f"{SUDOERS}{line}\n")
    assert [path for path, _, _ in mended(seen)] == ["/etc/sudoers", CLOUD]


NOBODY_ASKS_BOB = {
    "User_Specs": [
        {"User_List": [{"username": "bob"}], "Cmnd_Specs": [{"Options": [{"authenticate": False}]}]}
    ]
}
PASSWORDLESS = {
    "a rule": NOBODY_ASKS_BOB,
    "Defaults": {"Defaults": [{"Options": [{"authenticate": False}]}]},
    "Defaults of one user": {
        "Defaults": [
            {"Binding": [{"username": "bob"}], "Options": [{"authenticate": False}]},
            {"Options": [{"authenticate": True}]},
        ]
    },
}


@pytest.mark.parametrize("policy", PASSWORDLESS.values(), ids=PASSWORDLESS)
def test_what_sudo_reads_counts_even_if_no_line_shows_it(policy: dict[str, Any]) -> None:
    (gap,) = found(host(policy=policy))
    assert "cvtsudoers" in gap.mend


def test_what_sudo_reads_says_whom_it_lets_through() -> None:
    (gap,) = found(host(policy=NOBODY_ASKS_BOB))
    assert "bob" in gap.evidence


def test_a_file_that_cannot_be_read_does_not_hide_what_sudo_reads() -> None:
    seen = host(policy=NOBODY_ASKS_BOB)
    files = {**seen.files, CLOUD: Unreadable(unreadable="needs root")}
    assert len(found(seen.model_copy(update={"files": files}))) == 1


def defaults(*options: dict[str, Any]) -> dict[str, Any]:
    return {"Defaults": [{"Options": [option]} for option in options]}


@pytest.mark.parametrize(
    "policy",
    [
        defaults({"timestamp_type": "global"}),
        defaults({"timestamp_type": "ppid"}),
        defaults({"timestamp_type": "kernel"}),
        defaults({"tty_tickets": False}),
        defaults({"timestamp_type": "tty"}, {"timestamp_type": "global"}),
        {
            "Defaults": [
                {"Binding": [{"username": "bob"}], "Options": [{"timestamp_type": "global"}]},
                {"Options": [{"timestamp_type": "tty"}]},
            ]
        },
    ],
    ids=["global", "ppid", "kernel", "no tickets", "the last counts", "one user's own"],
)
def test_a_password_that_counts_for_other_terminals_is_a_gap(policy: dict[str, Any]) -> None:
    (gap,) = found(host(policy=policy))
    assert "terminal" in gap.what


def test_a_password_that_counts_for_other_terminals_is_mended_by_defaults() -> None:
    seen = host(policy=defaults({"timestamp_type": "global"}))
    assert mended(seen) == [("sudoers", "Defaults timestamp_type", "tty")]


@pytest.mark.parametrize(
    "policy",
    [
        {},
        defaults({"timestamp_type": "tty"}),
        defaults({"timestamp_type": "global"}, {"timestamp_type": "tty"}),
        defaults({"tty_tickets": True}),
        defaults({"tty_tickets": False}, {"timestamp_type": "tty"}),
    ],
    ids=["sudo's default", "tty", "the last counts", "tickets", "mended after no tickets"],
)
def test_a_password_per_terminal_is_no_gap(policy: dict[str, Any]) -> None:
    assert found(host(policy=policy)) == []
