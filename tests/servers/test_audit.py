"""What a control's gaps become: a finding with a status, and a score of them all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

import pytest
from building import SITE, site, snapshot
from hypothesis import given
from hypothesis import strategies as st

from holdfast.servers.audit import Finding, Status, judge, score
from holdfast.servers.control import (
    Control,
    Gap,
    NotApplicable,
    Phase,
    Principle,
    Severity,
    Want,
)
from holdfast.servers.snapshot import CannotJudge, Snapshot
from holdfast.site import Host, Role, Site

TODAY = date(2026, 1, 1)
AUTOMATIC = Gap("a", "seen", wants=(Want("package x", "installed", "yes", Phase.WIDEN),))
MANUAL = Gap("m", "seen", mend="do it")


def control(
    *gaps: Gap, fails: Exception | None = None, roles: Iterable[Role] = tuple(Role)
) -> Control:
    def find(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
        yield from gaps
        if fails is not None:
            raise fails

    return Control(
        "test.control",
        "a title",
        Principle.AUTOMATE_CHECKS,
        "G1",
        Severity.LOW,
        "nothing",
        "all",
        find,
        frozenset(roles),
    )


def excepted(until: date | None = None, hosts: str = "") -> Site:
    """The site with an exception for the control."""
    end = f", until = {until.isoformat()}" if until else ""
    where = f", hosts = [{hosts}]" if hosts else ""
    exception = f'"test.control" = {{ because = "we chose to"{where}{end} }}'
    return site(f"{SITE}\n[exceptions]\n{exception}\n")


def judged(of: Control, by: Site | None = None) -> Finding:
    by = by or site()
    (finding,) = judge(by.hosts["app"], {"app": snapshot()}, by, [of], TODAY)
    return finding


def test_a_control_without_gaps_passes() -> None:
    assert judged(control()).status is Status.PASS


@pytest.mark.parametrize("gap", [AUTOMATIC, MANUAL])
def test_a_gap_of_either_kind_is_a_gap(gap: Gap) -> None:
    assert judged(control(gap)).status is Status.GAP


def test_gaps_are_counted_by_who_closes_them() -> None:
    finding = judged(control(AUTOMATIC, MANUAL, MANUAL))
    assert (finding.automatic, finding.manual) == (1, 2)


def test_a_gap_that_nobody_could_close_is_refused() -> None:
    with pytest.raises(ValueError, match="says what a person does"):
        Gap("something is wrong", "seen")


def test_a_control_for_another_role_does_not_apply() -> None:
    finding = judged(control(MANUAL, roles=[Role.DATABASE]))
    assert (finding.status, finding.reason) == (Status.NOT_APPLICABLE, "not for role app")


def test_a_control_with_nothing_to_protect_does_not_apply_and_says_why() -> None:
    finding = judged(control(fails=NotApplicable("no sudo here")))
    assert (finding.status, finding.reason) == (Status.NOT_APPLICABLE, "no sudo here")


def test_what_could_not_be_judged_is_unknown_and_says_why() -> None:
    finding = judged(control(fails=CannotJudge("needs root")))
    assert (finding.status, finding.reason) == (Status.UNKNOWN, "needs root")


def test_a_control_that_fails_half_way_is_unknown_whatever_it_had_found() -> None:
    assert judged(control(MANUAL, fails=CannotJudge("needs root"))).status is Status.UNKNOWN


def test_an_exception_makes_a_gap_exempt_and_says_why() -> None:
    finding = judged(control(MANUAL), excepted())
    assert (finding.status, finding.reason) == (Status.EXEMPT, "we chose to")


def test_an_exempt_finding_still_shows_its_gaps() -> None:
    assert judged(control(MANUAL), excepted()).gaps == (MANUAL,)


def test_an_exception_is_shown_though_there_is_no_gap() -> None:
    assert judged(control(), excepted()).status is Status.EXEMPT


def test_an_exception_does_not_hide_that_a_host_could_not_be_judged() -> None:
    assert judged(control(fails=CannotJudge("needs root")), excepted()).status is Status.UNKNOWN


@pytest.mark.parametrize(("hosts", "status"), [('"app"', Status.EXEMPT), ('"db"', Status.GAP)])
def test_an_exception_counts_on_its_own_hosts_alone(hosts: str, status: Status) -> None:
    assert judged(control(MANUAL), excepted(hosts=hosts)).status is status


@pytest.mark.parametrize(
    ("until", "status"),
    [
        (TODAY + timedelta(days=1), Status.EXEMPT),
        (TODAY, Status.EXEMPT),
        (TODAY - timedelta(days=1), Status.GAP),
    ],
)
def test_an_exception_counts_until_the_end_of_its_last_day(until: date, status: Status) -> None:
    assert judged(control(MANUAL), excepted(until)).status is status


def test_an_expired_exception_is_a_gap_by_itself() -> None:
    finding = judged(control(), excepted(date(2025, 12, 31)))
    assert finding.status is Status.GAP
    assert finding.gaps[0].what == "the exception for test.control ended on 2025-12-31"


def test_an_expired_exception_stands_beside_the_gaps_it_once_covered() -> None:
    assert len(judged(control(MANUAL), excepted(date(2025, 12, 31))).gaps) == 2


def test_an_expired_exception_is_for_a_person() -> None:
    assert judged(control(), excepted(date(2025, 12, 31))).manual == 1


def of_status(*statuses: Status) -> list[Finding]:
    return [Finding(control(), status) for status in statuses]


@pytest.mark.parametrize(
    ("statuses", "percent"),
    [
        ((Status.PASS,), 100),
        ((Status.GAP,), 0),
        ((Status.PASS, Status.GAP), 50),
        ((Status.PASS, Status.UNKNOWN), 50),
        ((Status.PASS, Status.PASS, Status.UNKNOWN), 67),
        ((Status.PASS, Status.NOT_APPLICABLE), 100),
        ((Status.PASS, Status.EXEMPT), 100),
        ((Status.UNKNOWN,), 0),
        ((), 0),
    ],
)
def test_the_score_is_the_share_of_judged_controls_that_pass(
    statuses: tuple[Status, ...], percent: int
) -> None:
    assert score(of_status(*statuses)) == percent


@given(st.lists(st.sampled_from(Status)), st.sampled_from(Status))
def test_only_passing_everything_scores_a_hundred(some: list[Status], other: Status) -> None:
    findings = of_status(*some, other)
    bad = {Status.GAP, Status.UNKNOWN} & {finding.status for finding in findings}
    assert len(findings) > 200 or not bad or score(findings) < 100
