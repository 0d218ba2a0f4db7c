"""What could not be read makes a finding unknown, with the reason; it never passes."""

from __future__ import annotations

from datetime import date

import pytest
from building import account, file, key_line, site, snapshot, sshd
from model import table

from holdfast.servers.access import ADMINS
from holdfast.servers.audit import Finding, Status, judge
from holdfast.servers.catalogue import all_controls
from holdfast.servers.controls.jump import NEVER, TCP
from holdfast.servers.controls.ssh import LIMITS, SETTINGS
from holdfast.servers.controls.ssh_modern import SMALLEST_RSA, SMALLEST_RSA_BITS, WEAK
from holdfast.servers.firewall_table import FILE as FIREWALL_FILE
from holdfast.servers.firewall_table import loadable
from holdfast.servers.resources import FIREWALL_UNIT
from holdfast.servers.snapshot import Firewall, Snapshot, Sudo, Unit, Unreadable
from holdfast.servers.sshd_config import FILE as SSHD_FILE

TODAY = date(2026, 1, 1)
REASON = "needs root"
TABLE = table("tcp dport 22 accept", "tcp dport 80 accept", "tcp dport 443 accept")

NEEDED = {
    "admins.ordinary": ("accounts", "groups", "packages"),
    "firewall.inbound": ("firewall", "units"),
    "ssh.jump": ("sshd",),
    "ssh.key-files": ("accounts", "sshd"),
    "ssh.keys-only": ("sshd",),
    "ssh.modern": ("sshd",),
    "sudo.password": ("sudo",),
}
NOTHING_TO_READ = {"admins.key-passphrase"}  # no server can show what it judges
NEEDED_FILES = {"firewall.inbound": FIREWALL_FILE, "ssh.keys-only": SSHD_FILE}


def clean() -> Snapshot:
    """An application host on which every control passes."""
    settings: dict[str, tuple[str, ...]]
    settings = {key.lower(): (values[0],) for key, values in SETTINGS.items()}
    settings |= {key.lower(): (str(most),) for key, most in LIMITS.items()}
    settings |= {keyword.lower(): ("no",) for keyword in (TCP, *NEVER)}
    settings |= {keyword.lower(): ("none-that-is-weak",) for keyword in WEAK}
    settings |= {SMALLEST_RSA.lower(): (str(SMALLEST_RSA_BITS),)}
    keys = {
        "/home/alice/.ssh": file("", 0o700, "alice", "alice"),
        "/home/alice/.ssh/authorized_keys": file(f"{key_line('alice')}\n", 0o600, "alice"),
    }
    alice = account(
        1000,
        home="/home/alice",
        shell="/bin/bash",
        password="set",
        groups=("sudo", ADMINS),
        key_files=keys,
    )
    return snapshot(
        packages={"sudo": "1", "nftables": "1"},
        groups={"sudo": (), ADMINS: ()},
        accounts={"root": account(0, shell="/bin/bash"), "alice": alice},
        sudo=Sudo(installed=True, policy={}),
        sshd=sshd(settings),
        firewall=Firewall(installed=True, base_chains=(), holdfast=TABLE, forwarding=False),
        units={FIREWALL_UNIT: Unit(active="active", enabled="enabled")},
        files={
            FIREWALL_FILE: file(loadable(TABLE)),
            SSHD_FILE: file("# ours\n"),
            "/etc/ssh/sshd_config": file("Include /etc/ssh/sshd_config.d/*.conf\n"),
        },
    )


def findings(seen: Snapshot) -> dict[str, Finding]:
    of = site()
    judged = judge(of.hosts["app"], {"app": seen}, of, all_controls(), TODAY)
    found = {finding.control.id: finding for finding in judged}
    assert {found.pop(name).status for name in NOTHING_TO_READ} == {Status.NOT_APPLICABLE}
    return found


def test_every_control_passes_on_a_clean_host() -> None:
    assert {name: f.status for name, f in findings(clean()).items()} == dict.fromkeys(
        NEEDED, Status.PASS
    )


@pytest.mark.parametrize(
    ("control", "section"), [(name, s) for name, sections in NEEDED.items() for s in sections]
)
def test_a_section_that_could_not_be_read_makes_it_unknown(control: str, section: str) -> None:
    seen = clean().model_copy(update={section: Unreadable(unreadable=REASON)})
    finding = findings(seen)[control]
    assert (finding.status, finding.reason) == (Status.UNKNOWN, REASON)


@pytest.mark.parametrize(("control", "path"), NEEDED_FILES.items())
def test_a_file_of_ours_that_could_not_be_read_makes_it_unknown(control: str, path: str) -> None:
    seen = clean()
    files = {**seen.files, path: Unreadable(unreadable=REASON)}
    assert findings(seen.model_copy(update={"files": files}))[control].status is Status.UNKNOWN


def test_a_section_that_another_control_needs_makes_this_one_no_worse() -> None:
    seen = clean().model_copy(update={"sshd": Unreadable(unreadable=REASON)})
    others = {n: f.status for n, f in findings(seen).items() if "sshd" not in NEEDED[n]}
    assert set(others.values()) == {Status.PASS}


def test_nothing_readable_means_that_nothing_passes() -> None:
    sections = {section for needed in NEEDED.values() for section in needed}
    blind = clean().model_copy(update=dict.fromkeys(sections, Unreadable(unreadable=REASON)))
    assert {finding.status for finding in findings(blind).values()} == {Status.UNKNOWN}
