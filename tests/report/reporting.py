"""Audits and attacks for tests of the formats, with whatever a hostile host may put into them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from building import snapshot

from holdfast.report.audits import Audit, HostAudit
from holdfast.servers.attack import Outcome
from holdfast.servers.audit import Finding, Status, unjudged
from holdfast.servers.control import Control, Gap, Phase, Principle, Severity, Want
from holdfast.servers.fleet import Failure
from holdfast.servers.prove import Attempt
from holdfast.servers.session_errors import Unreachable
from holdfast.servers.snapshot import Snapshot
from holdfast.site import Host, Site

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
LATER = datetime(2026, 1, 2, 3, 4, 7, tzinfo=UTC)
WANT = Want("package x", "installed", "yes", Phase.WIDEN)
AUTOMATIC = Gap("it is open", "port 1", wants=(WANT,))
MANUAL = Gap("eve is root", "UID 0", mend="remove eve")
HOSTILE = {
    "terminal": "\x1b[2J\x1b]0;x\x07",
    "zero": "\x00",
    "c1": "\x9b2J",
    "line": "a\nb\r\nc\x85d\u2028e",
    "bidi": "\u202e\u2066",
    "surrogate": "\ud800 \udfff",
    "not a character": "\ufffe\uffff",
    "cdata": "]]><![CDATA[<x>&amp;",
    "markup": "</failure><script>\"'",
    "link": "[click](https://evil.example) \\[a\\](b)",
    "placeholder": "{0} {{1}}",
    "long": "é" * 4096,
    "emoji": "\U0001f600",
}


def none(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    return ()


def control(
    id_: str = "c.x",
    severity: Severity = Severity.HIGH,
    deviates: str = "",
    title: str = "a title",
) -> Control:
    return Control(
        id_,
        title,
        Principle.ENCRYPT,
        "G1.2",
        severity,
        "it goes wrong",
        "It changes a thing.",
        none,
        deviates=deviates,
    )


CONTROL = control()


def audit(*findings: Finding) -> Audit:
    """One host, read in half a second, with these findings."""
    seen = snapshot().model_copy(update={"seconds": 0.5})
    return Audit("todo", AT, (HostAudit("app", seen, findings),))


def half_down(message: str = "db: unreachable") -> Audit:
    """A site whose second host could not be reached."""
    up = audit(Finding(CONTROL, Status.PASS)).hosts
    down = HostAudit("db", None, unjudged([CONTROL], message))
    return Audit("todo", AT, (*up, down), (Failure("db", Unreachable(message)),))


def attempt(outcome: Outcome, evidence: str = "seen", host: str = "app") -> Attempt:
    return Attempt("c.x/a", "c.x", host, "outside", "try it", outcome, evidence)
