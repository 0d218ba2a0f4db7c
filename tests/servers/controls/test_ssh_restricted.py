"""ssh.keys-only: the accounts that are held to one command are judged by the access matrix."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from building import file, site, snapshot, sshd
from test_access import BEHIND

from holdfast.servers.access import ADMINS, RESTRICTED
from holdfast.servers.changes import WriteFile
from holdfast.servers.control import Gap, Phase
from holdfast.servers.controls.ssh import LIMITS, SETTINGS, gaps
from holdfast.servers.resources import changes_for
from holdfast.servers.restricted import block, blocks, restricted_rows, settings
from holdfast.servers.snapshot import EffectiveSshd, Snapshot
from holdfast.servers.sshd_config import FILE, parse, render

MAIN = "/etc/ssh/sshd_config"
FLEET = site(BEHIND.replace('name = "todo"\n', 'name = "todo"\ncontrollers = ["198.51.100.7"]\n'))
HOST = FLEET.hosts["backup"]
FOR_ALL = {key: values[0] for key, values in SETTINGS.items()}
FOR_ALL |= {key: str(most) for key, most in LIMITS.items()}
OURS = FOR_ALL | settings(HOST, FLEET)


def decided(account: str, **changes: str) -> EffectiveSshd:
    """What sshd decides for a restricted account as it should be; keywords in lower case."""
    held = blocks(HOST, FLEET).get(account, {})
    said: dict[str, tuple[str, ...]]
    said = {key.lower(): (value,) for key, value in (FOR_ALL | held).items()}
    said["allowgroups"] = (RESTRICTED, ADMINS)
    said |= {key: (value,) for key, value in changes.items()}
    return EffectiveSshd(user=account, address="203.0.113.1", settings=said)


def host(
    ours: Mapping[str, str] = OURS,
    *accounts: EffectiveSshd,
    text: str | None = None,
    main: str = "",
) -> Snapshot:
    daemon = sshd({key.lower(): (value,) for key, value in FOR_ALL.items()})
    return snapshot(
        sshd=daemon.model_copy(update={"effective": (*daemon.effective, *accounts)}),
        files={FILE: file(render(ours) if text is None else text), MAIN: file(main)},
    )


def found(seen: Snapshot) -> list[Gap]:
    return list(gaps(HOST, {HOST.name: seen}, FLEET))


def mended(seen: Snapshot) -> dict[str, str]:
    """The settings of our file after the wants of every gap."""
    wants = {want.key: want.value for gap in found(seen) for want in gap.wants}
    (change,) = (c for c in changes_for("sshd", wants, seen) if isinstance(c, WriteFile))
    return parse(change.content)


def test_blocks_of_accounts_that_do_not_exist_yet_are_wanted() -> None:
    missing = found(host(FOR_ALL))
    accounts = [row.account for row in restricted_rows(HOST, FLEET)]
    assert [gap.what.split()[0] for gap in missing] == accounts
    assert {want.phase for gap in missing for want in gap.wants} == {Phase.NARROW}
    assert mended(host(FOR_ALL)) == OURS


def test_blocks_that_stand_are_no_gap() -> None:
    assert found(host()) == []


def test_accounts_that_exist_and_are_held_are_no_gap() -> None:
    assert found(host(OURS, *map(decided, blocks(HOST, FLEET)))) == []


@pytest.mark.parametrize("keyword", block(restricted_rows(HOST, FLEET)[0], HOST, FLEET))
def test_every_keyword_of_a_block_that_was_changed_is_put_right(keyword: str) -> None:
    key = f"User holdfast-audit {keyword}"
    for seen in (host(OURS | {key: "x"}), host({k: v for k, v in OURS.items() if k != key})):
        (gap,) = found(seen)
        assert [want.key for want in gap.wants] == [key]
        assert mended(seen) == OURS


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("forcecommand", "none"),
        ("allowtcpforwarding", "yes"),
        ("permittty", "yes"),
        ("authorizedkeysfile", ".ssh/authorized_keys"),
        ("passwordauthentication", "yes"),
        ("allowusers", "holdfast-drill holdfast-drill@10.0.0.1"),
        ("allowgroups", f"{RESTRICTED} {ADMINS} users"),
        ("acceptenv", "LD_*"),
    ],
)
def test_a_decision_that_our_block_does_not_make_is_for_a_person(keyword: str, value: str) -> None:
    """Our own lines stand, so what overrides them stands elsewhere."""
    (gap,) = found(host(OURS, decided("holdfast-drill", **{keyword: value})))
    assert (gap.automatic, keyword in gap.evidence) == (False, True)


def test_what_a_block_leaves_to_all_is_judged_for_its_account_too() -> None:
    (gap,) = found(host(OURS, decided("holdfast-drill", maxauthtries="99")))
    assert "holdfast-drill" in gap.evidence


def test_somebody_else_who_is_decided_like_a_restricted_account_is_a_gap() -> None:
    told = decided("holdfast-drill").model_copy(update={"user": "eve"})
    assert {"AllowGroups", "AuthorizedKeysFile"} <= {
        word for gap in found(host(OURS, told)) for word in gap.what.split()
    }


def test_a_block_of_an_account_without_a_place_here_goes() -> None:
    stray = {"User holdfast-old ForceCommand": "/bin/sh", "User holdfast-old PermitTTY": "yes"}
    assert len(found(host(OURS | stray))) == 2
    assert mended(host(OURS | stray)) == OURS


def test_a_block_of_somebody_else_in_our_own_file_goes() -> None:
    text = render(OURS) + "Match Address 10.0.0.0/8\n    PasswordAuthentication yes\n"
    assert mended(host(text=text)) == OURS


@pytest.mark.parametrize(
    "line",
    [
        "PermitRootLogin yes",
        "PasswordAuthentication yes",
        "Match User holdfast-audit\nPermitTTY no",
    ],
)
def test_a_line_too_many_in_our_own_file_is_a_gap_and_goes(line: str) -> None:
    text = f"{render(OURS)}{line}\n"
    assert found(host(text=text)) != []
    assert mended(host(text=text)) == OURS


def test_a_line_above_every_block_is_a_gap_and_goes() -> None:
    text = f"PasswordAuthentication yes\n{render(OURS)}"
    assert found(host(text=text)) != []
    assert mended(host(text=text)) == OURS


def test_a_block_of_somebody_else_for_another_account_is_no_gap() -> None:
    assert found(host(main="Match User git\n    ForceCommand /usr/bin/git-shell\n")) == []
