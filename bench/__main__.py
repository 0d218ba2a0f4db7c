"""`python -m bench [FAMILY…]`: measure, print a table, write bench/results/FAMILY.json.

A figure that misses its goal is a result and not an error. Exit codes: 0 measured, 2 the command
is wrong or something could not be measured.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from bench.figures import RESULTS, Figure, table, write
from bench.running import BenchError, Report
from holdfast.lab import LabError


def servers(report: Report) -> list[Figure]:
    from bench.servers import measure  # a family's imports cost only who measures it

    return measure(report)


def hardening(report: Report) -> list[Figure]:
    from bench.hardening import measure

    return measure(report)


def accounts(report: Report) -> list[Figure]:
    from bench.accounts import measure

    return measure(report)


def people(report: Report) -> list[Figure]:
    from bench.people import measure

    return measure(report)


def gate(report: Report) -> list[Figure]:
    from bench.gate import measure

    return measure(report)


def work(report: Report) -> list[Figure]:
    from bench.work import measure

    return measure(report)


def applications(report: Report) -> list[Figure]:
    from bench.applications import measure

    return measure(report)


def openid(report: Report) -> list[Figure]:
    from bench.openid import measure

    return measure(report)


FAMILIES: dict[str, Callable[[Report], list[Figure]]] = {
    "servers": servers,
    "hardening": hardening,
    "accounts": accounts,
    "people": people,
    "gate": gate,
    "work": work,
    "applications": applications,
    "openid": openid,
}


def main(names: Sequence[str]) -> int:
    """Measure the families named, or all; return the exit code."""
    unknown = [name for name in names if name not in FAMILIES]
    if unknown:
        known = ", ".join(FAMILIES)
        print(f"bench: there is no family {unknown[0]!r}; choose one of: {known}", file=sys.stderr)
        return 2
    _warn_of_load()
    for name in names or FAMILIES:
        try:
            figures = FAMILIES[name](_say)
            path = write(RESULTS / f"{name}.json", figures)
        except (BenchError, LabError, OSError) as error:
            print(f"bench: {name}: {error}", file=sys.stderr)
            return 2
        print(table(figures))
        print(f"written to {path}")
    return 0


def _warn_of_load() -> None:
    load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
    if load > cores / 2:
        _say(f"this machine is busy (load {load:.1f} on {cores} cores): seconds will be too many")


def _say(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
