"""Many servers at once: twenty audited, beside Ansible, and ten brought to what they should be."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from bench.figures import Figure, Peer
from bench.peers import ansible
from bench.program import holdfast
from bench.running import Measure, Report, in_turn
from holdfast.lab import Host, HostSpec, Lab

LAB, SLOT = "bench-fleet", 41
PAIRS, PAIRS_APPLIED = 10, 5  # an application and a database server each
HOSTS = tuple(
    spec
    for number in range(1, PAIRS + 1)
    for spec in (
        HostSpec(f"app{number}", "bookworm", ("app",)),
        HostSpec(f"db{number}", "trixie", ("database",)),
    )
)
APPLIED = tuple(spec.name for spec in HOSTS[: 2 * PAIRS_APPLIED])
UNTOUCHED = "untouched"
RESET_AT_ONCE = 4

AUDIT_S, FIRST_APPLY_S = 5.0, 120.0


def measure(report: Report, peer_name: str) -> list[Figure]:
    """Measure on servers of its own, which are ended whatever happens."""
    lab = Lab(LAB, SLOT, report=report)
    lab.down()
    try:
        lab.up(HOSTS)
        with ThreadPoolExecutor(RESET_AT_ONCE) as pool:
            list(pool.map(lambda host: host.snapshot(UNTOUCHED), lab.hosts.values()))
        applied = _first_apply(report, lab)
        holdfast(lab.site / "holdfast.toml", "apply", "--yes", good=(0,))
        return [_audit(report, lab, peer_name), applied]
    finally:
        lab.down()


def _first_apply(report: Report, lab: Lab) -> Figure:
    report(f"the first apply of {len(APPLIED)} hosts, from untouched")

    def once() -> float:
        with ThreadPoolExecutor(RESET_AT_ONCE) as pool:
            list(pool.map(_reset, [lab.host(name) for name in APPLIED]))
        return holdfast(lab.site / "holdfast.toml", "apply", *APPLIED, "--yes", good=(0,)).seconds

    (seconds,) = in_turn(Measure(once))
    return Figure(f"first apply of {len(APPLIED)} hosts", "s", seconds, limit=FIRST_APPLY_S)


def _reset(host: Host) -> None:
    host.reset(UNTOUCHED)


def _audit(report: Report, lab: Lab, peer_name: str) -> Figure:
    report(f"audit of {len(HOSTS)} hosts, beside {peer_name}")
    site_file = lab.site / "holdfast.toml"
    with ansible.facts(lab.site, list(lab.hosts.values())) as gathering:
        ours, theirs = in_turn(
            Measure(lambda: holdfast(site_file, "audit", good=(0,)).seconds),
            Measure(gathering.seconds),
        )
    peer = Peer(f"{peer_name} setup", theirs)
    return Figure(f"audit of {len(HOSTS)} hosts", "s", ours, peer, AUDIT_S)
