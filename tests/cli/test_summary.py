"""The line and the exit code that many hosts come to."""

from __future__ import annotations

import pytest

from holdfast.cli.errors import FOUND, GOOD, REVERTED, UNREACHED, WRONG
from holdfast.cli.summary import ATTACKS, FINDINGS, PLANS, Words, summary, worst
from holdfast.report.paint import Paint

LINES = [
    ([GOOD], FINDINGS, "1 host: 1 clean"),
    ([FOUND, GOOD, GOOD], FINDINGS, "3 hosts: 2 clean, 1 with gaps"),
    (
        [REVERTED, UNREACHED, WRONG, FOUND, GOOD],
        FINDINGS,
        "5 hosts: 1 clean, 1 with gaps, 1 failed, 1 not reached or not judged, 1 reverted",
    ),
    ([GOOD, FOUND], PLANS, "2 hosts: 1 with nothing to change, 1 to change"),
    ([GOOD, FOUND, UNREACHED], ATTACKS, "3 hosts: 1 repelled all, 1 broken into, 1 inconclusive"),
]


@pytest.mark.parametrize(("codes", "words", "line"), LINES)
def test_one_line_counts_the_hosts_by_how_they_ended(
    codes: list[int], words: Words, line: str
) -> None:
    assert summary(codes, words, Paint(False)) == line


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ([], GOOD),
        ([GOOD, GOOD], GOOD),
        ([GOOD, FOUND], FOUND),
        ([WRONG, FOUND], WRONG),
        ([WRONG, UNREACHED, FOUND], UNREACHED),
        ([REVERTED, UNREACHED], REVERTED),
    ],
)
def test_the_worst_host_decides_the_exit_code(codes: list[int], code: int) -> None:
    assert worst(codes) == code
