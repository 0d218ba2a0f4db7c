"""What the past says: since when, what changed, the score over time, before and after."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from holdfast.report.chronicle import (
    Event,
    Moment,
    attack_stories,
    chronicle,
    last_changed,
    since,
)
from holdfast.report.past import (
    Dated,
    KeptApplied,
    KeptApply,
    KeptAttempt,
    KeptAudit,
    KeptFinding,
    KeptHost,
    KeptProve,
    KeptUndo,
    Past,
    Run,
)
from holdfast.servers.attack import Outcome
from holdfast.servers.audit import Status

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
OPEN = "the door is open"
SITE = ("app", "db")


def day(number: int) -> datetime:
    return BEGIN + timedelta(days=number)


def past(*runs: Run) -> Past:
    """One run a day."""
    return Past(tuple(Dated(day(number), run) for number, run in enumerate(runs)))


def finding(status: Status, *gaps: str, control: str = "c.x") -> KeptFinding:
    evidence = [f"{gap} (seen now): mend it" for gap in gaps]
    if status in (Status.EXEMPT, Status.UNKNOWN):
        evidence.append("the reason")
    return KeptFinding(control=control, status=status, evidence=tuple(evidence))


def audit(*found: KeptFinding, host: str = "app") -> KeptAudit:
    return KeptAudit(hosts=(KeptHost(name=host, release="debian 12", findings=found),))


HOLDS = audit(finding(Status.PASS))
GAP = audit(finding(Status.GAP, OPEN))
UNKNOWN = audit(finding(Status.UNKNOWN))
EXEMPT = audit(finding(Status.EXEMPT, OPEN))
AWAY = KeptAudit(
    hosts=(
        KeptHost(
            name="app",
            release="unknown",
            findings=(
                KeptFinding(control="c.x", status=Status.UNKNOWN, evidence=("app: no answer",)),
            ),
        ),
    )
)


def attempt(outcome: Outcome, host: str = "app", evidence: str = "seen") -> KeptAttempt:
    return KeptAttempt(
        attack="c.x/try", control="c.x", host=host, vantage="outside", outcome=outcome,
        evidence=evidence,
    )  # fmt: skip


def prove(*outcomes: Outcome) -> KeptProve:
    return KeptProve(attacks=tuple(map(attempt, outcomes)))


def apply(error: str = "", *, transactions: tuple[str, ...] = ("t1",)) -> KeptApply:
    ids = () if error else transactions
    return KeptApply(hosts=(KeptApplied(name="app", error=error, transactions=ids, changes=3),))


# Since when


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ((GAP,), 0),
        ((GAP, GAP, GAP), 0),
        ((HOLDS, GAP, GAP), 1),
        ((GAP, HOLDS, GAP), 2),
        ((GAP, AWAY, GAP), 0),
        ((GAP, UNKNOWN), 0),
        ((AWAY, GAP), 1),
        ((GAP, EXEMPT), 0),
        ((GAP, audit(finding(Status.PASS), host="db"), GAP), 0),
        ((GAP, prove(Outcome.REPELLED), apply()), 0),
    ],
)
def test_a_gap_stands_since_the_first_audit_that_found_it_without_a_break(
    runs: tuple[Run, ...], expected: int
) -> None:
    assert since(past(*runs), "app", "c.x", OPEN) == day(expected)


@pytest.mark.parametrize("runs", [(), (HOLDS,), (GAP, HOLDS), (AWAY,)])
def test_a_gap_that_no_audit_found_last_is_new(runs: tuple[Run, ...]) -> None:
    assert since(past(*runs), "app", "c.x", OPEN) is None


def test_a_gap_of_another_host_or_control_is_another_gap() -> None:
    assert since(past(GAP), "db", "c.x", OPEN) is None
    assert since(past(GAP), "app", "c.y", OPEN) is None


def test_a_gap_is_known_again_when_something_else_was_seen() -> None:
    before = KeptFinding(control="c.x", status=Status.GAP, evidence=(f"{OPEN} (3 s ago)",))
    after = KeptFinding(control="c.x", status=Status.GAP, evidence=(f"{OPEN} (9 s ago)",))
    assert since(past(audit(before), audit(after)), "app", "c.x", OPEN) == day(0)


def test_a_gap_with_brackets_in_its_words_is_known_again() -> None:
    what = "a door (the back one) is open"
    assert since(past(audit(finding(Status.GAP, what))), "app", "c.x", what) == day(0)


# What changed


def happened(*runs: Run) -> list[list[Event]]:
    return [[h.event for h in moment.happenings] for moment in chronicle(past(*runs), SITE)]


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ((HOLDS, GAP), [Event.OPENED]),
        ((GAP, HOLDS), [Event.CLOSED]),
        ((GAP, GAP), []),
        ((GAP, AWAY), [Event.UNREACHED]),
        ((GAP, AWAY, AWAY), []),
        ((GAP, AWAY, GAP), [Event.BACK]),
        ((GAP, AWAY, HOLDS), [Event.BACK, Event.CLOSED]),
        ((GAP, UNKNOWN), []),
        ((GAP, UNKNOWN, GAP), []),
        ((GAP, UNKNOWN, HOLDS), [Event.CLOSED]),
        ((GAP, EXEMPT), [Event.EXEMPTED]),
        ((EXEMPT, GAP), [Event.COUNTS_AGAIN]),
        ((EXEMPT, HOLDS), [Event.COUNTS_AGAIN, Event.CLOSED]),
        ((HOLDS, audit(finding(Status.GAP, OPEN), host="db")), [Event.APPEARED]),
        ((AWAY, GAP), [Event.BACK, Event.APPEARED]),
        ((GAP, apply()), [Event.CHANGED]),
        ((GAP, apply(transactions=())), []),
        ((GAP, apply("app: taken back")), [Event.FAILED]),
        ((GAP, KeptUndo(host="app", undone="t1")), [Event.UNDONE]),
        ((GAP, KeptUndo(host="gone", undone="t1")), []),
        ((prove(Outcome.SUCCEEDED),), [Event.BROKEN_INTO]),
        ((prove(Outcome.SUCCEEDED), prove(Outcome.SUCCEEDED)), []),
        ((prove(Outcome.SUCCEEDED), prove(Outcome.REPELLED)), [Event.REPELLED]),
        ((prove(Outcome.REPELLED), prove(Outcome.INCONCLUSIVE)), []),
    ],
)
def test_the_last_run_changed_this(runs: tuple[Run, ...], expected: list[Event]) -> None:
    assert happened(*runs)[-1] == expected


def test_the_first_audit_of_a_host_says_how_many_gaps_it_has() -> None:
    (moment,) = chronicle(past(GAP), SITE)
    (first,) = moment.happenings
    assert (first.event, first.host, first.what) == (Event.APPEARED, "app", "1 gap")


def test_a_host_that_was_not_reached_says_why() -> None:
    assert chronicle(past(AWAY), SITE)[0].happenings[0].what == "no answer"


def test_one_of_two_gaps_with_the_same_words_closes() -> None:
    twice = audit(finding(Status.GAP, OPEN, OPEN))
    assert happened(twice, GAP)[-1] == [Event.CLOSED]


def test_a_host_that_is_not_of_the_site_any_more_is_left_out() -> None:
    assert chronicle(past(audit(finding(Status.GAP, OPEN), host="gone")), SITE) == (
        Moment(day(0), "audit", (), 0),
    )


# The score over time


def scores(*runs: Run) -> list[int | None]:
    return [moment.score for moment in chronicle(past(*runs), SITE)]


def test_the_score_follows_the_audits() -> None:
    assert scores(GAP, HOLDS) == [0, 100]


def test_an_audit_of_one_host_keeps_what_is_known_of_the_others() -> None:
    assert scores(HOLDS, audit(finding(Status.GAP, OPEN), host="db"), HOLDS) == [100, 50, 50]


def test_a_host_that_is_away_counts_as_not_protected() -> None:
    assert scores(HOLDS, AWAY) == [100, 0]


def test_what_is_exempt_does_not_count() -> None:
    both = audit(finding(Status.PASS), finding(Status.EXEMPT, OPEN, control="c.y"))
    assert scores(both) == [100]


def test_only_audits_have_a_score() -> None:
    assert scores(HOLDS, apply(), prove(Outcome.REPELLED)) == [100, None, None]


# Attacks, before and after


def test_an_attack_is_told_from_its_first_to_its_last_time() -> None:
    found = past(prove(Outcome.SUCCEEDED), prove(Outcome.SUCCEEDED), prove(Outcome.REPELLED))
    (story,) = attack_stories(found, SITE)
    assert (story.first.outcome, story.first.at) == (Outcome.SUCCEEDED, day(0))
    assert (story.last.outcome, story.last.at) == (Outcome.REPELLED, day(2))
    assert story.times == 3


def test_an_attack_knows_the_changes_between_its_first_and_last_time() -> None:
    runs = (apply(), prove(Outcome.SUCCEEDED), apply(), prove(Outcome.REPELLED), apply())
    (story,) = attack_stories(past(*runs), SITE)
    assert story.applied == (day(2),)


def test_a_change_that_was_taken_back_is_none() -> None:
    runs = (prove(Outcome.SUCCEEDED), apply("app: taken back"), prove(Outcome.SUCCEEDED))
    (story,) = attack_stories(past(*runs), SITE)
    assert story.applied == ()


def test_each_host_has_its_own_story() -> None:
    both = KeptProve(attacks=(attempt(Outcome.REPELLED), attempt(Outcome.SUCCEEDED, "db")))
    assert [story.host for story in attack_stories(past(both), SITE)] == ["app", "db"]


# The last change


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ((GAP,), None),
        ((GAP, apply()), day(1)),
        ((GAP, apply(), GAP), day(1)),
        ((apply(), KeptUndo(host="app", undone="t1")), day(1)),
        ((apply(transactions=()),), None),
        ((apply("app: taken back"),), day(0)),
    ],
)
def test_when_a_host_was_last_worked_on(runs: tuple[Run, ...], expected: datetime | None) -> None:
    assert last_changed(past(*runs), "app") == expected


def test_an_attack_on_an_application_has_a_story_of_its_own() -> None:
    on_host = attempt(Outcome.REPELLED)
    both = (on_host, on_host.model_copy(update={"app": "todo"}))
    stories = attack_stories(past(KeptProve(attacks=both)), SITE)
    assert [story.target for story in stories] == ["app", "todo on app"]


def test_a_name_from_a_file_is_escaped_where_it_is_told() -> None:
    hostile = attempt(Outcome.REPELLED).model_copy(update={"app": "\x1b[2Jtodo"})
    (story,) = attack_stories(past(KeptProve(attacks=(hostile,))), SITE)
    assert "\x1b" not in story.target
