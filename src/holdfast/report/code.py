"""What was found in code, as text, JSON and SARIF 2.1.0."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any
from urllib.parse import quote

from holdfast import __version__
from holdfast.report.sarif import SCHEMA
from holdfast.scan.finding import MENDS, SEVERE, Finding, Rule, Scanned
from holdfast.site.errors import escaped

TITLES = {
    Rule.SQL: "SQL is built from strings",
    Rule.SECRET: "A secret lies in the code",
    Rule.DEBUG: "Visitors see the inside",
    Rule.COOKIE: "A cookie is not kept to itself",
    Rule.READABLE: "Others may read a secret",
}


def text(scanned: Scanned) -> str:
    """Return lines for people; what comes from the tree is escaped."""
    lines = [f"{escaped(_where(one))}: {one.rule}: {escaped(one.what)}" for one in scanned.open]
    lines += [f"{escaped(name)}: could not be read as code" for name in scanned.unjudged]
    lines += [f"note: {escaped(note)}" for note in scanned.notes]
    for rule in sorted({one.rule for one in scanned.open}):
        lines.append(f"{rule}: {MENDS[rule]}")
    let_be = len(scanned.findings) - len(scanned.open)
    counted = Counter(one.rule.value for one in scanned.open)
    summed = ", ".join(f"{number} {rule}" for rule, number in sorted(counted.items()))
    lines.append(f"{summed or 'nothing found'}{f'; {let_be} let be' if let_be else ''}")
    return "\n".join(lines)


def data(scanned: Scanned) -> dict[str, Any]:
    """Return the findings for programs."""
    return {
        "findings": [
            {
                "rule": one.rule.value,
                "path": one.path,
                "line": one.line,
                "what": one.what,
                "commit": one.commit or None,
                "mend": one.mend,
                "because": one.because or None,
            }
            for one in scanned.findings
        ],
        "unjudged": list(scanned.unjudged),
        "notes": list(scanned.notes),
    }


def sarif(scanned: Scanned) -> dict[str, Any]:
    """Return the SARIF log; what is let be is a result with a suppression."""
    rules = list(Rule)
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "Holdfast",
                        "version": __version__,
                        "rules": [_rule(rule) for rule in rules],
                    }
                },
                "results": [_result(one, rules) for one in scanned.findings],
                "invocations": [
                    {
                        "executionSuccessful": not scanned.unjudged,
                        "toolExecutionNotifications": [
                            {"level": "error", "message": {"text": f"{name}: could not be read"}}
                            for name in scanned.unjudged
                        ]
                        + [{"level": "note", "message": {"text": note}} for note in scanned.notes],
                    }
                ],
            }
        ],
    }


def as_json(value: dict[str, Any]) -> str:
    """Return a log as text."""
    return json.dumps(value, indent=2)


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": f"code.{rule}",
        "name": f"Code{rule.value.capitalize()}",
        "shortDescription": {"text": f"{TITLES[rule]}."},
        "help": {"text": f"{MENDS[rule]}."},
        "defaultConfiguration": {"level": "error" if rule in SEVERE else "warning"},
        "properties": {"tags": ["security"]},
    }


def _result(one: Finding, rules: list[Rule]) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(one.path)}}
    if one.line:
        place["region"] = {"startLine": one.line}
    printed = hashlib.sha256(f"{one.rule} {one.path} {one.what} {one.commit}".encode()).hexdigest()
    said = f"{one.what}, in commit {one.commit}" if one.commit else one.what
    result: dict[str, Any] = {
        "ruleId": f"code.{one.rule}",
        "ruleIndex": rules.index(one.rule),
        "level": "error" if one.rule in SEVERE else "warning",
        "message": {"text": f"{said}: {one.mend}."},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"holdfast/v1": printed},
    }
    if one.because:
        result["suppressions"] = [{"kind": "external", "justification": one.because}]
    return result


def _where(one: Finding) -> str:
    line = f":{one.line}" if one.line else ""
    return f"{one.path}{line}{f' (commit {one.commit})' if one.commit else ''}"
