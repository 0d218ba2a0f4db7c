"""Audits and attacks as SARIF 2.1.0 (OASIS standard, errata 01), for code-scanning dashboards.

What becomes what: a control is a rule; a gap is a result of kind `fail`, an exempt one with a
suppression; a control that could not be judged on a host that was read is a result of kind `open`
(3.27.9: not enough was known to decide); a host that was not read is a notification of the
invocation. What passes or does not apply is left out: dashboards list every result as a finding.

Every result is at its host, as a logical location, and in a file: the one on the host that the
evidence names, or else the site file, since some dashboards refuse a result without one.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from holdfast import __version__
from holdfast.report import explained
from holdfast.report.audits import Audit, HostAudit
from holdfast.servers.attack import Outcome
from holdfast.servers.audit import Finding, Status
from holdfast.servers.control import Control, Gap, Severity
from holdfast.servers.fleet import LOCAL
from holdfast.servers.prove import Attempt
from holdfast.site.errors import escaped

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}
# Within the bands of CVSS, as dashboards show them: above 9 critical, above 7 high, above 4 medium.
SCORES = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.5",
}
EXIT_CODES = {
    0: "all is well",
    1: "something was found",
    2: "the command or the site file is wrong",
    3: "a host could not be reached or judged",
}
FINGERPRINT = "holdfast/v1"

_FILE = re.compile(r"(/[^\s:,;]+)(?::([1-9][0-9]{0,8})(?![0-9]))?")


@dataclass(frozen=True)
class Execution:
    """One run of the program: of which site, from when to when, and how it ended."""

    site: str
    site_file: str
    began: datetime
    ended: datetime
    exit_code: int


def audit_log(audit: Audit, controls: Sequence[Control], of: Execution) -> dict[str, Any]:
    """Return the SARIF log of an audit."""
    rules = _Rules(controls)
    results = [
        result
        for host in audit.hosts
        if host.snapshot is not None
        for finding in host.findings
        for result in _finding_results(host.name, finding, rules, of)
    ]
    notifications = [_not_read(host) for host in audit.hosts if host.snapshot is None]
    return _log("audit", rules, results, notifications, of)


def attacks_log(
    attempts: Sequence[Attempt], controls: Sequence[Control], of: Execution
) -> dict[str, Any]:
    """Return the SARIF log of attacks: those that succeeded, and those that said nothing."""
    rules = _Rules(controls)
    results = [
        _attempt_result(attempt, rules, of)
        for attempt in attempts
        if attempt.outcome is not Outcome.REPELLED
    ]
    return _log("prove", rules, results, [], of)


class _Rules:
    """The controls as rules, and where each stands among them."""

    def __init__(self, controls: Sequence[Control]) -> None:
        self.controls = {control.id: control for control in controls}
        self._indexes = {control_id: index for index, control_id in enumerate(self.controls)}

    def reference(self, control_id: str, attack: str = "") -> dict[str, Any]:
        """Return what a result says of its rule; an attack is one component more (3.27.5)."""
        return {"ruleId": attack or control_id, "ruleIndex": self._indexes[control_id]}

    def level(self, control_id: str) -> str:
        return LEVELS[self.controls[control_id].severity]

    def described(self) -> Iterator[dict[str, Any]]:
        for control in self.controls.values():
            yield {
                "id": control.id,
                "name": "".join(part.capitalize() for part in re.split(r"[.-]", control.id)),
                "shortDescription": _text(f"{control.title}."),
                "fullDescription": _text(explained.sentence(control.stops)),
                "help": {
                    "text": _literal(_help(control)),
                    "markdown": _literal(explained.markdown(control)),
                },
                "defaultConfiguration": {"level": LEVELS[control.severity]},
                "properties": {
                    "tags": ["security", control.principle.value],
                    "security-severity": SCORES[control.severity],
                    "severity": control.severity.value,
                    "source": control.source,
                },
            }


def _help(control: Control) -> str:
    parts = (
        f"Without it: {explained.sentence(control.stops)}",
        f"What apply changes: {control.changes}",
        f"Source: {control.source}.",
        control.deviates and f"Where it deviates from its source: {control.deviates}",
    )
    return "\n\n".join(part for part in parts if part)


def _log(
    verb: str,
    rules: _Rules,
    results: list[dict[str, Any]],
    notifications: list[dict[str, Any]],
    of: Execution,
) -> dict[str, Any]:
    driver = {
        "name": "Holdfast",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": list(rules.described()),
    }
    invocation = {
        "executionSuccessful": of.exit_code in (0, 1),
        "exitCode": of.exit_code,
        "exitCodeDescription": EXIT_CODES[of.exit_code],
        "startTimeUtc": _utc(of.began),
        "endTimeUtc": _utc(of.ended),
        "toolExecutionNotifications": notifications,
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"holdfast/{verb}/{of.site}/"},
        "invocations": [invocation],
        "results": _told_apart(results),
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _finding_results(
    host: str, finding: Finding, rules: _Rules, of: Execution
) -> Iterator[dict[str, Any]]:
    control = finding.control.id
    if finding.status is Status.UNKNOWN:
        yield {
            **rules.reference(control),
            **_undecided(f"{finding.control.title}: could not be judged on {host}", finding.reason),
            "locations": [_location(host, "", of)],
            "partialFingerprints": _fingerprint(of.site, host, control, "unknown"),
            "suppressions": [],
        }
    for gap in finding.gaps:
        yield {
            **rules.reference(control),
            "kind": "fail",
            "level": rules.level(control),
            "message": _text(_gap_text(host, gap)),
            "locations": [_location(host, gap.evidence, of)],
            "partialFingerprints": _fingerprint(of.site, host, control, *_identity(gap)),
            "suppressions": [_suppression(finding, of)] if finding.exempt else [],
            "properties": {"automatic": gap.automatic},
        }


def _attempt_result(attempt: Attempt, rules: _Rules, of: Execution) -> dict[str, Any]:
    host, control = attempt.host, attempt.control
    what = f"{attempt.title}, from {attempt.vantage}, on {attempt.target}"
    decided = {
        "kind": "fail",
        "level": rules.level(control),
        "message": _text(f"The attack succeeded: {what}. {explained.sentence(attempt.evidence)}"),
    }
    succeeded = attempt.outcome is Outcome.SUCCEEDED
    return {
        **rules.reference(control, attempt.attack),
        **(decided if succeeded else _undecided(f"Inconclusive: {what}", attempt.evidence)),
        "locations": [_location(host, "", of)],
        "partialFingerprints": _fingerprint(
            of.site, attempt.target, attempt.attack, attempt.outcome
        ),
        "suppressions": [],
    }


def _undecided(what: str, reason: str) -> dict[str, Any]:
    """What was not decided has no level (3.27.10)."""
    text = f"{what}. {explained.sentence(reason)}"
    return {"kind": "open", "level": "none", "message": _text(text)}


def _not_read(host: HostAudit) -> dict[str, Any]:
    reason = host.findings[0].reason if host.findings else "it was not read"
    return {
        "level": "error",
        "message": _text(f"{host.name} could not be read. {explained.sentence(reason)}"),
        "locations": [{"logicalLocations": [_logical(host.name)]}],
    }


def _gap_text(host: str, gap: Gap) -> str:
    mend = gap.mend or "holdfast apply"
    return f"{host}: {gap.what}. Seen: {gap.evidence}. The mend: {mend}"


def _suppression(finding: Finding, of: Execution) -> dict[str, Any]:
    return {
        "kind": "external",
        "status": "accepted",
        "justification": escaped(finding.reason),
        "location": {"physicalLocation": _in_site_file(of)},
    }


def _location(host: str, evidence: str, of: Execution) -> dict[str, Any]:
    named = _FILE.match(evidence)
    return {
        "physicalLocation": _on_host(host, named) if named else _in_site_file(of),
        "logicalLocations": [_logical(host)],
    }


def _on_host(host: str, named: re.Match[str]) -> dict[str, Any]:
    """A file of the host as a URI whose authority is the host (RFC 8089)."""
    authority = "" if host == LOCAL else host
    uri = f"file://{authority}{quote(escaped(named[1]))}"
    region = {"region": {"startLine": int(named[2])}} if named[2] else {}
    return {"artifactLocation": {"uri": uri}, **region}


def _in_site_file(of: Execution) -> dict[str, Any]:
    return {"artifactLocation": {"uri": quote(escaped(of.site_file))}}


def _logical(host: str) -> dict[str, Any]:
    return {"name": host, "fullyQualifiedName": host, "kind": "host"}


def _identity(gap: Gap) -> Iterable[str]:
    """What stays the same of a gap from one audit to the next: its wants, else what it says.

    Evidence does not: it holds values, times and counts. But the file that it names does.
    """
    if gap.wants:
        return sorted({f"{want.resource}\0{want.key}" for want in gap.wants})
    named = _FILE.match(gap.evidence)
    return (gap.what, named[1] if named else "")


def _fingerprint(*identity: str) -> dict[str, str]:
    whole = "\n".join(map(escaped, identity))
    return {FINGERPRINT: hashlib.sha256(whole.encode()).hexdigest()}


def _told_apart(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Number what has the same identity, so that no fingerprint stands for two results."""
    seen: Counter[str] = Counter()
    for result in results:
        print_ = result["partialFingerprints"][FINGERPRINT]
        seen[print_] += 1
        result["partialFingerprints"] = {FINGERPRINT: f"{print_}:{seen[print_]}"}
    return results


def _text(text: str) -> dict[str, str]:
    """A plain message: no placeholder (3.11.5) and no link (3.11.6) comes from a host's text."""
    return {"text": _literal(escaped(text)).replace("](", "] (")}


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
