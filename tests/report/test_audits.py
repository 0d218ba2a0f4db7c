"""An audit as data: its exit code, its score, and the shape that programs rely on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from building import snapshot

from holdfast.report.audits import Audit, HostAudit, as_data, release
from holdfast.report.text import finding_counts
from holdfast.servers.audit import Finding, Status, unjudged
from holdfast.servers.control import Control, Gap, Phase, Principle, Severity, Want
from holdfast.servers.fleet import Failure
from holdfast.servers.session_errors import Unreachable
from holdfast.servers.snapshot import Snapshot, Unreadable
from holdfast.site import Host, Site

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
DOWN = Failure("db", Unreachable("db: unreachable"))
AUTOMATIC = Gap("it is open", "port 1", wants=(Want("package x", "installed", "yes", Phase.WIDEN),))
MANUAL = Gap("eve is root", "UID 0", mend="remove eve")


def none(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    return ()


READ = snapshot().model_copy(update={"seconds": 0.123456})
CONTROL = Control("c.x", "t", Principle.ENCRYPT, "G1.2", Severity.HIGH, "nothing", "all", none)


def audit(*statuses: Status) -> Audit:
    """One host with a finding of each status."""
    return of(*(Finding(CONTROL, status) for status in statuses))


def of(*findings: Finding) -> Audit:
    return Audit("todo", AT, (HostAudit("app", READ, findings),))


def half_down(*statuses: Status) -> Audit:
    """A site of two hosts, of which one could not be reached."""
    up = [HostAudit("app", READ, (Finding(CONTROL, status),)) for status in statuses]
    down = HostAudit("db", None, unjudged([CONTROL], DOWN.message))
    return Audit("todo", AT, (*up, down), (DOWN,))


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ((Status.PASS,), 0),
        ((Status.PASS, Status.EXEMPT, Status.NOT_APPLICABLE), 0),
        ((Status.PASS, Status.GAP), 1),
        ((Status.PASS, Status.UNKNOWN), 3),
        ((Status.GAP, Status.UNKNOWN), 3),
    ],
)
def test_the_exit_code_says_what_was_found(statuses: tuple[Status, ...], code: int) -> None:
    assert audit(*statuses).exit_code == code


@pytest.mark.parametrize("statuses", [(), (Status.PASS,), (Status.GAP,)])
def test_a_host_that_could_not_be_reached_is_never_good(statuses: tuple[Status, ...]) -> None:
    assert half_down(*statuses).exit_code == 3


def test_a_clean_site_scores_a_hundred() -> None:
    assert audit(Status.PASS, Status.PASS).score == 100


def test_a_site_that_could_not_be_reached_scores_nothing() -> None:
    assert half_down().score == 0


def test_a_host_that_could_not_be_reached_passes_none_of_its_controls() -> None:
    assert half_down(Status.PASS).score == 50


def test_what_could_be_read_is_known_by_its_host() -> None:
    assert half_down(Status.PASS).read == {"app": READ}


# The shape, as programs rely on it


def shape(of: Audit) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(as_data(of)))
    return found


def data(*findings: Finding) -> dict[str, Any]:
    return shape(of(*findings))


def finding(status: Status, *gaps: Gap, reason: str = "") -> dict[str, Any]:
    """One finding as a program gets it."""
    (host,) = data(Finding(CONTROL, status, gaps, reason))["hosts"]
    (found,) = host["findings"]
    assert isinstance(found, dict)
    return found


def test_an_audit_has_these_keys() -> None:
    assert set(data(Finding(CONTROL, Status.PASS))) == {"site", "at", "hosts", "score"}


def test_an_audit_says_of_what_and_when() -> None:
    found = data(Finding(CONTROL, Status.PASS))
    assert (found["site"], found["at"], found["score"]) == (
        "todo",
        "2026-01-02T03:04:05+00:00",
        100,
    )


def test_a_host_has_these_keys() -> None:
    (host,) = data(Finding(CONTROL, Status.PASS))["hosts"]
    assert set(host) == {"name", "release", "seconds", "findings"}


def test_a_host_says_what_it_runs_and_how_long_reading_took() -> None:
    (host,) = data(Finding(CONTROL, Status.PASS))["hosts"]
    assert (host["name"], host["release"], host["seconds"]) == ("app", "debian 12", 0.123)


def test_a_finding_that_passes_is_this() -> None:
    assert finding(Status.PASS) == {
        "control": "c.x",
        "status": "pass",
        "severity": "high",
        "principle": "encrypt all communications",
        "source": "G1.2",
        "evidence": [],
        "automatic": 0,
        "manual": 0,
    }


KEYS = {"control", "status", "severity", "principle", "source", "evidence", "automatic", "manual"}


@pytest.mark.parametrize("gap", [AUTOMATIC, MANUAL], ids=["automatic", "manual"])
def test_a_finding_with_a_gap_has_the_same_keys(gap: Gap) -> None:
    assert set(finding(Status.GAP, gap)) == KEYS


@pytest.mark.parametrize("status", Status)
def test_a_status_is_one_of_five_words(status: Status) -> None:
    words = {"pass", "gap", "exempt", "not-applicable", "unknown"}
    assert finding(status)["status"] in words


def test_a_finding_shows_what_was_seen() -> None:
    assert finding(Status.GAP, MANUAL)["evidence"] == ["eve is root (UID 0): remove eve"]


def test_a_finding_counts_its_gaps_by_who_closes_them() -> None:
    found = finding(Status.GAP, AUTOMATIC, MANUAL, MANUAL)
    assert (found["automatic"], found["manual"]) == (1, 2)


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.EXEMPT, Status.NOT_APPLICABLE])
def test_a_finding_that_is_not_judged_says_why(status: Status) -> None:
    assert finding(status, reason="needs root")["evidence"] == ["needs root"]


def test_a_host_that_could_not_be_reached_is_unknown_and_says_why() -> None:
    (host,) = shape(half_down())["hosts"]
    assert (host["name"], host["release"], host["seconds"]) == ("db", "unknown", 0)
    assert [(f["status"], f["evidence"]) for f in host["findings"]] == [
        ("unknown", ["db: unreachable"])
    ]


def test_hostile_text_is_harmless_in_json() -> None:
    gap = Gap("\x1b[2J", "\u202e\r\n<script>", mend="m")
    text = json.dumps(as_data(of(Finding(CONTROL, Status.GAP, (gap,)))), indent=2)
    assert text.isascii()
    assert not any(character in text for character in "\x1b\r")


def test_a_host_that_could_not_be_read_runs_something_unknown() -> None:
    assert release(None) == "unknown"


def test_a_release_that_could_not_be_read_is_unknown() -> None:
    assert release(snapshot(release=Unreadable(unreadable="x"))) == "unknown"


def test_only_gaps_that_are_not_exempt_ask_for_a_plan() -> None:
    found = of(
        Finding(CONTROL, Status.GAP, (AUTOMATIC, MANUAL)),
        Finding(CONTROL, Status.EXEMPT, (AUTOMATIC,)),
    )
    assert finding_counts(found.findings) == (1, 1)
