"""Hosts behind others are reached by ProxyJump, and nothing is forwarded that this does not need.

Source: guide G3.8. Corrected: the guide forwards the agent, and whoever is root on the host in
between can then use the admin's keys. A jump needs one thing, TCP from the jump host onwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from holdfast.servers.attack import Attack, Attacker, Kind, Verdict, repelled, succeeded
from holdfast.servers.control import Control, Gap, Phase, Principle, Severity
from holdfast.servers.restricted import blocks
from holdfast.servers.snapshot import STRANGER, Snapshot, Sshd
from holdfast.servers.sshd_decisions import (
    UNSET,
    Decision,
    decisions,
    judged_sshd,
    setting_gap,
    unread_configuration,
)
from holdfast.site import Host, Site

TCP = "AllowTcpForwarding"
ONWARDS = "local"  # from the host to others
BACKWARDS = ("no", "remote")  # none at all, or only from others back through it

# Nobody needs these, whatever the host is for.
NEVER = ("AllowStreamLocalForwarding", "GatewayPorts", "PermitTunnel")
# Somebody's words that keep a jump host from doing its work, and what takes their place.
FORBIDS_JUMPS = {"DisableForwarding": ("yes", "no"), "PermitOpen": ("none", "any")}

KEYWORDS = frozenset({TCP, *NEVER, *FORBIDS_JUMPS})


def gaps(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    """Yield what is forwarded without need, and what a jump through this host lacks."""
    snapshot = snapshots[host.name]
    sshd = judged_sshd(snapshot)
    unread = list(unread_configuration(sshd))
    yield from unread
    if unread:
        return
    apart = blocks(host, site)
    for keyword in NEVER:
        wrong = [d for d in decisions(sshd, keyword, apart) if d.value != "no"]
        yield from setting_gap("no", wrong, snapshot)
    behind = [other.name for other in site.behind(host.name)]
    if not behind:
        wrong = [d for d in decisions(sshd, TCP, apart) if d.value != "no"]
        yield from setting_gap("no", wrong, snapshot)
        return
    too_much = [d for d in decisions(sshd, TCP, apart) if d.value not in (ONWARDS, "no")]
    yield from setting_gap(ONWARDS, too_much, snapshot)
    yield from _missing(sshd, site, snapshot, ", ".join(behind))


def _missing(sshd: Sshd, site: Site, snapshot: Snapshot, behind: str) -> Iterator[Gap]:
    """Yield what keeps admins from jumping; it opens a way, so it comes before others close."""
    what = f"sshd keeps admins from jumping to {behind}"
    too_little = [d for d in _of_admins(sshd, site, TCP) if d.value in BACKWARDS]
    yield from setting_gap(ONWARDS, too_little, snapshot, Phase.WIDEN, what)
    for keyword, (bad, good) in FORBIDS_JUMPS.items():
        wrong = [d for d in _of_admins(sshd, site, keyword) if d.value == bad]
        yield from setting_gap(good, wrong, snapshot, Phase.WIDEN, what)


def _of_admins(sshd: Sshd, site: Site, keyword: str) -> Iterator[Decision]:
    """Yield what is decided for the admins; for a stranger where none has an account yet."""
    people = {effective.user for effective in sshd.effective} & set(site.admins)
    for found in decisions(sshd, keyword, apart={}):
        if found.user in (people or {STRANGER}) and found.value != UNSET:
            yield found


async def _use_a_forwarded_agent(attacker: Attacker) -> Verdict:
    socket = await attacker.forwarded_agent()
    if socket:
        return succeeded(f"{socket} was made: root there could use every key of the agent")
    return repelled("agent forwarding was asked for and refused, there is no socket")


SSH_JUMP = Control(
    id="ssh.jump",
    title="Hosts behind others are reached by ProxyJump, and nothing else is forwarded",
    principle=Principle.PREVENT_DIRECT_ACCESS,
    source="G3.8",
    severity=Severity.MEDIUM,
    stops="a host is used as a bridge to others, or an admin's agent is used by its root",
    changes=(
        "Turns off forwarding of TCP, of sockets and of tunnels; hosts that others are reached "
        "through keep TCP forwarding onwards, which ProxyJump needs. `holdfast init` shows the "
        "admin's part of ~/.ssh/config."
    ),
    deviates=(
        "The guide forwards the agent to reach the database host; whoever is root on the host in "
        "between can then log in as the admin wherever that key is known. ProxyJump gives the "
        "host in between nothing but ciphertext."
    ),
    gaps=gaps,
    attacks=(
        Attack(
            "forwarded-agent",
            "use an agent that a login forwards",
            "outside",
            Kind.SAFE,
            _use_a_forwarded_agent,
        ),
    ),
)
