"""What could not be read makes a finding unknown, with the reason; it never passes."""

from __future__ import annotations

from datetime import date
from typing import get_args

import pytest
from building import (
    APT_UNITS,
    COMMON_PASSWORD,
    DIRECT_SITE,
    RUNS,
    SU,
    account,
    file,
    key_line,
    site,
    snapshot,
    sshd,
)
from model import ORIGINS, PWQUALITY_LINE

from holdfast.servers import pwquality
from holdfast.servers.access import ADMINS, Redirect
from holdfast.servers.audit import Finding, Status, judge
from holdfast.servers.catalogue import all_controls
from holdfast.servers.controls import passwords, root, updates
from holdfast.servers.controls.firewall import UNIT_FILE
from holdfast.servers.controls.jump import NEVER, TCP
from holdfast.servers.controls.ssh import LIMITS, SETTINGS
from holdfast.servers.controls.ssh_modern import SMALLEST_RSA, SMALLEST_RSA_BITS, WEAK
from holdfast.servers.debsums import FILE as DEBSUMS
from holdfast.servers.firewall_table import FILE as FIREWALL_FILE
from holdfast.servers.firewall_table import UNIT, loadable, render
from holdfast.servers.kernel_parameters import MODULES, MODULES_FILE, render_modules
from holdfast.servers.resources import FIREWALL_UNIT
from holdfast.servers.restricted import settings as blocks
from holdfast.servers.snapshot import Apt, Firewall, Snapshot, Sudo, Unreadable
from holdfast.servers.sshd_config import FILE as SSHD_FILE
from holdfast.servers.sshd_config import render as rendered
from holdfast.servers.traces import LOGIN_DEFS, NO_CORE_DUMPS

TODAY = date(2026, 1, 1)
REASON = "needs root"
TABLE = render(
    [f"tcp dport {port} accept" for port in (22, 80, 443)],
    [Redirect(80, 3000), Redirect(443, 3003)],
)

NEEDED = {
    "admins.ordinary": ("accounts", "groups", "packages"),
    "files.private": (),
    "firewall.inbound": ("firewall", "packages", "units"),
    "firewall.redirect": ("firewall", "listeners", "units"),
    "kernel.parameters": ("kernel",),
    "packages.intact": ("packages",),
    "passwords.quality": ("packages",),
    "root.locked": ("accounts",),
    "ssh.jump": ("sshd",),
    "ssh.key-files": ("accounts", "sshd"),
    "ssh.keys-only": ("sshd",),
    "ssh.modern": ("sshd",),
    "sudo.password": ("sudo",),
    "updates.automatic": ("apt", "packages", "units"),
}
NEEDED_FILES = (
    ("files.private", LOGIN_DEFS),
    *(("files.private", path) for path in NO_CORE_DUMPS),
    ("kernel.parameters", MODULES_FILE),
    ("packages.intact", DEBSUMS),
    ("firewall.inbound", FIREWALL_FILE),
    ("passwords.quality", passwords.STACK),
    ("passwords.quality", pwquality.FILE),
    ("passwords.quality", "/etc/pam.d/passwd"),
    ("root.locked", root.SU),
    ("root.locked", root.SU_LOGIN),
    ("ssh.keys-only", SSHD_FILE),
)
RULES = {"minlen": "15", "enforce_for_root": "", "badwords": passwords.FORBIDDEN}
UPGRADES = {
    "APT::Periodic::Update-Package-Lists": ("1",),
    "APT::Periodic::Unattended-Upgrade": ("1",),
    "Unattended-Upgrade::Mail": ("root",),
    "Unattended-Upgrade::MailReport": ("only-on-error",),
    ORIGINS: ("label=Debian-Security",),
}
FROM_THE_SITE = {"provisioning.separate"}  # on a host without a database
FROM_FILES = {"files.private"}  # each file is a section of its own
NOTHING_TO_READ = {"admins.key-passphrase"}  # no server can show what it judges


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
        packages=dict.fromkeys(
            ("debsums", "sudo", "nftables", *passwords.PACKAGES, updates.PACKAGE), "1"
        ),
        groups={"sudo": (), ADMINS: ()},
        accounts={"root": account(0, shell="/bin/bash"), "alice": alice},
        sudo=Sudo(installed=True, policy={}),
        sshd=sshd(settings),
        firewall=Firewall(installed=True, base_chains=(), holdfast=TABLE, forwarding=False),
        units={FIREWALL_UNIT: RUNS, **APT_UNITS},
        apt=Apt(settings=UPGRADES),
        files={
            FIREWALL_FILE: file(loadable(TABLE)),
            UNIT_FILE: file(UNIT),
            SSHD_FILE: file(rendered(blocks(site().hosts["app"], site()))),
            passwords.STACK: file(PWQUALITY_LINE + COMMON_PASSWORD),
            pwquality.FILE: file(pwquality.render(RULES)),
            LOGIN_DEFS: file("UMASK 027\n"),
            DEBSUMS: file("CRON_CHECK=weekly\n"),
            MODULES_FILE: file(render_modules(dict.fromkeys(MODULES, "refused"))),
            **{path: file(text) for path, text in NO_CORE_DUMPS.items()},
            root.SU: file(f"{root.ONLY_ADMINS}\n{SU}"),
            "/etc/ssh/sshd_config": file("Include /etc/ssh/sshd_config.d/*.conf\n"),
        },
    )


def findings(seen: Snapshot) -> dict[str, Finding]:
    of = site(DIRECT_SITE)
    judged = judge(of.hosts["app"], {"app": seen}, of, all_controls(), TODAY)
    found = {finding.control.id: finding for finding in judged}
    assert {found.pop(name).status for name in NOTHING_TO_READ} == {Status.NOT_APPLICABLE}
    return found


def test_every_control_passes_on_a_clean_host() -> None:
    found = findings(clean())
    assert {found[name].status for name in (*NEEDED, *FROM_THE_SITE)} == {Status.PASS}


@pytest.mark.parametrize(
    ("control", "section"), [(name, s) for name, sections in NEEDED.items() for s in sections]
)
def test_a_section_that_could_not_be_read_makes_it_unknown(control: str, section: str) -> None:
    seen = clean().model_copy(update={section: Unreadable(unreadable=REASON)})
    finding = findings(seen)[control]
    assert (finding.status, finding.reason) == (Status.UNKNOWN, REASON)


@pytest.mark.parametrize(("control", "path"), NEEDED_FILES)
def test_a_file_that_could_not_be_read_makes_it_unknown(control: str, path: str) -> None:
    seen = clean()
    files = {**seen.files, path: Unreadable(unreadable=REASON)}
    assert findings(seen.model_copy(update={"files": files}))[control].status is Status.UNKNOWN


def test_a_section_that_another_control_needs_makes_this_one_no_worse() -> None:
    seen = clean().model_copy(update={"sshd": Unreadable(unreadable=REASON)})
    found = findings(seen)
    others = {found[name].status for name, sections in NEEDED.items() if "sshd" not in sections}
    assert others == {Status.PASS}


def test_nothing_readable_means_that_nothing_passes() -> None:
    sections = [n for n, f in Snapshot.model_fields.items() if Unreadable in get_args(f.annotation)]
    blind = clean().model_copy(update=dict.fromkeys(sections, Unreadable(unreadable=REASON)))
    found = findings(blind)
    judged = {found[name].status for name in set(found) - FROM_THE_SITE - FROM_FILES}
    assert judged <= {Status.UNKNOWN, Status.NOT_APPLICABLE}
