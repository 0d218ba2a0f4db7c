"""JUnit XML that every continuous-integration server reads.

Documents of every kind below have also been held against the schemas of Jenkins' xUnit plug-in
(junit-10.xsd) and of Apache Ant (JUnit.xsd).
"""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from holdfast.report.audits import Audit
from holdfast.report.junit import attacks_xml, audit_xml
from holdfast.servers.attack import Outcome
from holdfast.servers.audit import Finding, Status
from holdfast.servers.control import Gap
from holdfast.site.errors import is_control
from report.reporting import (
    AT,
    AUTOMATIC,
    CONTROL,
    HOSTILE,
    MANUAL,
    attempt,
    audit,
    half_down,
)


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 (our own; expat reads it as any server would)


def read(of: Audit) -> ET.Element:
    return parsed(audit_xml(of))


def case(finding: Finding) -> ET.Element:
    (found,) = read(audit(finding)).iter("testcase")
    return found


def ended(finding: Finding) -> ET.Element:
    """How the case of this finding ended."""
    (found,) = case(finding)
    return found


def attacked(
    *outcomes: Outcome, evidence: str = "seen", hosts: tuple[str, ...] = ("app",)
) -> ET.Element:
    attempts = [attempt(outcome, evidence, host) for outcome in outcomes for host in hosts]
    return parsed(attacks_xml("todo", AT, attempts, [CONTROL]))


def test_each_host_is_a_suite() -> None:
    root = read(half_down())
    assert root.tag == "testsuites"
    assert [(s.tag, s.get("name"), s.get("id")) for s in root] == [
        ("testsuite", "app", "0"),
        ("testsuite", "db", "1"),
    ]


def test_a_suite_says_when_and_how_long() -> None:
    (suite,) = read(audit())
    assert (suite.get("timestamp"), suite.get("time")) == ("2026-01-02T03:04:05", "0.500")


def test_a_suite_counts_its_cases() -> None:
    statuses = [*Status, Status.PASS, Status.UNKNOWN]
    findings = [Finding(CONTROL, s, (MANUAL,) if s is Status.GAP else ()) for s in statuses]
    (suite,) = read(audit(*findings))
    counts = [suite.get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert counts == ["7", "1", "2", "2"]


def test_a_case_is_a_control_of_its_principle() -> None:
    found = case(Finding(CONTROL, Status.PASS))
    assert (found.get("name"), found.get("classname")) == (
        "c.x: a title",
        "encrypt all communications",
    )


def test_a_control_that_passes_has_nothing_to_say() -> None:
    assert list(case(Finding(CONTROL, Status.PASS))) == []


ENDED = {
    Status.GAP: ("failure", "high", "it is open"),
    Status.UNKNOWN: ("error", "unknown", "why"),
    Status.EXEMPT: ("skipped", "exempt", "exempt: why"),
    Status.NOT_APPLICABLE: ("skipped", "not-applicable", "why"),
}


@pytest.mark.parametrize("status", ENDED)
def test_a_case_ends_as_its_finding(status: Status) -> None:
    gaps = (AUTOMATIC,) if status is Status.GAP else ()
    found = ended(Finding(CONTROL, status, gaps, "why"))
    assert (found.tag, found.get("type"), found.get("message")) == ENDED[status]


def test_a_failure_lists_every_gap_with_its_mend() -> None:
    found = ended(Finding(CONTROL, Status.GAP, (AUTOMATIC, MANUAL)))
    assert found.get("message") == "2 gaps: it is open"
    assert (found.text or "").splitlines() == [
        "it is open (port 1): holdfast apply",
        "eve is root (UID 0): remove eve",
    ]


def test_what_is_exempt_still_shows_its_gaps() -> None:
    assert "eve is root" in (ended(Finding(CONTROL, Status.EXEMPT, (MANUAL,), "why")).text or "")


def test_a_host_that_could_not_be_reached_is_all_errors() -> None:
    suite = read(half_down("db: unreachable"))[1]
    assert (suite.get("tests"), suite.get("errors")) == ("1", "1")
    (error,) = suite.iter("error")
    assert error.get("message") == "db: unreachable"


ATTACKED = {
    Outcome.REPELLED: [],
    Outcome.SUCCEEDED: [("failure", "succeeded", "seen")],
    Outcome.INCONCLUSIVE: [("error", "inconclusive", "seen")],
}


@pytest.mark.parametrize("outcome", ATTACKED)
def test_a_case_ends_as_its_attack(outcome: Outcome) -> None:
    (found,) = attacked(outcome).iter("testcase")
    assert [(e.tag, e.get("type"), e.get("message")) for e in found] == ATTACKED[outcome]


def test_an_attack_is_named_with_its_vantage() -> None:
    (found,) = attacked(Outcome.REPELLED).iter("testcase")
    assert (found.get("name"), found.get("classname")) == (
        "c.x/a: try it, from outside",
        "encrypt all communications",
    )


def test_attacks_are_grouped_by_host() -> None:
    suites = list(attacked(*Outcome, hosts=("app", "db")))
    assert [
        (s.get("name"), s.get("tests"), s.get("failures"), s.get("errors")) for s in suites
    ] == [
        ("app", "3", "1", "1"),
        ("db", "3", "1", "1"),
    ]


def hostile(evil: str) -> str:
    gap = Gap(evil, evil, mend=evil)
    return audit_xml(
        audit(
            Finding(CONTROL, Status.GAP, (gap,)),
            Finding(CONTROL, Status.EXEMPT, (gap,), evil),
            Finding(CONTROL, Status.UNKNOWN, reason=evil),
        )
    )


@pytest.mark.parametrize("evil", HOSTILE.values(), ids=HOSTILE)
def test_nothing_hostile_adds_an_element(evil: str) -> None:
    plain, found = (parsed(hostile(text)) for text in ("x", evil))
    assert [e.tag for e in found.iter()] == [e.tag for e in plain.iter()]


@pytest.mark.parametrize("evil", HOSTILE.values(), ids=HOSTILE)
def test_nothing_hostile_steers_who_reads_it(evil: str) -> None:
    root = parsed(hostile(evil))
    shown = [text for e in root.iter("testcase") for text in e.attrib.values()]
    shown += [t for e in root.iter() for t in (*e.attrib.values(), *(e.text or "").split("\n"))]
    assert [text for text in shown if any(map(is_control, text))] == []


@pytest.mark.parametrize("evil", HOSTILE.values(), ids=HOSTILE)
def test_a_document_is_right_in_every_locale(evil: str) -> None:
    assert hostile(evil).isascii()


@pytest.mark.parametrize(
    "evil", ["]]><![CDATA[<x>&amp;", "</failure>\"'", "é" * 4096, "\U0001f600"]
)
def test_what_is_harmless_is_kept_as_it_was(evil: str) -> None:
    (failure,) = parsed(hostile(evil)).iter("failure")
    assert failure.get("message") == evil


def test_an_application_is_a_suite_of_its_own() -> None:
    on_host = attempt(Outcome.REPELLED)
    both = [on_host, replace(on_host, app="todo")]
    root = parsed(attacks_xml("todo", AT, both, [CONTROL]))
    assert [suite.get("name") for suite in root] == ["app", "todo on app"]
