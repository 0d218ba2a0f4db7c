"""A report from the history alone: the newest snapshot judged anew, and what the past adds."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from holdfast.report.paint import Paint
from holdfast.report.recalled import NothingKept, Recalled, recalled
from holdfast.report.summary import report_data, report_lines
from holdfast.report.view import Posture, ShownHost
from holdfast.servers.attack import Outcome
from holdfast.servers.audit import Status
from holdfast.servers.history import History
from holdfast.site import parse_site
from ten_runs import ALL, BEGIN, REPORTED, TEXT, Past, fresh, ten_runs


def report(past: Past) -> Recalled:
    return recalled(past.history, past.site, ALL, REPORTED)


@pytest.fixture
def past(tmp_path: Path) -> Past:
    """A folder without a past."""
    return Past(tmp_path)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Recalled:
    """A past of ten runs and more."""
    return report(ten_runs(tmp_path_factory.mktemp("site")))


def posture(found: Recalled) -> Posture:
    assert found.report.posture is not None
    return found.report.posture


def host(found: Recalled, name: str) -> ShownHost:
    return next(one for one in posture(found).hosts if one.name == name)


def test_without_a_history_it_says_what_to_run(past: Past) -> None:
    with pytest.raises(NothingKept, match=r"\.holdfast: no run is kept here yet: .*holdfast audit"):
        report(past)


def test_a_history_of_which_nothing_can_be_read_says_why(past: Past) -> None:
    past.seen = {"app": fresh("app")}
    past.audit(0)
    for path in past.history.folder.rglob("*.json"):
        path.write_text("{")
    with pytest.raises(NothingKept, match="damaged"):
        report(past)


def test_the_newest_snapshot_is_judged(long: Recalled) -> None:
    gaps = {(f.host, f.control.id) for f in posture(long).of(Status.GAP)}
    assert gaps == {("app", "sudo.password"), ("db", "admins.ordinary")}


def test_it_is_judged_by_todays_site_file(past: Past) -> None:
    past.seen = {"app": fresh("app")}
    past.audit(0)
    exempt = '[exceptions]\n"ssh.keys-only" = { because = "we chose to" }'
    today = parse_site(
        TEXT.split("[exceptions")[0] + exempt, path=past.site.folder / "holdfast.toml"
    )
    found = recalled(past.history, today.run_by("alice"), ALL, REPORTED)
    assert [f.control.id for f in posture(found).of(Status.EXEMPT)] == ["ssh.keys-only"]


def test_what_a_newer_site_file_changed_is_told_as_of_the_report(past: Past) -> None:
    past.seen = {"app": fresh("app")}
    past.audit(0)
    exempt = '[exceptions]\n"ssh.keys-only" = { because = "we chose to" }'
    today = parse_site(
        TEXT.split("[exceptions")[0] + exempt, path=past.site.folder / "holdfast.toml"
    )
    found = recalled(past.history, today.run_by("alice"), ALL, REPORTED)
    moment = (found.report.moments or ())[-1]
    assert (moment.at, [h.event for h in moment.happenings if h.host == "app"]) == (
        REPORTED,
        ["exempt now"],
    )


def test_every_gap_says_since_when(long: Recalled) -> None:
    found = {gap.what: gap.since for f in posture(long).of(Status.GAP) for gap in f.gaps}
    assert found == {
        "a line lets somebody use sudo without a password": BEGIN + timedelta(days=9),
        "mallory is in group sudo and can become root, but is no admin": BEGIN,
        "mallory has a login shell, but is no admin of the site": BEGIN,
    }


def test_an_automatic_gap_shows_its_change(long: Recalled) -> None:
    (finding,) = (f for f in posture(long).of(Status.GAP) if f.host == "app")
    (change,) = finding.changes
    assert "-deploy ALL=(ALL) NOPASSWD: ALL\n+deploy ALL=(ALL) ALL\n" in change.diff


def test_an_exempt_gap_shows_its_end_and_no_change(long: Recalled) -> None:
    (finding,) = posture(long).of(Status.EXEMPT)
    assert (str(finding.until), len(finding.gaps), finding.changes) == ("2026-01-31", 1, ())


def test_a_host_that_was_not_reached_last_is_unknown_and_says_when_it_was(long: Recalled) -> None:
    found = host(long, "backup")
    assert (found.trouble, found.read) == (
        "203.0.113.12 port 22: no answer within 5 s",
        BEGIN + timedelta(days=9),
    )
    assert {f.host for f in posture(long).of(Status.UNKNOWN)} == {"backup"}


def test_a_host_that_was_never_audited_says_what_reads_it(past: Past) -> None:
    past.seen = {"app": fresh("app")}
    past.audit(0)
    assert host(report(past), "db").trouble == "no snapshot of it is kept: holdfast audit reads it"


def test_a_host_that_could_be_read_again_is_judged(past: Past) -> None:
    past.seen = {"app": fresh("app"), "backup": fresh("backup")}
    past.audit(0, away="backup")
    past.audit(1)
    assert host(report(past), "backup").trouble == ""


def test_what_apply_left_behind_is_judged_without_another_audit(past: Past) -> None:
    past.seen = {"app": fresh("app")}
    past.audit(0)
    past.apply(1, "app")
    found = report(past)
    assert {f.host for f in posture(found).of(Status.GAP)} == set()
    assert not host(found, "app").changed


def test_a_host_that_was_worked_on_after_its_snapshot_says_so(past: Past) -> None:
    past.seen = {"app": fresh("app")}
    past.audit(0)
    past.history.keep_run("undo", BEGIN + timedelta(days=1), {"host": "app", "undone": "t1"})
    assert host(report(past), "app").changed


def test_a_damaged_snapshot_is_named_and_the_one_before_is_judged(past: Past) -> None:
    past.seen = {"app": fresh("app")}
    past.audit(0)
    past.audit(1)
    path = past.history.snapshots("app")[-1].path
    path.write_text('{"version": 1}')
    found = report(past)
    assert host(found, "app").read == BEGIN
    assert any(str(path) in note for note in found.report.notes)


def test_a_host_that_left_the_site_is_named(past: Past) -> None:
    past.seen = {"app": fresh("app")}
    past.audit(0)
    path = past.history.runs()[0].path
    path.write_text(path.read_text().replace('"name": "app"', '"name": "old-app"'))
    assert report(past).report.notes == (
        "the history also has hosts that are not of the site: old-app",
    )


def test_attacks_are_told_before_and_after(long: Recalled) -> None:
    ends = {
        (one.story.first.outcome, one.story.last.outcome)
        for one in long.report.attacks or ()
        if one.story.host == "app" and one.story.control == "ssh.keys-only"
    }
    assert ends == {(Outcome.SUCCEEDED, Outcome.REPELLED)}


def test_an_attack_has_the_title_of_its_control(long: Recalled) -> None:
    titles = {one.title for one in long.report.attacks or ()}
    assert "log in as root with the right key" in titles


def test_the_score_rises_and_falls_with_the_audits(long: Recalled) -> None:
    scores = [m.score for m in long.report.moments or () if m.score is not None]
    assert scores[0] < max(scores) > scores[-1] == long.audit.score


def test_data_holds_the_audit_and_what_the_past_adds(long: Recalled) -> None:
    data = json.loads(json.dumps(report_data(long)))
    assert set(data) == {
        "site", "at", "hosts", "score", "standing", "runs", "attacks", "notes",
    }  # fmt: skip


def test_a_person_reads_since_when_and_what_changed(long: Recalled) -> None:
    text = "\n".join(report_lines(long, Paint(False), verbose=False))
    assert "  2026-01-12  a line lets somebody use sudo without a password" in text
    assert "backup could not be reached 203.0.113.12 port 22: no answer within 5 s" in text


def test_reading_two_hundred_runs_takes_a_moment(past: Past) -> None:
    past.seen = {"app": fresh("app")}
    for day in range(200):
        past.audit(day / 100)
    assert len(report(past).report.moments or ()) == 201


def test_nothing_is_written_by_reading(past: Past) -> None:
    past.seen = {"app": fresh("app")}
    past.audit(0)
    before = sorted(past.history.folder.rglob("*"))
    report(past)
    assert sorted(History(past.site.folder).folder.rglob("*")) == before
