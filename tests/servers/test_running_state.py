"""What runs is judged, not what is written: one table of ways in which the two differ.

Each state is made on servers that were in order, and is seen twice: by the controls, and by
OpenSSH's own client, which tries the admin's password.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest
from driving import admin_gets_in, eventually, holdfast, seen

from holdfast.lab import Host, Lab
from holdfast.servers.audit import Finding, Status, judge
from holdfast.servers.catalogue import all_controls
from holdfast.site import load_site
from throwaway import SERVERS, UNTOUCHED

RELEASES = tuple(SERVERS)
OURS = "/etc/ssh/sshd_config.d/00-holdfast.conf"
SSH, FIREWALL, ADMINS = "ssh.keys-only", "firewall.inbound", "admins.ordinary"


class State(NamedTuple):
    """A state: how it comes about, what a control must say of it, and whether a password fits."""

    script: str
    control: str
    status: Status
    words: str
    password: bool


STATES = {
    "as Holdfast left it": State("true", SSH, Status.PASS, "", False),
    "edited back, not reloaded": State(
        f"cp {OURS} /root/ours; sed -i 's/\\(PasswordAuthentication\\) no/\\1 yes/' {OURS}\n"
        f"systemctl restart ssh; cp /root/ours {OURS}",
        SSH,
        Status.GAP,
        "an older configuration",
        True,
    ),
    "arguments that weaken": State(
        "echo \"SSHD_OPTS='-o PasswordAuthentication=yes'\" >/etc/default/ssh\n"
        "systemctl restart ssh",
        SSH,
        Status.GAP,
        "PasswordAuthentication=yes",
        False,  # what stands in a Match block beats an argument, and ours does
    ),
    "arguments that name another file": State(
        "printf 'UsePAM yes\\nPasswordAuthentication yes\\n' >/etc/ssh/other\n"
        "echo \"SSHD_OPTS='-f /etc/ssh/other'\" >/etc/default/ssh; systemctl restart ssh",
        SSH,
        Status.GAP,
        "PasswordAuthentication yes",
        True,
    ),
    "a later Match for some addresses": State(
        "printf 'Match Address *\\nPasswordAuthentication yes\\n' "
        ">/etc/ssh/sshd_config.d/60-later.conf; systemctl restart ssh",
        SSH,
        Status.GAP,
        "a Match block of somebody else",
        False,
    ),
    "an earlier Match for addresses that nobody asks about": State(
        "printf 'Match Address 10.0.0.0/8\\nPasswordAuthentication yes\\n' "
        ">/etc/ssh/sshd_config.d/00-earlier.conf; systemctl restart ssh",
        SSH,
        Status.GAP,
        "a Match block of somebody else",
        True,
    ),
    "a daemon without its socket": State(
        "systemctl disable --now ssh.service; systemctl enable --now ssh.socket",
        SSH,
        Status.PASS,
        "",
        False,
    ),
    "a filter on the disk alone": State(
        "nft delete table inet holdfast",
        FIREWALL,
        Status.GAP,
        "table inet holdfast is not loaded",
        False,
    ),
    "a filter of the same name that filters nothing": State(
        "nft delete table inet holdfast; nft add table inet holdfast",
        FIREWALL,
        Status.GAP,
        "the table was altered",
        False,
    ),
}


@pytest.fixture(scope="module")
def in_order(lab: Lab) -> Iterator[Mapping[str, Host]]:
    """Both servers as Holdfast left them."""
    hosts = {release: lab.host(spec.name) for release, spec in SERVERS.items()}
    for host in hosts.values():
        host.reset(UNTOUCHED)
    done = holdfast("apply", "--yes", site=lab.site)
    assert done.code == 0, done
    for host in hosts.values():
        host.snapshot("in order")
    yield hosts
    for host in hosts.values():
        host.reset(UNTOUCHED)


@pytest.fixture
def host(in_order: Mapping[str, Host], release: str) -> Host:
    in_order[release].reset("in order")
    return in_order[release]


def finding(lab: Lab, host: Host, control: str, *through: str) -> Finding:
    site = load_site(lab.site / "holdfast.toml").run_by("admin")
    member = site.hosts[host.name]
    snapshots = {host.name: seen(host, *through)}
    found = judge(member, snapshots, site, all_controls(), date(2026, 1, 1))
    return next(each for each in found if each.control.id == control)


def password_gets_in(site: Path, host: Host, place: Path) -> bool:
    """Whether OpenSSH's client logs in as the admin with the password and no key."""
    ask = place / "ask"
    ask.write_text(f"#!/bin/sh\ncat {site}/keys/admin.sudo\n")
    ask.chmod(0o700)
    command = [
        *("ssh", "-F/dev/null", "-o", "PubkeyAuthentication=no", "-o", "ConnectTimeout=5"),
        *("-o", "NumberOfPasswordPrompts=1", "-o", "StrictHostKeyChecking=yes"),
        *("-o", f"UserKnownHostsFile={site}/.holdfast/known_hosts", f"admin@{host.public}", "true"),
    ]
    environment = {**os.environ, "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"}
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, check=False
    )
    return done.returncode == 0


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("state", STATES)
def test_a_state_is_judged_by_what_runs(lab: Lab, host: Host, state: str, tmp_path: Path) -> None:
    case = STATES[state]
    host.check(["sh", "-c", case.script])
    found = finding(lab, host, case.control)
    told = "\n".join(f"{gap.what} ({gap.evidence})" for gap in found.gaps)
    assert (found.status, case.words in told) == (case.status, True), told
    assert password_gets_in(lab.site, host, tmp_path) == case.password


SANDBOXES = {
    "PrivateNetwork=yes": FIREWALL,
    "ProtectHome=yes": ADMINS,
    "ProtectHome=tmpfs": ADMINS,
    "ProcSubset=pid": FIREWALL,
    "RestrictAddressFamilies=AF_UNIX": FIREWALL,
    "CapabilityBoundingSet=": FIREWALL,
    "PrivateUsers=yes": FIREWALL,
    "User=nobody": SSH,
}


@pytest.mark.parametrize("release", RELEASES)
def test_a_reader_that_is_kept_from_seeing_passes_nothing_that_it_did_not_see(
    lab: Lab, in_order: Mapping[str, Host], release: str
) -> None:
    host = in_order[release]
    statuses = {}
    for sandbox, control in SANDBOXES.items():
        unit = ("systemd-run", "--quiet", "--pipe", "--wait", "-p", sandbox, "--")
        statuses[sandbox] = finding(lab, host, control, *unit).status
    assert statuses == dict.fromkeys(SANDBOXES, Status.UNKNOWN)


@pytest.mark.parametrize("release", RELEASES)
def test_the_second_key_file_lets_in_before_and_not_after(
    lab: Lab, host: Host, tmp_path: Path
) -> None:
    move = "cd ~admin/.ssh; mv authorized_keys authorized_keys2; touch authorized_keys"
    host.check(["bash", "-c", move])
    assert not admin_gets_in(lab.site, host)
    host.check(["rm", OURS])
    host.check(["systemctl", "restart", "ssh"])
    eventually(lambda: admin_gets_in(lab.site, host), 10, "sshd reads the second file again")
    found = finding(lab, host, SSH)
    assert "authorized_keys2" in "\n".join(gap.evidence for gap in found.gaps)
