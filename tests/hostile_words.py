"""Words that a hostile host might say, and a report that says nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime

from holdfast.report.chronicle import AttackStory, Event, Happening, Moment, Tried
from holdfast.report.view import (
    Posture,
    Report,
    ShownAttack,
    ShownChange,
    ShownFinding,
    ShownGap,
    ShownHost,
)
from holdfast.servers.attack import Outcome
from holdfast.servers.audit import Status
from holdfast.servers.catalogue import all_controls
from holdfast.servers.control import Phase

AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
CONTROL = next(one for one in all_controls() if one.id == "ssh.keys-only")
EVILS = (
    "<script>alert(1)</script>",
    "</style></title></pre><img src=x onerror=alert(1)>",
    "\"'><a href='javascript:alert(1)'>",
    "--><!--<![CDATA[",
    "\u202egnp.exe\u2066\x00\x1b[2J\r",
    "&lt;script&gt; &#60;script&#62;",
    "<bdi" + "x" * 4092,
    "שלום مرحبا",
)


def everything(text: str) -> Report:
    """A report whose every word is this text."""
    gap = ShownGap(text, text, text, False, AT)
    closed = ShownGap(text, text, "", True, None)
    diff = f"--- {text}\n+++ {text}\n@@ {text} @@\n-{text}\n+{text}\n {text}\n{text}"
    change = ShownChange(text, diff, Phase.NARROW)
    findings = (
        ShownFinding(text, CONTROL, Status.GAP, (gap, closed), (change,), text),
        ShownFinding(text, CONTROL, Status.UNKNOWN, (), (), text),
        ShownFinding(text, CONTROL, Status.EXEMPT, (gap,), (), text, date(2026, 1, 9)),
        ShownFinding(text, CONTROL, Status.NOT_APPLICABLE, (), (), text),
    )
    hosts = (ShownHost(text, (text,), text, AT, text), ShownHost(text, (), text, None, ""))
    tried = (Tried(AT, Outcome.SUCCEEDED, text), Tried(AT, Outcome.REPELLED, text + "2"))
    story = AttackStory(text, text, text, text, *tried, 2, (AT,))
    moments = tuple(
        Moment(AT, text, tuple(Happening(event, text, text, text) for _ in range(times)), 50)
        for event in Event
        for times in (1, 5)
    )
    shown = Posture(50, hosts, findings)
    return Report(text, AT, shown, (ShownAttack(text, story),), moments, (text,))
