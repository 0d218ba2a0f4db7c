"""Audits and attacks as JUnit XML, which every continuous-integration server shows.

A host is a test suite and a control, or an attack, is a test case. A gap, or an attack that
succeeded, is a failure; what could not be judged is an error; what is exempt or does not apply is
skipped, with the reason. The elements and attributes are those that the schemas of Jenkins' xUnit
plug-in and of Apache Ant have in common.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from holdfast.report.audits import Audit, release
from holdfast.servers.attack import Outcome
from holdfast.servers.audit import Finding, Status
from holdfast.servers.control import Control, Gap
from holdfast.servers.prove import Attempt
from holdfast.site.errors import escaped

# What XML 1.0 has no character for, not even as a reference (2.2).
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Case:
    """One test case: `ended` is an element's name, `failure`, `error`, `skipped`, or ""."""

    name: str
    group: str
    ended: str = ""
    kind: str = ""
    message: str = ""
    lines: tuple[str, ...] = ()


def audit_xml(audit: Audit) -> str:
    """Return an audit as JUnit XML."""
    suites = [
        _suite(
            host.name,
            "holdfast.audit",
            audit.at,
            host.snapshot.seconds if host.snapshot else 0.0,
            [_of_finding(finding) for finding in host.findings],
            {"site": audit.site, "release": release(host.snapshot)},
        )
        for host in audit.hosts
    ]
    return _document(suites)


def attacks_xml(
    site: str, at: datetime, attempts: Sequence[Attempt], controls: Sequence[Control]
) -> str:
    """Return attacks as JUnit XML; they are grouped by the principle of their control."""
    principles = {control.id: control.principle.value for control in controls}
    suites = [
        _suite(
            target,
            "holdfast.prove",
            at,
            0.0,
            [_of_attempt(a, principles[a.control]) for a in attempts if a.target == target],
            {"site": site},
        )
        for target in dict.fromkeys(attempt.target for attempt in attempts)
    ]
    return _document(suites)


def _of_finding(finding: Finding) -> Case:
    control = finding.control
    name, group = f"{control.id}: {control.title}", control.principle.value
    match finding.status:
        case Status.GAP:
            lines = tuple(map(_gap_line, finding.gaps))
            message = f"{len(lines)} gaps: {finding.gaps[0].what}"
            if len(lines) == 1:
                message = finding.gaps[0].what
            return Case(name, group, "failure", control.severity.value, message, lines)
        case Status.UNKNOWN:
            return Case(name, group, "error", "unknown", finding.reason)
        case Status.EXEMPT:
            lines = tuple(map(_gap_line, finding.gaps))
            return Case(name, group, "skipped", "exempt", f"exempt: {finding.reason}", lines)
        case Status.NOT_APPLICABLE:
            return Case(name, group, "skipped", "not-applicable", finding.reason)
        case Status.PASS:
            return Case(name, group)


def _gap_line(gap: Gap) -> str:
    return f"{gap.what} ({gap.evidence}): {gap.mend or 'holdfast apply'}"


def _of_attempt(attempt: Attempt, group: str) -> Case:
    name = f"{attempt.attack}: {attempt.title}, from {attempt.vantage}"
    match attempt.outcome:
        case Outcome.SUCCEEDED:
            return Case(name, group, "failure", "succeeded", attempt.evidence)
        case Outcome.INCONCLUSIVE:
            return Case(name, group, "error", "inconclusive", attempt.evidence)
        case Outcome.REPELLED:
            return Case(name, group)


def _suite(
    host: str,
    package: str,
    at: datetime,
    seconds: float,
    cases: Sequence[Case],
    properties: dict[str, str],
) -> ET.Element:
    suite = ET.Element(
        "testsuite",
        {
            "name": _clean(host),
            "hostname": _clean(host),
            "package": package,
            "timestamp": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),  # xUnit: without a zone
            "time": f"{seconds:.3f}",
            **_counts(cases),
        },
    )
    about = ET.SubElement(suite, "properties")
    for name, value in properties.items():
        ET.SubElement(about, "property", {"name": name, "value": _clean(value)})
    for case in cases:
        _add(suite, case)
    for stream in ("system-out", "system-err"):
        ET.SubElement(suite, stream)
    return suite


def _add(suite: ET.Element, case: Case) -> None:
    named = {"name": _clean(case.name), "classname": _clean(case.group), "time": "0"}
    element = ET.SubElement(suite, "testcase", named)
    if case.ended:
        ended = {"type": case.kind, "message": _clean(case.message)}
        ET.SubElement(element, case.ended, ended).text = "\n".join(map(_clean, case.lines))


def _counts(cases: Iterable[Case]) -> dict[str, str]:
    ended = [case.ended for case in cases]
    counted = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    return {
        "tests": str(len(ended)),
        **{name: str(ended.count(how)) for name, how in counted.items()},
    }


def _document(suites: Sequence[ET.Element]) -> str:
    root = ET.Element("testsuites")
    for number, suite in enumerate(suites):
        suite.set("id", str(number))
        root.append(suite)
    ET.indent(root)
    whole: bytes = ET.tostring(root, encoding="us-ascii", xml_declaration=True)
    return whole.decode("ascii")  # other characters as references: right in any locale's file


def _clean(text: str) -> str:
    """Return the text with every control character, and what XML has not, written out."""
    return _FORBIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", escaped(text))
