"""What a run over many hosts comes to: one exit code and one line."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from holdfast.cli.errors import FOUND, GOOD, REVERTED, UNREACHED, WRONG
from holdfast.report.paint import Paint

WORST_FIRST = (REVERTED, UNREACHED, WRONG, FOUND, GOOD)

Words = Mapping[int, str]
FINDINGS: Words = {
    GOOD: "clean",
    FOUND: "with gaps",
    WRONG: "failed",
    UNREACHED: "not reached or not judged",
    REVERTED: "reverted",
}
PLANS: Words = {**FINDINGS, GOOD: "with nothing to change", FOUND: "to change"}
ATTACKS: Words = {**FINDINGS, GOOD: "repelled all", FOUND: "broken into", UNREACHED: "inconclusive"}


def worst(codes: Collection[int]) -> int:
    """Return the exit code of a run from those of its hosts."""
    return next(code for code in WORST_FIRST if code in codes or code == GOOD)


def summary(codes: Collection[int], words: Words, paint: Paint, what: str = "host") -> str:
    """Return one line such as `20 hosts: 18 clean, 1 with gaps, 1 not reached or not judged`.

    `codes` holds the exit code of each host, or of whatever `what` calls it.
    """
    hosts = f"{len(codes)} {what}{'' if len(codes) == 1 else 's'}"
    counts = {code: sum(each == code for each in codes) for code in reversed(WORST_FIRST)}
    parts = [f"{count} {words[code]}" for code, count in counts.items() if count]
    colour = "green" if worst(codes) == GOOD else "red"
    return f"{paint('bold', hosts)}: {paint(colour, ', '.join(parts))}"
