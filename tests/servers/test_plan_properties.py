"""Whatever a host looks like: automatic gaps close, a clean host is left alone, order is free."""

from __future__ import annotations

import random
from datetime import date

from building import COMMON_PASSWORD, DIRECT_SITE, SU, account, file, key_line, site, snapshot, sshd
from hypothesis import given, settings
from hypothesis import strategies as st
from model import ORIGINS, PWQUALITY_LINE, changed, policy_of, proven

from holdfast.servers import pwquality
from holdfast.servers.access import Redirect
from holdfast.servers.audit import Finding, judge
from holdfast.servers.catalogue import all_controls
from holdfast.servers.firewall_table import FILE, render
from holdfast.servers.plan import Demand, changes, make_plan, wanted
from holdfast.servers.snapshot import (
    Apt,
    BaseChain,
    FileState,
    Firewall,
    Listener,
    Snapshot,
    Sudo,
    Unit,
    Unreadable,
    judged,
)
from holdfast.site import Site

TODAY = date(2026, 1, 1)
ROUNDS = 6
PACKAGES = ["sudo", "nftables", "libpam-pwquality", "cracklib-runtime", "unattended-upgrades"]
PWQUALITY_FILES = [
    pwquality.MAIN,
    f"{pwquality.FOLDER}/10-provider.conf",
    pwquality.FILE,
    f"{pwquality.FOLDER}/90-local.conf",
]
NO_SECURITY = {ORIGINS: ("label=Debian",)}


def findings(host: Snapshot, of: Site, name: str) -> tuple[Finding, ...]:
    return judge(of.hosts[name], {name: host}, of, all_controls(), TODAY)


sudoers_lines = st.sampled_from(
    [
        "root ALL=(ALL:ALL) ALL",
        "%sudo ALL=(ALL:ALL) ALL",
        "ubuntu ALL=(ALL) NOPASSWD:ALL",
        "deploy ALL=(root) NOPASSWD: /usr/bin/systemctl restart todo",
        "Defaults !authenticate",
        "Defaults:bob !authenticate",
        "Defaults env_reset",
        "Defaults timestamp_type=global",
        "# NOPASSWD: only in a comment",
        "",
    ]
)

firewall_rules = st.sampled_from(
    [
        "tcp dport 22 accept",
        "tcp dport 23 accept",
        "ip saddr 10.0.0.11 tcp dport 3306 accept",
        "ip6 saddr fd00::11 tcp dport 3306 accept",
        "tcp dport 3306 accept",
        "udp dport 53 accept",
    ]
)

redirects = st.builds(Redirect, st.sampled_from([80, 443, 8080]), st.sampled_from([22, 3000, 3003]))
foreign_chains = st.builds(
    BaseChain,
    family=st.sampled_from(["ip", "inet"]),
    table=st.just("filter"),
    chain=st.just("INPUT"),
    hook=st.just("input"),
    policy=st.sampled_from(["accept", "drop"]),
)
listeners = st.builds(
    Listener,
    protocol=st.just("tcp"),
    address=st.sampled_from(["*", "127.0.0.1", "10.0.0.12"]),
    port=st.sampled_from([80, 3000, 3306]),
    process=st.just("x"),
)

sshd_settings = st.dictionaries(
    st.sampled_from(
        [
            "permitrootlogin",
            "passwordauthentication",
            "kbdinteractiveauthentication",
            "permitemptypasswords",
            "x11forwarding",
            "allowgroups",
            "maxauthtries",
            "logingracetime",
            "loglevel",
            "clientaliveinterval",
            "clientalivecountmax",
            "tcpkeepalive",
            "strictmodes",
            "authorizedkeyscommand",
            "authorizedkeysfile",
            "allowtcpforwarding",
            "allowstreamlocalforwarding",
            "gatewayports",
            "permittunnel",
            "requiredrsasize",
        ]
    ),
    st.sampled_from(
        [("yes",), ("no",), ("without-password",), ("0",), ("3",), ("100",), ("4096",), ("wheel",)]
    ),
)

pwquality_lines = st.sampled_from(
    [
        "minlen = 8",
        "minlen = 20",
        "MinLen 9",
        "dcredit = 1",
        "ocredit = -2",
        "dictcheck = 0",
        "usercheck=0",
        "enforcing = 0",
        "enforce_for_root",
        "badwords = todo example",
        "retry = 9",
        "# minlen = 50",
        "  minlen = 50 # a comment",
        "minimum = 15",
        "",
    ]
)

password_stacks = st.sampled_from(
    [
        COMMON_PASSWORD,
        PWQUALITY_LINE + COMMON_PASSWORD,
        COMMON_PASSWORD + PWQUALITY_LINE,
        PWQUALITY_LINE.replace("retry=3", "retry=3 minlen=6 dictcheck=0") + COMMON_PASSWORD,
        PWQUALITY_LINE.replace("requisite", "optional") + COMMON_PASSWORD,
        "password required pam_unix.so\n",
    ]
)

su_files = st.sampled_from(
    [
        SU,
        SU.replace("# auth", "auth"),
        SU.replace("# auth       required   pam_wheel.so", "auth sufficient pam_wheel.so trust"),
        SU.replace("pam_rootok.so", "pam_rootok.so\nauth requisite pam_wheel.so group=sudo"),
        "auth required pam_permit.so\n",
    ]
)

apt_settings = st.dictionaries(
    st.sampled_from(
        [
            "APT::Periodic::Update-Package-Lists",
            "APT::Periodic::Unattended-Upgrade",
            "APT::Periodic::Enable",
            "Unattended-Upgrade::Mail",
            "Unattended-Upgrade::MailReport",
        ]
    ),
    st.sampled_from([(), ("0",), ("1",), ("7",), ("always",), ("12h",), ("ops@example.com",)]),
)

timers = st.builds(
    Unit,
    active=st.sampled_from(["active", "inactive", "failed"]),
    enabled=st.sampled_from(["enabled", "disabled", "masked", "not-found"]),
)

algorithms = st.fixed_dictionaries(
    {},
    optional={
        keyword.lower(): st.lists(st.sampled_from(names), min_size=1, unique=True).map(
            lambda chosen: (",".join(chosen),)
        )
        for keyword, names in {
            "KexAlgorithms": [
                "mlkem768x25519-sha256",
                "sntrup761x25519-sha512",
                "curve25519-sha256",
                "ecdh-sha2-nistp256",
                "diffie-hellman-group14-sha256",
                "of-a-later-release",
            ],
            "Ciphers": ["aes256-ctr", "aes128-cbc"],
            "MACs": ["hmac-sha2-256", "hmac-sha1", "umac-64@openssh.com"],
            "HostKeyAlgorithms": ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256"],
            "PubkeyAcceptedAlgorithms": ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256"],
        }.items()
    },
)


@st.composite
def key_files(draw: st.DrawFn, home: str, name: str) -> dict[str, FileState]:
    """An account's home, and the key files in it, in any state."""
    modes, owners = st.sampled_from([0o700, 0o755, 0o775]), st.sampled_from([name, "root"])
    held = {home: file("", draw(modes), draw(owners), name)}
    if draw(st.booleans()):
        held[f"{home}/.ssh"] = file("", draw(modes), draw(owners), name)
        for path in draw(st.sets(st.sampled_from(["authorized_keys", "authorized_keys2"]))):
            lines = [key_line("alice"), key_line("eve"), f"restrict {key_line('alice')}", "# x"]
            content = "".join(f"{line}\n" for line in draw(st.lists(st.sampled_from(lines))))
            mode = draw(st.sampled_from([0o600, 0o644]))
            held[f"{home}/.ssh/{path}"] = file(content, mode, draw(owners), name)
    return held


@st.composite
def hosts(draw: st.DrawFn) -> Snapshot:
    """A Debian host in any state between untouched and finished."""
    base = snapshot()
    packages = dict(judged(base.packages))
    packages |= dict.fromkeys(draw(st.sets(st.sampled_from(PACKAGES))), "1")
    accounts = dict(judged(base.accounts))
    password = draw(st.sampled_from(["set", "locked", "empty"]))
    accounts["root"] = accounts["root"].model_copy(update={"password": password})
    for number, name in enumerate(sorted(draw(st.sets(st.sampled_from(["alice", "ubuntu"]))))):
        home = f"/home/{name}"
        held = draw(key_files(home, name))
        accounts[name] = account(
            1000 + number,
            home=home,
            shell=draw(st.sampled_from(["/bin/bash", "/bin/sh"])),
            password=draw(st.sampled_from(["set", "locked", "empty"])),
            expired=draw(st.booleans()),
            groups=tuple(draw(st.sets(st.sampled_from(["sudo", "docker", "holdfast-admins"])))),
            key_files=held,
        )
    root = accounts["root"]
    accounts["root"] = root.model_copy(update={"key_files": draw(key_files("/root", "root"))})
    loaded = draw(st.booleans())
    files: dict[str, FileState | Unreadable] = dict(base.files)
    units = dict(judged(base.units))
    sudoers = {
        path: file("".join(f"{line}\n" for line in draw(st.lists(sudoers_lines))), 0o440)
        for path in ("/etc/sudoers", "/etc/sudoers.d/90-cloud-init")
    }
    if "sudo" in packages:
        files |= sudoers
    files["/etc/pam.d/common-password"] = file(draw(password_stacks))
    files["/etc/pam.d/su"] = file(draw(su_files))
    for path in draw(st.sets(st.sampled_from(PWQUALITY_FILES))):
        lines = draw(st.lists(pwquality_lines, max_size=3))
        files[path] = file("".join(f"{line}\n" for line in lines))
    units |= {name: draw(timers) for name in ("apt-daily.timer", "apt-daily-upgrade.timer")}
    running = None
    if loaded:
        one_each = {one.port: one for one in draw(st.sets(redirects))}
        rules = draw(st.sets(firewall_rules))
        running = render(rules, one_each.values(), forward=draw(st.booleans()))
    if loaded and draw(st.booleans()):
        running = (running or "").replace("policy drop", "policy accept")
    if draw(st.booleans()):
        units["holdfast-firewall.service"] = Unit(active="inactive", enabled="enabled")
        files[FILE] = file(draw(st.sampled_from([running or "", "nonsense"])))
    groups = dict(judged(base.groups))
    if draw(st.booleans()):
        groups["holdfast-admins"] = ()
    made = snapshot(
        packages=packages,
        accounts=accounts,
        groups=groups,
        files=files,
        units=units,
        sshd=sshd(
            draw(sshd_settings) | draw(algorithms),
            changed=draw(st.sampled_from([100.0, 300.0])),
            host_keys=draw(st.sampled_from([("ssh-ed25519 SHA256:x",), ("ssh-rsa SHA256:y",)])),
        ),
        firewall=Firewall(
            installed="nftables" in packages,
            base_chains=tuple(draw(st.lists(foreign_chains, max_size=1))),
            holdfast=running,
            forwarding=draw(st.booleans()),
        ),
        listeners=tuple(draw(st.lists(listeners, max_size=2))),
        sudo=Sudo(installed="sudo" in packages, policy={}),
        apt=Apt(settings=draw(apt_settings) | draw(st.sampled_from([{}, NO_SECURITY]))),
    )
    return made.model_copy(update={"sudo": policy_of(made)})


def applied(host: Snapshot, of: Site, name: str) -> tuple[Snapshot, int]:
    """Apply plan after plan to the model, as `apply` does; return the host and the rounds."""
    for round_ in range(ROUNDS):
        plan = make_plan(name, findings(host, of, name), host, of)
        if plan.empty:
            return host, round_
        host = proven(changed(host, plan.changes), of)
    raise AssertionError(f"not at rest after {ROUNDS} transactions")


@settings(max_examples=300, deadline=None)
@given(hosts(), st.sampled_from(["app", "db"]))
def test_automatic_gaps_close_and_stay_closed(host: Snapshot, name: str) -> None:
    of = site(DIRECT_SITE)
    finished, _ = applied(host, of, name)
    left = [gap for f in findings(finished, of, name) for gap in f.gaps if gap.automatic]
    assert left == []


@settings(max_examples=100, deadline=None)
@given(hosts(), st.sampled_from(["app", "db"]))
def test_a_clean_host_yields_no_change(host: Snapshot, name: str) -> None:
    of = site(DIRECT_SITE)
    finished, _ = applied(host, of, name)
    again, rounds = applied(finished, of, name)
    assert rounds == 0
    assert again == finished


@settings(max_examples=100, deadline=None)
@given(hosts(), st.randoms(use_true_random=False))
def test_the_order_of_gaps_does_not_matter(host: Snapshot, shuffle: random.Random) -> None:
    of = site(DIRECT_SITE)
    demands: list[Demand] = wanted(findings(host, of, "db"))
    shuffled = list(demands)
    shuffle.shuffle(shuffled)
    assert changes(shuffled, host) == changes(demands, host)
