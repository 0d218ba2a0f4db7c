"""A plan: wants folded per resource, widen before narrow, and nothing secret or hostile in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date

import pytest
from building import SITE, account, file, key_line, site, snapshot
from model import proven

from holdfast.servers.audit import Finding, Status, judge
from holdfast.servers.catalogue import all_controls
from holdfast.servers.changes import InstallPackages, WriteFile
from holdfast.servers.control import Control, Gap, Phase, Principle, Severity, Want
from holdfast.servers.plan import (
    Demand,
    Plan,
    PlanConflict,
    changes,
    fold,
    login_proven,
    make_plan,
    wanted,
)
from holdfast.servers.resources import SUDOERS_FILE
from holdfast.servers.snapshot import Evidence, Snapshot, Sudo, Unreadable
from holdfast.site import Host, Site

TODAY = date(2026, 1, 1)
PACKAGE = Want("package nftables", "installed", "yes", Phase.WIDEN)
GROUP = Want("group g", "exists", "yes", Phase.WIDEN)
SETTING = Want("sshd", "PermitRootLogin", "no", Phase.NARROW)


def finding(*wants: Want, control: str = "test.one", status: Status = Status.GAP) -> Finding:
    """A finding whose one gap has these wants."""

    def none(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
        return ()

    of = Control(
        control, "t", Principle.AUTOMATE_CHECKS, "G1", Severity.LOW, "nothing", "all", none
    )
    return Finding(of, status, (Gap("w", "e", wants=wants),))


def plan(*findings: Finding, seen: Snapshot | None = None) -> Plan:
    return make_plan("app", findings, seen or snapshot(), site())


def planned(seen: Snapshot) -> Plan:
    """What all controls together plan for a host."""
    of = site()
    found = judge(of.hosts["app"], {"app": seen}, of, all_controls(), TODAY)
    return make_plan("app", found, seen, of)


def test_new_ways_in_come_before_old_ones_are_closed() -> None:
    assert plan(finding(SETTING, PACKAGE)).phase is Phase.WIDEN


def test_a_transaction_that_widens_closes_nothing() -> None:
    assert plan(finding(SETTING, PACKAGE)).wants == (PACKAGE,)


def test_what_waits_is_told() -> None:
    assert plan(finding(SETTING, PACKAGE)).later == (SETTING,)


def test_old_ways_are_closed_when_nothing_is_left_to_widen() -> None:
    narrow = plan(finding(SETTING))
    assert (narrow.phase, narrow.wants, narrow.later) == (Phase.NARROW, (SETTING,), ())


def test_a_fresh_server_is_widened_first() -> None:
    first = planned(snapshot())
    assert first.phase is Phase.WIDEN
    assert {want.phase for want in first.later} == {Phase.NARROW}


def test_nothing_wanted_is_an_empty_plan() -> None:
    assert plan().empty


def test_what_is_exempt_changes_nothing() -> None:
    assert plan(finding(PACKAGE, status=Status.EXEMPT)).empty


def test_what_is_exempt_is_not_wanted() -> None:
    assert wanted([finding(PACKAGE, status=Status.EXEMPT)]) == []


def test_two_controls_that_want_the_same_are_served_once() -> None:
    both = plan(finding(PACKAGE), finding(PACKAGE, control="test.two"))
    assert len(both.changes) == 1


def test_a_conflict_names_both_controls_and_both_values() -> None:
    other = Want("sshd", "PermitRootLogin", "yes", Phase.NARROW)
    with pytest.raises(PlanConflict) as caught:
        plan(finding(SETTING), finding(other, control="test.two"))
    message = str(caught.value)
    assert all(
        word in message for word in ("test.one", "test.two", "PermitRootLogin", "'no'", "'yes'")
    )


def test_a_conflict_says_what_to_do_in_one_line() -> None:
    other = Want("sshd", "PermitRootLogin", "yes", Phase.NARROW)
    with pytest.raises(PlanConflict, match=r"^[^\n]*make an exception[^\n]*$"):
        plan(finding(SETTING), finding(other, control="test.two"))


def test_wants_of_several_controls_are_folded_per_resource() -> None:
    other = Want("sshd", "X11Forwarding", "no", Phase.NARROW)
    folded = fold([Demand("test.one", SETTING), Demand("test.two", other)])
    assert folded == {"sshd": {"PermitRootLogin": "no", "X11Forwarding": "no"}}


def test_several_controls_write_one_file_together() -> None:
    other = Want("sshd", "X11Forwarding", "no", Phase.NARROW)
    (change,) = plan(finding(SETTING), finding(other, control="test.two")).changes
    assert isinstance(change, WriteFile)
    assert "PermitRootLogin no" in change.content
    assert "X11Forwarding no" in change.content


def test_all_packages_are_one_change() -> None:
    more = Want("package sudo", "installed", "yes", Phase.WIDEN)
    (change,) = plan(finding(more), finding(PACKAGE, control="test.two")).changes
    assert change == InstallPackages(("nftables", "sudo"))


def test_changes_run_in_the_order_of_their_kinds() -> None:
    orders = [change.order for change in planned(snapshot()).changes]
    assert orders == sorted(orders)


def test_changes_of_a_kind_run_in_the_order_of_their_resources() -> None:
    groups = [Want(f"group {name}", "exists", "yes", Phase.WIDEN) for name in ("c", "a", "b")]
    assert [c.resource for c in plan(finding(*groups)).changes] == ["group a", "group b", "group c"]


def test_every_resource_of_the_host_is_changed_once() -> None:
    text = "Defaults !authenticate\nDefaults timestamp_type=global\n"
    policy = {"Defaults": [{"Options": [{"authenticate": False}, {"timestamp_type": "global"}]}]}
    seen = snapshot(
        files={SUDOERS_FILE: file(text, 0o440)}, sudo=Sudo(installed=True, policy=policy)
    )
    of = site()
    found = judge(of.hosts["app"], {"app": seen}, of, all_controls(), TODAY)
    demands = [d for d in wanted(found) if d.want.phase is Phase.NARROW]
    resources = [change.resource for change in changes(demands, seen)]
    assert len(resources) == len(set(resources))


# Evidence of a login


def test_a_login_that_was_proven_with_a_key_of_the_site_counts() -> None:
    assert login_proven(proven(snapshot(), site()), site())


@pytest.mark.parametrize(
    "record",
    [
        Evidence(kind="drill", subject="alice", bound_to="", at=1.0),
        Evidence(kind="login", subject="bob", bound_to="", at=1.0),
        Evidence(kind="login", subject="alice", bound_to="SHA256:another", at=1.0),
    ],
    ids=["of another kind", "of somebody else", "with a key that the site no longer has"],
)
def test_other_evidence_does_not_count(record: Evidence) -> None:
    key = site().admins["alice"].keys[0].fingerprint
    held = record if record.bound_to else record.model_copy(update={"bound_to": key})
    assert not login_proven(snapshot(evidence=(held,)), site())


def test_a_login_without_a_key_proves_nothing() -> None:
    record = Evidence(kind="login", subject="alice", bound_to="", at=1.0)
    assert not login_proven(snapshot(evidence=(record,)), site())


def test_evidence_that_could_not_be_read_proves_nothing() -> None:
    assert not login_proven(snapshot(evidence=Unreadable(unreadable="needs root")), site())


# Secrets stay names


def shown_forms(plan: Plan) -> list[str]:
    texts = [text for change in plan.changes for text in (change.title(), change.diff())]
    return [
        *texts,
        repr(plan),
        json.dumps([change.wire() for change in plan.changes]),
        json.dumps([asdict(want) for want in plan.wants]),
    ]


def test_a_plan_names_its_secret_wherever_it_is_shown() -> None:
    named = [text for text in shown_forms(planned(snapshot())) if "sudo_password" in text]
    assert len(named) == 4


def test_a_plan_is_made_without_the_value_of_any_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_PASSWORD_OF_ALICE", "correct horse battery staple")
    stored = SITE.replace(
        "[hosts.app]", 'sudo_password = "env:SUDO_PASSWORD_OF_ALICE"\n[hosts.app]', 1
    )
    of, seen = site(stored), snapshot()
    found = judge(of.hosts["app"], {"app": seen}, of, all_controls(), TODAY)
    assert "correct horse" not in "".join(shown_forms(make_plan("app", found, seen, of)))


def test_a_strangers_account_is_never_part_of_a_plan() -> None:
    eve = account(
        1001,
        shell="/bin/bash",
        home="/home/eve",
        groups=("sudo", "docker"),
        password="empty",
        key_files={"/home/eve/.ssh/authorized_keys": file(key_line("eve"))},
    )
    seen = snapshot(accounts={"root": account(0), "eve": eve})
    assert "eve" not in "".join(change.resource for change in planned(seen).changes)
