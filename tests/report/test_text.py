"""What a person reads: complete, counted, and free of whatever a hostile host puts into it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from building import account, file, site, snapshot
from hypothesis import given
from hypothesis import strategies as st

from holdfast.report.audits import Audit, HostAudit
from holdfast.report.paint import Paint
from holdfast.report.text import attempt_lines, audit_lines, finding_counts, plan_lines
from holdfast.servers.attack import Outcome
from holdfast.servers.audit import Finding, Status, judge, unjudged
from holdfast.servers.catalogue import all_controls
from holdfast.servers.changes import ABSENT, CreateGroup, SetPassword, WriteFile
from holdfast.servers.changes import Secret as SecretName
from holdfast.servers.control import Control, Gap, Phase, Principle, Severity, Want
from holdfast.servers.fleet import Failure
from holdfast.servers.plan import Plan, make_plan
from holdfast.servers.prove import Attempt
from holdfast.servers.session_errors import Unreachable
from holdfast.servers.snapshot import Release, Snapshot, Sudo
from holdfast.site import Host, Site
from holdfast.site.errors import is_control

AT = datetime(2026, 1, 2, tzinfo=UTC)
PLAIN = Paint(False)
HOSTILE = [
    "\x1b[2J\x1b[31m",
    "\r\x1b[1A",
    "\u202egnp",
    "\x9b2J",
    "\x07",
    "\u2028",
    "\u2066",
    "\x7f",
]
WANT = Want("package x", "installed", "yes", Phase.WIDEN)
AUTOMATIC = Gap("it is open", "port 1", wants=(WANT,))
MANUAL = Gap("eve is root", "UID 0", mend="remove eve")


def none(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    return ()


CONTROL = Control(
    "c.x", "a title", Principle.ENCRYPT, "G1.2", Severity.HIGH, "nothing", "all", none
)


def audit(*findings: Finding, seen: Snapshot | None = None) -> Audit:
    host = HostAudit("app", (seen or snapshot()).model_copy(update={"seconds": 0.5}), findings)
    return Audit("todo", AT, (host,))


def half_down(message: str = "db: unreachable") -> Audit:
    """A site of two hosts, of which one could not be reached."""
    up = HostAudit("app", snapshot(), (Finding(CONTROL, Status.PASS),))
    down = HostAudit("db", None, unjudged([CONTROL], message))
    return Audit("todo", AT, (up, down), (Failure("db", Unreachable(message)),))


def read(of: Audit, *, verbose: bool = False) -> str:
    return "\n".join(audit_lines(of, PLAIN, verbose=verbose))


def planned(*changes: CreateGroup | SetPassword | WriteFile, losing: tuple[str, ...] = ()) -> str:
    plan = Plan("app", Phase.WIDEN, changes, (WANT,))
    return "\n".join(plan_lines(plan, PLAIN, losing))


def attempt(outcome: Outcome, *, evidence: str = "seen", host: str = "app") -> Attempt:
    return Attempt("c.x/a", "c.x", host, "outside", "try it", outcome, evidence)


def harmless(text: str) -> bool:
    return not any(is_control(character) for character in text.replace("\n", ""))


# An audit


def test_a_host_is_headed_by_its_name_release_and_time() -> None:
    assert read(audit(Finding(CONTROL, Status.PASS))).startswith("app  debian 12, read in 0.50 s\n")


@pytest.mark.parametrize(
    ("status", "mark"),
    [(Status.PASS, "✔"), (Status.GAP, "✘"), (Status.EXEMPT, "○"), (Status.UNKNOWN, "?")],
)
def test_a_finding_is_one_line_with_its_mark(status: Status, mark: str) -> None:
    (line,) = (line for line in read(audit(Finding(CONTROL, status))).splitlines() if "c.x" in line)
    assert line.split()[:2] == [mark, "c.x"]


def about(gap: Gap) -> str:
    """The line about a gap."""
    (line,) = (
        x for x in read(audit(Finding(CONTROL, Status.GAP, (gap,)))).splitlines() if gap.what in x
    )
    return line


def test_who_closes_a_gap_is_told_by_its_mark() -> None:
    assert (about(AUTOMATIC).split()[0], about(MANUAL).split()[0]) == ("~", "!")


def test_a_manual_gap_says_what_a_person_does() -> None:
    assert "do: remove eve" in read(audit(Finding(CONTROL, Status.GAP, (MANUAL,))))


def test_a_gap_shows_what_was_seen() -> None:
    assert "UID 0" in read(audit(Finding(CONTROL, Status.GAP, (MANUAL,))))


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.EXEMPT])
def test_what_is_not_judged_says_why(status: Status) -> None:
    assert "(because of this)" in read(audit(Finding(CONTROL, status, (), "because of this")))


def test_what_does_not_apply_is_left_out() -> None:
    assert "c.x" not in read(audit(Finding(CONTROL, Status.NOT_APPLICABLE)))


def test_what_does_not_apply_is_shown_to_who_asks_for_more() -> None:
    assert "c.x" in read(audit(Finding(CONTROL, Status.NOT_APPLICABLE)), verbose=True)


def test_what_does_not_apply_has_a_mark_of_its_own() -> None:
    assert "– c.x" in read(audit(Finding(CONTROL, Status.NOT_APPLICABLE)), verbose=True)


def test_a_host_that_could_not_be_reached_is_one_line_that_says_why() -> None:
    assert [line for line in read(half_down()).splitlines() if "db" in line] == [
        "db  ? unreachable"
    ]


def test_what_could_not_be_judged_is_counted() -> None:
    assert read(half_down()).splitlines()[-1] == "score 50  1 pass, 1 unknown"


def test_the_last_lines_count_who_closes_what() -> None:
    found = audit(Finding(CONTROL, Status.GAP, (AUTOMATIC, MANUAL, MANUAL)))
    assert read(found).splitlines()[-2:] == [
        "1 gaps (~) close with `holdfast apply`",
        "2 gaps (!) are for a person",
    ]


def test_the_score_stands_with_the_counts() -> None:
    found = audit(Finding(CONTROL, Status.GAP), Finding(CONTROL, Status.PASS))
    assert read(found).splitlines()[-1] == "score 50  1 pass, 1 gap"


def test_exempt_gaps_are_not_counted() -> None:
    assert finding_counts([Finding(CONTROL, Status.EXEMPT, (AUTOMATIC, MANUAL))]) == (0, 0)


def test_open_gaps_are_counted_by_who_closes_them() -> None:
    assert finding_counts([Finding(CONTROL, Status.GAP, (AUTOMATIC, MANUAL, MANUAL))]) == (1, 2)


# A plan


def test_a_plan_without_changes_says_so() -> None:
    assert planned() == "app  0 changes"


def test_a_plan_counts_its_changes_and_names_its_phase() -> None:
    assert planned(CreateGroup("g")).splitlines()[0] == "app  1 changes, widen"


def test_a_plan_shows_a_file_as_a_diff() -> None:
    change = WriteFile("/etc/x", "new\n", 0o644, "root", "root", "0644 root root 0", "old\n")
    assert [line.strip() for line in planned(change).splitlines()[-2:]] == ["-old", "+new"]


def test_a_plan_names_who_loses_a_login() -> None:
    assert "these accounts lose their login: bob, eve" in planned(
        CreateGroup("g"), losing=("bob", "eve")
    )


def test_a_plan_says_what_waits() -> None:
    later = (Want("sshd", "PermitRootLogin", "no", Phase.NARROW),)
    plan = Plan("app", Phase.WIDEN, (CreateGroup("g"),), (WANT,), later)
    assert "1 demands on sshd" in "\n".join(plan_lines(plan, PLAIN, ()))


def test_a_plan_names_a_secret() -> None:
    change = SetPassword("alice", SecretName("admins.alice.sudo_password"), ABSENT)
    assert "(admins.alice.sudo_password)" in planned(change)


# Attacks


@pytest.mark.parametrize("outcome", Outcome)
def test_an_attack_shows_its_outcome_and_what_was_seen(outcome: Outcome) -> None:
    text = "\n".join(attempt_lines([attempt(outcome)], PLAIN))
    assert outcome.value in text.splitlines()[1]
    assert "seen" in text


def test_attacks_are_counted_by_outcome() -> None:
    found = [attempt(o) for o in (Outcome.REPELLED, Outcome.REPELLED, Outcome.SUCCEEDED)]
    assert list(attempt_lines(found, PLAIN))[-1] == "2 repelled, 1 succeeded"


def test_attacks_stand_under_their_host() -> None:
    found = [attempt(Outcome.REPELLED, host=host) for host in ("app", "db", "app")]
    lines = list(attempt_lines(found, PLAIN))
    assert [line for line in lines if line in ("app", "db")] == ["app", "db"]


# Colours


@pytest.mark.parametrize(
    ("terminal", "no_color", "colours"),
    [(True, None, True), (True, "1", False), (True, "", True), (False, None, False)],
)
def test_colours_are_for_terminals_whose_owner_wants_them(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, no_color: str | None, colours: bool
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    assert Paint.on(stream).colours is colours


def test_a_colour_ends_after_its_text() -> None:
    assert Paint(True)("red", "x") == "\x1b[31mx\x1b[0m"


@given(st.text())
def test_text_cannot_break_out_of_its_colour(text: str) -> None:
    assert Paint(True)("red", text).count("\x1b") == 2


# What a hostile host says


@pytest.mark.parametrize("evil", HOSTILE)
def test_nothing_hostile_in_a_gap_reaches_the_terminal(evil: str) -> None:
    gap = Gap(f"w{evil}", f"e{evil}", mend=f"m{evil}")
    text = read(audit(Finding(CONTROL, Status.GAP, (gap,), f"r{evil}")))
    assert harmless(text)


@pytest.mark.parametrize("evil", HOSTILE)
def test_nothing_hostile_in_a_release_reaches_the_terminal(evil: str) -> None:
    name = Release(id=evil, version=evil, codename="x", name="x")
    assert harmless(read(audit(Finding(CONTROL, Status.PASS), seen=snapshot(release=name))))


@pytest.mark.parametrize("evil", HOSTILE)
def test_nothing_hostile_in_a_failure_reaches_the_terminal(evil: str) -> None:
    assert harmless(read(half_down(evil)))


@pytest.mark.parametrize("evil", HOSTILE)
def test_nothing_hostile_in_a_diff_reaches_the_terminal(evil: str) -> None:
    change = WriteFile(
        f"/etc/{evil}", f"new{evil}\n", 0o644, "r", "r", "0644 r r 0", f"old{evil}\n"
    )
    assert harmless(planned(change))


@pytest.mark.parametrize("evil", HOSTILE)
def test_nothing_hostile_in_an_accounts_name_reaches_the_terminal(evil: str) -> None:
    assert harmless(planned(CreateGroup(f"g{evil}"), losing=(f"bob{evil}",)))


@pytest.mark.parametrize("evil", HOSTILE)
def test_nothing_hostile_in_an_attacks_evidence_reaches_the_terminal(evil: str) -> None:
    text = "\n".join(attempt_lines([attempt(Outcome.SUCCEEDED, evidence=evil)], PLAIN))
    assert harmless(text)


@pytest.mark.parametrize("evil", HOSTILE)
def test_what_is_hostile_is_shown_all_the_same(evil: str) -> None:
    gap = Gap(f"w{evil}", "e", mend="m")
    written_out = evil.encode("unicode_escape").decode()[:4]
    assert written_out in read(audit(Finding(CONTROL, Status.GAP, (gap,))))


@pytest.mark.parametrize("evil", [*HOSTILE, "a\nb"])
def test_one_gap_stays_as_many_lines_whatever_a_host_calls_things(evil: str) -> None:
    def lines(text: str) -> int:
        gap = Gap(f"w{text}", f"e{text}", mend=f"m{text}")
        return len(read(audit(Finding(CONTROL, Status.GAP, (gap,)))).splitlines())

    assert lines(evil) == lines("")


@pytest.mark.parametrize("evil", [*HOSTILE, "<script>alert(1)</script>"])
def test_nothing_of_a_hostile_host_reaches_the_terminal(evil: str) -> None:
    """A whole snapshot of such a host, through every control, audited and planned."""
    key_files = {f"/home/{evil}/.ssh/authorized_keys": file(f"{evil}\n")}
    seen = snapshot(
        accounts={
            f"eve{evil}": account(0, shell=f"/bin/{evil}", groups=("sudo", evil)),
            f"bob{evil}": account(1001, home=f"/home/{evil}", shell=evil, key_files=key_files),
            "alice": account(1000, home=f"/home/{evil}", groups=(evil,), key_files=key_files),
        },
        files={
            f"/etc/sudoers.d/{evil}": file(f"{evil} ALL=(ALL) NOPASSWD: ALL\n"),
            f"/etc/ssh/{evil}": file(f"Match User {evil}\n  PasswordAuthentication {evil}\n"),
        },
        sudo=Sudo(installed=True, policy={"Defaults": [{"Options": [{"timestamp_type": evil}]}]}),
    )
    of = site()
    findings = judge(of.hosts["app"], {"app": seen}, of, all_controls(), date(2026, 1, 1))
    plan = make_plan("app", findings, seen, of)
    shown = [read(audit(*findings, seen=seen)), *plan_lines(plan, PLAIN, ())]
    assert harmless("\n".join(shown))


def test_what_was_attacked_on_an_application_stands_under_its_name() -> None:
    on_host = Attempt("c.x/a", "c.x", "app", "outside", "try it", Outcome.REPELLED, "seen")
    attempts = [on_host, replace(on_host, app="todo")]
    heads = [line for line in attempt_lines(attempts, Paint(False)) if not line.startswith(" ")]
    assert heads == ["app", "todo on app", "2 repelled"]
