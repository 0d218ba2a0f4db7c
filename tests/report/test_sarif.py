"""SARIF 2.1.0 as its standard and the dashboards that read it want it.

Logs of every kind below have also been held against the standard's own JSON schema.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from holdfast import __version__
from holdfast.report.audits import Audit
from holdfast.report.sarif import Execution, attacks_log, audit_log
from holdfast.servers.attack import Outcome
from holdfast.servers.audit import Finding, Status
from holdfast.servers.catalogue import all_controls
from holdfast.servers.control import Control, Gap, Severity
from holdfast.site.errors import is_control
from report.reporting import (
    AT,
    AUTOMATIC,
    CONTROL,
    HOSTILE,
    LATER,
    MANUAL,
    WANT,
    attempt,
    audit,
    control,
    half_down,
)


def execution(code: int = 1) -> Execution:
    return Execution("todo", "holdfast.toml", AT, LATER, code)


def whole(of: Audit, *controls: Control) -> Any:
    """The run, after a way through JSON."""
    log = audit_log(of, controls or [CONTROL], execution(of.exit_code))
    return json.loads(json.dumps(log))["runs"][0]


def results(of: Audit) -> list[Any]:
    found: list[Any] = whole(of)["results"]
    return found


def result(*gaps: Gap, status: Status = Status.GAP, reason: str = "") -> Any:
    (found,) = results(audit(Finding(CONTROL, status, gaps, reason)))
    return found


def seen(evidence: str) -> Any:
    """Where the gap with this evidence is."""
    return result(Gap("it is open", evidence, mend="close it"))["locations"][0]


def attacked(*outcomes: Outcome, evidence: str = "seen") -> Any:
    attempts = [attempt(outcome, evidence) for outcome in outcomes]
    log = attacks_log(attempts, [control("a.b"), CONTROL], execution())
    return json.loads(json.dumps(log))["runs"][0]


def test_a_log_says_which_standard_it_follows() -> None:
    log = audit_log(audit(), [CONTROL], execution())
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    assert log["$schema"].endswith("/sarif-schema-2.1.0.json")


def test_the_tool_says_its_name_and_version() -> None:
    driver = whole(audit())["tool"]["driver"]
    assert (driver["name"], driver["semanticVersion"]) == ("Holdfast", __version__)


# Rules


def test_every_control_is_a_rule_whatever_was_found() -> None:
    rules = whole(audit(), *all_controls())["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [control.id for control in all_controls()]


def test_a_rule_has_what_a_dashboard_shows() -> None:
    (rule,) = whole(audit(), control("ssh.keys-only"))["tool"]["driver"]["rules"]
    assert (rule["name"], rule["shortDescription"]["text"]) == ("SshKeysOnly", "a title.")
    assert rule["fullDescription"]["text"] == "It goes wrong."
    assert rule["properties"]["tags"] == ["security", "encrypt all communications"]


@pytest.mark.parametrize("part", ["It goes wrong.", "It changes a thing.", "G1.2", "Not so."])
@pytest.mark.parametrize("kind", ["text", "markdown"])
def test_the_help_of_a_rule_says_why_and_what(part: str, kind: str) -> None:
    (rule,) = whole(audit(), control(deviates="Not so."))["tool"]["driver"]["rules"]
    assert part in rule["help"][kind]


@pytest.mark.parametrize(
    ("severity", "level", "least", "below"),
    [
        (Severity.CRITICAL, "error", 9.0, 10.1),
        (Severity.HIGH, "error", 7.0, 9.0),
        (Severity.MEDIUM, "warning", 4.0, 7.0),
        (Severity.LOW, "note", 0.1, 4.0),
    ],
)
def test_severity_becomes_a_level_and_a_score_within_its_band(
    severity: Severity, level: str, least: float, below: float
) -> None:
    (rule,) = whole(audit(), control(severity=severity))["tool"]["driver"]["rules"]
    assert rule["defaultConfiguration"] == {"level": level}
    assert least < float(rule["properties"]["security-severity"]) < below


def test_no_rule_of_the_catalogue_holds_a_placeholder() -> None:
    rules = whole(audit(), *all_controls())["tool"]["driver"]["rules"]
    assert not re.search(r"(?<!\{)\{\d", json.dumps(rules))


# Results


def test_each_gap_is_a_result_of_its_rule() -> None:
    found = results(audit(Finding(CONTROL, Status.GAP, (AUTOMATIC, MANUAL))))
    assert [(r["ruleId"], r["ruleIndex"], r["kind"], r["level"]) for r in found] == [
        ("c.x", 0, "fail", "error")
    ] * 2


def test_a_result_refers_to_its_rule_by_its_place() -> None:
    of = audit(Finding(CONTROL, Status.GAP, (MANUAL,)))
    run = whole(of, control("a.b"), CONTROL)
    (found,) = run["results"]
    assert run["tool"]["driver"]["rules"][found["ruleIndex"]]["id"] == found["ruleId"]


def test_a_result_says_what_was_seen_and_the_mend() -> None:
    assert result(MANUAL)["message"]["text"] == (
        "app: eve is root. Seen: UID 0. The mend: remove eve"
    )


def test_what_apply_closes_says_so() -> None:
    found = result(AUTOMATIC)
    assert found["message"]["text"].endswith("The mend: holdfast apply")
    assert found["properties"] == {"automatic": True}


@pytest.mark.parametrize("status", [Status.PASS, Status.NOT_APPLICABLE])
def test_what_is_well_is_no_result(status: Status) -> None:
    assert results(audit(Finding(CONTROL, status, reason="not here"))) == []


def test_an_exempt_gap_is_suppressed_with_its_reason() -> None:
    (suppression,) = result(MANUAL, status=Status.EXEMPT, reason="we chose to")["suppressions"]
    assert (suppression["kind"], suppression["status"], suppression["justification"]) == (
        "external",
        "accepted",
        "we chose to",
    )


def test_the_suppression_of_others_is_told_to_be_none() -> None:
    assert result(MANUAL)["suppressions"] == []


def test_an_exempt_control_without_gaps_is_no_result() -> None:
    assert results(audit(Finding(CONTROL, Status.EXEMPT, reason="we chose to"))) == []


def test_what_could_not_be_judged_is_open_and_has_no_level() -> None:
    found = result(status=Status.UNKNOWN, reason="needs root")
    assert (found["kind"], found["level"]) == ("open", "none")
    assert found["message"]["text"].endswith("could not be judged on app. Needs root.")


def test_a_host_that_was_not_read_is_a_notification_and_no_result() -> None:
    run = whole(half_down())
    (notification,) = run["invocations"][0]["toolExecutionNotifications"]
    assert (notification["level"], run["results"]) == ("error", [])
    assert notification["message"]["text"] == "db could not be read. Db: unreachable."
    assert notification["locations"][0]["logicalLocations"][0]["name"] == "db"


# Places


def test_a_result_is_at_its_host() -> None:
    assert seen("UID 0")["logicalLocations"] == [
        {"name": "app", "fullyQualifiedName": "app", "kind": "host"}
    ]


def test_a_file_that_the_evidence_names_is_a_place_on_the_host() -> None:
    found = seen("/etc/sudoers.d/90 cloud: x")["physicalLocation"]
    assert found == {"artifactLocation": {"uri": "file://app/etc/sudoers.d/90"}}


def test_a_line_that_the_evidence_names_is_a_region() -> None:
    found = seen("/etc/ssh/sshd_config:12: Match all: x")["physicalLocation"]
    assert found == {
        "artifactLocation": {"uri": "file://app/etc/ssh/sshd_config"},
        "region": {"startLine": 12},
    }


@pytest.mark.parametrize(
    "evidence",
    ["UID 0", "passwd: UID 1, shell /bin/bash", "", "/", "sshd -T: /etc/x"],
)
def test_other_evidence_leads_to_the_site_file(evidence: str) -> None:
    assert seen(evidence)["physicalLocation"] == {"artifactLocation": {"uri": "holdfast.toml"}}


@pytest.mark.parametrize("line", ["0", "x", "-1", "99999999999999999999"])
def test_what_is_no_line_number_is_none(line: str) -> None:
    assert "region" not in seen(f"/etc/x:{line}: y")["physicalLocation"]


@pytest.mark.parametrize("path", ["/etc/x%2f..", "/etc/é", "/etc/\x1b[2J", "/etc/\ud800", "/e?#x"])
def test_a_strange_path_is_still_one_uri(path: str) -> None:
    uri = seen(f"{path}:3: y")["physicalLocation"]["artifactLocation"]["uri"]
    assert re.fullmatch(r"[!-~]+", uri)
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("file", "app", "", "")


def test_this_machine_is_a_uri_without_a_host() -> None:
    here = audit(Finding(CONTROL, Status.GAP, (Gap("a", "/etc/x: y", mend="b"),)))
    host = replace(here.hosts[0], name="@local")
    (found,) = results(Audit("todo", AT, (host,)))
    uri = found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "file:///etc/x"


# Fingerprints


def prints(*gaps: Gap, host: str = "app") -> list[str]:
    of = audit(Finding(CONTROL, Status.GAP, gaps))
    hosts = (replace(of.hosts[0], name=host),)
    return [r["partialFingerprints"]["holdfast/v1"] for r in results(Audit("todo", AT, hosts))]


def test_a_gap_keeps_its_fingerprint_while_its_evidence_moves() -> None:
    before = Gap("it runs with an older one", "changed 12 s after", mend="reload")
    after = Gap("it runs with an older one", "changed 99 s after", mend="reload it")
    assert prints(before) == prints(after)


def test_an_automatic_gap_keeps_its_fingerprint_while_its_words_move() -> None:
    before = Gap("sshd has X yes", "x yes", wants=(WANT,))
    assert prints(before) == prints(Gap("sshd has X unset", "x unset", wants=(WANT,)))


DIFFERENT = [
    (MANUAL, Gap("bob is root", "UID 0", mend="remove eve")),
    (Gap("a", "/etc/x:1: y", mend="b"), Gap("a", "/etc/z:1: y", mend="b")),
    (
        AUTOMATIC,
        Gap("it is open", "port 1", wants=(replace(WANT, resource="package y"),)),
    ),
    (AUTOMATIC, MANUAL),
    (MANUAL, MANUAL),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_gaps_have_two_fingerprints(one: Gap, other: Gap) -> None:
    assert len(set(prints(one, other))) == 2


def test_the_same_gap_on_two_hosts_has_two_fingerprints() -> None:
    assert prints(MANUAL) != prints(MANUAL, host="db")


# The invocation


def test_an_invocation_says_when_and_how_it_ended() -> None:
    (invocation,) = whole(audit(Finding(CONTROL, Status.GAP, (MANUAL,))))["invocations"]
    assert (invocation["startTimeUtc"], invocation["endTimeUtc"]) == (
        "2026-01-02T03:04:05.678Z",
        "2026-01-02T03:04:07.000Z",
    )
    assert (invocation["exitCode"], invocation["executionSuccessful"]) == (1, True)


def test_an_invocation_that_did_not_reach_a_host_was_no_success() -> None:
    (invocation,) = whole(half_down())["invocations"]
    assert (invocation["exitCode"], invocation["executionSuccessful"]) == (3, False)


def test_runs_of_a_site_and_verb_belong_together() -> None:
    assert whole(audit())["automationDetails"] == {"id": "holdfast/audit/todo/"}
    assert attacked()["automationDetails"] == {"id": "holdfast/prove/todo/"}


# Attacks


def test_an_attack_that_succeeded_is_a_failure_of_its_control() -> None:
    run = attacked(Outcome.SUCCEEDED)
    (found,) = run["results"]
    assert (found["ruleId"], found["kind"], found["level"]) == ("c.x/a", "fail", "error")
    assert run["tool"]["driver"]["rules"][found["ruleIndex"]]["id"] == "c.x"
    assert found["message"]["text"] == ("The attack succeeded: try it, from outside, on app. Seen.")


def test_an_inconclusive_attack_is_open() -> None:
    (found,) = attacked(Outcome.INCONCLUSIVE)["results"]
    assert (found["kind"], found["level"]) == ("open", "none")


def test_an_attack_that_was_repelled_is_no_result() -> None:
    assert attacked(Outcome.REPELLED)["results"] == []


# Hostile text


def texts(data: Any) -> list[str]:
    if isinstance(data, dict):
        return [text for key, value in data.items() for text in (key, *texts(value))]
    if isinstance(data, list):
        return [text for value in data for text in texts(value)]
    return [data] if isinstance(data, str) else []


def hostile_run(evil: str) -> Any:
    return whole(
        audit(
            Finding(CONTROL, Status.GAP, (Gap(evil, f"/etc/{evil}:1: x", mend=evil),)),
            Finding(CONTROL, Status.EXEMPT, (Gap(evil, evil, mend=evil),), evil),
            Finding(CONTROL, Status.UNKNOWN, reason=evil),
        )
    )


@pytest.mark.parametrize("evil", HOSTILE.values(), ids=HOSTILE)
def test_nothing_hostile_steers_who_reads_it(evil: str) -> None:
    shown = texts(
        [hostile_run(evil)["results"], attacked(Outcome.SUCCEEDED, evidence=evil)["results"]]
    )
    assert [text for text in shown if any(map(is_control, text))] == []


@pytest.mark.parametrize("evil", HOSTILE.values(), ids=HOSTILE)
def test_a_log_is_utf_8_and_strict_json(evil: str) -> None:
    text = json.dumps(hostile_run(evil), ensure_ascii=False)
    assert json.loads(text.encode()) == hostile_run(evil)


@pytest.mark.parametrize("evil", HOSTILE.values(), ids=HOSTILE)
def test_no_link_and_no_placeholder_comes_from_a_host(evil: str) -> None:
    for found in hostile_run(evil)["results"]:
        text = found["message"]["text"]
        assert "](" not in text
        assert re.search(r"(?<!\{)(\{\{)*\{(?!\{)", text) is None


def test_long_evidence_is_kept_whole() -> None:
    assert HOSTILE["long"] in result(Gap("a", HOSTILE["long"], mend="b"))["message"]["text"]


def test_an_attack_on_an_application_names_it() -> None:
    on_host = attempt(Outcome.SUCCEEDED)
    both = [on_host, replace(on_host, app="todo")]
    found = attacks_log(both, [CONTROL], execution())["runs"][0]["results"]
    assert "on todo on app" in found[1]["message"]["text"]
    prints = {one["partialFingerprints"]["holdfast/v1"] for one in found}
    assert len({print_.partition(":")[0] for print_ in prints}) == 2
