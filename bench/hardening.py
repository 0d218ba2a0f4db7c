"""Lynis' opinion of a host before and after `holdfast apply`, on each release."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.figures import Better, Figure
from bench.peers import lynis
from bench.peers.lynis import Hardening
from bench.program import holdfast
from bench.running import TURNS, BenchError, Report
from holdfast.lab import Host, HostSpec, Lab

LAB, SLOT = "bench-lynis", 42
HOSTS = (HostSpec("app", "bookworm", ("app",)), HostSpec("db", "trixie", ("database",)))
NAMES = {"app": "Debian 12", "db": "Debian 13"}
WITH_LYNIS = "with-lynis"

GAIN = 15.0  # points of the index, which is a percentage


@dataclass(frozen=True)
class Compared:
    """One host before and after."""

    before: Hardening
    after: Hardening

    @property
    def gain(self) -> float:
        return self.after.index - self.before.index


def measure(report: Report) -> list[Figure]:
    """Apply to an untouched host of each release; what Lynis still misses is reported by test.

    Raises BenchError, LabError.
    """
    if os.geteuid() != 0:
        raise BenchError("it needs root on a Debian machine: servers are started")
    lab = Lab(LAB, SLOT, report=report)
    lab.down()
    try:
        lab.up(HOSTS)
        hosts = list(lab.hosts.values())
        with ThreadPoolExecutor(len(hosts)) as pool:
            compared = dict(zip(NAMES, pool.map(lambda host: _runs(lab, host), hosts), strict=True))
    finally:
        lab.down()
    for name, runs in compared.items():
        _tell(report, NAMES[name], runs[-1])
    return [
        Figure(
            f"Lynis' hardening index gained by apply, {NAMES[name]}",
            "points",
            tuple(run.gain for run in runs),
            limit=GAIN,
            better=Better.HIGHER,
        )
        for name, runs in compared.items()
    ]


def _runs(lab: Lab, host: Host) -> list[Compared]:
    lynis.install(host)
    host.snapshot(WITH_LYNIS)
    return [_once(lab, host) for _ in range(TURNS)]


def _once(lab: Lab, host: Host) -> Compared:
    host.reset(WITH_LYNIS)
    before = lynis.hardening(host)
    holdfast(lab.site / "holdfast.toml", "apply", host.name, "--yes", good=(0, 1))
    return Compared(before, lynis.hardening(host))


def _tell(report: Report, name: str, run: Compared) -> None:
    for when, seen in (("before", run.before), ("after", run.after)):
        report(f"{name} {when}: {seen.index:.1f} ({seen.points} of {seen.possible} points)")
    missed = sorted(run.after.missed.items(), key=lambda test: -test[1])
    report(f"{name}: points still missed: {', '.join(f'{test} {lost}' for test, lost in missed)}")
