"""The servers' family: Holdfast's verbs on one finished host, beside Lynis and Ansible."""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import fleet
from bench.figures import Figure, Peer
from bench.peers import ansible, lynis
from bench.program import holdfast
from bench.running import BenchError, Measure, Ran, Report, in_turn
from holdfast.lab import Host, HostSpec, Lab

LAB, SLOT = "bench", 40
HOSTS = (HostSpec("app", "bookworm", ("app",)), HostSpec("db", "trixie", ("database",)))
MEASURED = "app"
UNTOUCHED = "untouched"
PER_TURN = 3  # our runs in each turn: beside half a minute of a peer, one would be luck

AUDIT_S, NO_OP_APPLY_S, MEMORY_MB = 1.0, 2.0, 100.0
TIMES_LYNIS, TIMES_ANSIBLE = 30.0, 50.0


def measure(report: Report) -> list[Figure]:
    """Measure the family on servers of its own, which are ended whatever happens.

    Raises BenchError, LabError.
    """
    if os.geteuid() != 0:
        raise BenchError("it needs root on a Debian machine: servers are started")
    playbook = ansible.install()
    with _lab(report) as lab:
        host = lab.host(MEASURED)
        auditor = lynis.install(host)
        host.snapshot(UNTOUCHED)
        ours = Holdfast(lab.site / "holdfast.toml")
        report("the first apply, from an untouched host")
        first_apply = _first_apply(ours, host)
        ours.run("apply", "--yes", good=(0,))
        figures = [
            *_audit(report, ours, host, lab.site, auditor),
            _plan(report, ours, host, lab.site, playbook),
            *_no_op(report, ours, first_apply),
        ]
    return [*figures, *fleet.measure(report, playbook)]


@contextmanager
def _lab(report: Report) -> Iterator[Lab]:
    lab = Lab(LAB, SLOT, report=report)
    lab.down()
    try:
        lab.up(HOSTS)
        yield lab
    finally:
        lab.down()


@dataclass(frozen=True)
class Holdfast:
    """Holdfast on one site, as a person runs it."""

    site_file: Path

    def run(self, verb: str, *arguments: str, good: tuple[int, ...], memory: bool = False) -> Ran:
        return holdfast(self.site_file, verb, *arguments, good=good, memory=memory)

    def audit_seconds(self) -> float:
        """The whole process, on a host without gaps."""
        return self.run("audit", MEASURED, good=(0,)).seconds

    def audit_inside_seconds(self) -> float:
        """The same in this interpreter, where everything is imported already."""
        from holdfast.cli.main import main  # at the top, it would burden whoever imports this

        printed = io.StringIO()
        began = time.perf_counter()
        with contextlib.redirect_stdout(printed):
            code = main(["audit", MEASURED, "--site", str(self.site_file)])
        seconds = time.perf_counter() - began
        if code != 0:
            raise BenchError(f"the audit ended with {code}: {printed.getvalue().strip()[-300:]}")
        return seconds

    def plan_seconds(self) -> float:
        """The whole process; exit code 0 says that it found nothing to change."""
        return self.run("plan", MEASURED, good=(0,)).seconds

    def no_op_seconds(self) -> float:
        """The whole process of an apply that has nothing to do."""
        return self._no_op(memory=False).seconds

    def peak_mb(self, verb: str) -> float:
        """The peak memory of an audit, or of an apply that has nothing to do."""
        if verb == "audit":
            return self.run("audit", MEASURED, good=(0,), memory=True).peak_mb
        return self._no_op(memory=True).peak_mb

    def _no_op(self, *, memory: bool) -> Ran:
        ran = self.run("apply", MEASURED, "--yes", "--format", "json", good=(0,), memory=memory)
        changes = json.loads(ran.out)["hosts"][0]["changes"]
        if changes:
            raise BenchError(f"{MEASURED} was not finished: apply made {changes} changes")
        return ran


def _first_apply(ours: Holdfast, host: Host) -> tuple[float, ...]:
    """Peak memory of an apply that takes the host from untouched to finished."""

    def once() -> float:
        host.reset(UNTOUCHED)
        return ours.run("apply", MEASURED, "--yes", good=(0,), memory=True).peak_mb

    (peaks,) = in_turn(Measure(once))
    return peaks


def _audit(report: Report, ours: Holdfast, host: Host, site: Path, peer_name: str) -> list[Figure]:
    report(f"audit, beside {peer_name}")
    whole, inside, theirs = in_turn(
        Measure(ours.audit_seconds, PER_TURN),
        Measure(ours.audit_inside_seconds, PER_TURN),
        Measure(lambda: lynis.audit_seconds(site, host)),
    )
    peer = Peer(peer_name, theirs)
    return [
        Figure("audit of one host over SSH", "s", whole, peer, AUDIT_S, TIMES_LYNIS),
        Figure("the same without interpreter start", "s", inside, peer, AUDIT_S, TIMES_LYNIS),
    ]


def _plan(report: Report, ours: Holdfast, host: Host, site: Path, peer_name: str) -> Figure:
    report(f"plan, beside {peer_name}")
    with ansible.ready(site, host) as checks:
        whole, theirs = in_turn(Measure(ours.plan_seconds, PER_TURN), Measure(checks.seconds))
    peer = Peer(f"{peer_name} --check", theirs)
    return Figure("plan of one host", "s", whole, peer, goal=TIMES_ANSIBLE)


def _no_op(report: Report, ours: Holdfast, first_apply: tuple[float, ...]) -> list[Figure]:
    report("an apply with nothing to do, and memory")
    seconds, audit, apply = in_turn(
        Measure(ours.no_op_seconds, PER_TURN),
        Measure(lambda: ours.peak_mb("audit")),
        Measure(lambda: ours.peak_mb("apply")),
    )
    return [
        Figure("apply with nothing to do", "s", seconds, limit=NO_OP_APPLY_S),
        Figure("peak memory of audit", "MB", audit, limit=MEMORY_MB),
        Figure("peak memory of apply, nothing to do", "MB", apply, limit=MEMORY_MB),
        Figure("peak memory of apply, untouched to finished", "MB", first_apply, limit=MEMORY_MB),
    ]
