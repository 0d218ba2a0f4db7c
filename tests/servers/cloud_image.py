"""A server as people really have it: a provider's cloud image that has been lived in.

The image's default account with sudo and no password, sshd started by its socket, drop-ins of
cloud-init, and packet filters of three others: ufw, Docker's rules, and a table of the owner's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from faults import write

from holdfast.lab import Host

ACCOUNT = "debian"

_FORCED = (
    'no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command="echo '
    '\'Please login as the user \\"debian\\" rather than the user \\"root\\".\';echo;'
    'sleep 10;exit 142" '
)

# As cloud-init, a provider and the owner have written them.
FILES: Mapping[str, str] = {
    "/etc/sudoers.d/90-cloud-init-users": (
        "# Created by cloud-init v. 22.4.2\n\n# User rules for debian\n"
        "debian ALL=(ALL) NOPASSWD:ALL\n"
    ),
    "/etc/ssh/sshd_config.d/50-cloud-init.conf": "PasswordAuthentication yes\n",
    "/etc/ssh/sshd_config.d/60-cloudimg-settings.conf": (
        "PasswordAuthentication yes\nKbdInteractiveAuthentication yes\n"
    ),
    "/etc/cron.d/reports": "17 3 * * * debian /home/debian/report.sh\n",
    "/home/debian/report.sh": "#!/bin/sh\ndate >>/home/debian/reports\n",
    "/home/debian/.bashrc": "alias ll='ls -l'\n",
    "/etc/nftables.conf": """\
#!/usr/sbin/nft -f

flush ruleset

table inet monitoring {
	set seen {
		type ipv4_addr
		flags dynamic,timeout
		timeout 1h
	}

	set offices {
		type ipv4_addr
		flags interval
		elements = { 192.0.2.0/25, 198.51.100.0/24 }
	}

	counter web {
	}

	chain watch {
		type filter hook input priority -10; policy accept;
		tcp dport { 80, 443 } counter name "web"
		ip saddr @offices counter
	}
}
""",
    "/etc/systemd/system/ufw.service.d/order.conf": "[Unit]\nAfter=nftables.service\n",
    "/etc/sysctl.d/90-docker.conf": "net.ipv4.ip_forward = 1\n",
    "/etc/systemd/system/docker-rules.service": """\
[Unit]
Description=The rules that dockerd sets at its start
After=nftables.service ufw.service network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/iptables-restore --noflush /etc/docker-rules.v4

[Install]
WantedBy=multi-user.target
""",
    "/etc/docker-rules.v4": """\
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
COMMIT
*filter
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-P FORWARD DROP
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i docker0 -o docker0 -j ACCEPT
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
""",
}

# One sshd per connection, as images made from Debian 11 and earlier have it.
PER_CONNECTION: Mapping[str, str] = {
    "/etc/systemd/system/ssh.socket.d/accept.conf": "[Socket]\nAccept=yes\n",
    "/etc/systemd/system/ssh@.service": """\
[Unit]
Description=OpenBSD Secure Shell server per-connection daemon
After=auditd.service

[Service]
EnvironmentFile=-/etc/default/ssh
ExecStart=-/usr/sbin/sshd -i $SSHD_OPTS
StandardInput=socket
RuntimeDirectory=sshd
RuntimeDirectoryMode=0755
""",
}

_ACCOUNT = """\
apt-get install -qy sudo
useradd --create-home --shell /bin/bash --groups sudo,adm debian
usermod --lock debian
install -d -o debian -g debian -m 700 /home/debian/.ssh
install -o debian -g debian -m 600 /root/.ssh/authorized_keys /home/debian/.ssh/authorized_keys
"""

_AFTERWARDS = """\
chmod 440 /etc/sudoers.d/90-cloud-init-users
chown -R debian:debian /home/debian
systemctl disable --now ssh.service
systemctl daemon-reload
systemctl enable --now ssh.socket
runuser -u debian -- sudo -n true
"""

_OWN_TABLE = """\
apt-get install -qy -o DPkg::Options::=--force-confold nftables
systemctl enable --now nftables.service
"""

_FILTERS = """\
apt-get install -qy -o DPkg::Options::=--force-confold nftables iptables ufw
ufw allow 22/tcp
ufw allow 80/tcp
ufw --force enable
sysctl -w net.ipv4.ip_forward=1
systemctl enable nftables.service docker-rules.service
nft -f /etc/nftables.conf
systemctl restart ufw
systemctl start docker-rules.service
"""


def make(host: Host) -> None:
    """Turn an untouched server into the cloud image of its release, with all three filters."""
    ways_in(host)
    host.check(["sh", "-ec", _FILTERS], timeout_s=120)


def make_with_own_table(host: Host) -> None:
    """The same with the owner's table alone, which `flush ruleset` precedes at every boot."""
    ways_in(host)
    host.check(["rm", "/etc/sysctl.d/90-docker.conf"])
    host.check(["sh", "-ec", _OWN_TABLE], timeout_s=120)


def ways_in(host: Host) -> None:
    """Give an untouched server a cloud image's ways in, and no packet filter."""
    host.check(["sh", "-ec", _ACCOUNT], timeout_s=120)
    keys = host.check(["cat", "/root/.ssh/authorized_keys"]).splitlines()
    forced = "".join(f"{_FORCED}{key}\n" for key in keys)
    host.check(["tee", "/root/.ssh/authorized_keys"], input=forced)
    files = {**FILES, **(PER_CONNECTION if host.release == "bookworm" else {})}
    for path, text in files.items():
        write(host, path, text)
    host.check(["sh", "-ec", _AFTERWARDS])


PLACES = (
    *("/etc/ufw", "/etc/default/ufw", "/etc/nftables.conf", "/etc/docker-rules.v4"),
    *("/etc/sysctl.d", "/etc/default/ssh", "/etc/cron.d", "/var/spool/cron"),
    *("/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d"),
    *("/etc/systemd/system/ssh.socket.d", "/etc/systemd/system/ssh@.service"),
    *("/etc/systemd/system/ufw.service.d", "/home/debian", "/root/.ssh"),
)
UNITS = ("ssh.service", "ssh.socket", "ufw.service", "nftables.service", "docker-rules.service")
ROOT_KEYS = "/root/.ssh/authorized_keys"
# What Holdfast writes, and what its plan shows as a diff: the provider's key leaves root's file.
_OURS = (
    "/etc/ssh/sshd_config.d/00-holdfast.conf",
    "/etc/sysctl.d/zz-holdfast.conf",
    ROOT_KEYS,
)


def foreign(host: Host) -> dict[str, str]:
    """Return everything on the host that is not Holdfast's, by what it is called.

    Files and folders with type, mode, owner and digest; the account as passwd, shadow and `id`
    have it; units; every table of the kernel's packet filter but ours, as nft and iptables list
    them without counters.
    """
    seen = {}
    listing = host.check(["find", *_there(host), "-printf", r"%p\t%y %m %u %g %l\n"])
    for line in listing.splitlines():
        path, _, state = line.partition("\t")
        seen[path] = state
    files = [path for path, state in seen.items() if state.startswith("f ")]
    for line in host.check(["sha256sum", "--", *files]).splitlines():
        digest, _, path = line.partition("  ")
        seen[path] += digest
    for path in _OURS:
        seen.pop(path, None)
    for database in ("passwd", "shadow"):
        seen[database] = host.check(["getent", database, ACCOUNT])
    seen["groups"] = host.check(["id", "-nG", ACCOUNT])
    for unit in UNITS:
        seen[unit] = host.run(["systemctl", "is-enabled", unit]).stdout
    for family in ("4", "6"):
        name = f"/proc/sys/net/ipv{family}/conf/all/forwarding"
        seen[name] = host.check(["cat", name])
    return {**seen, **_filters(host)}


def _there(host: Host) -> list[str]:
    return [place for place in PLACES if host.run(["test", "-e", place]).returncode == 0]


def _filters(host: Host) -> dict[str, str]:
    if host.run(["test", "-x", "/usr/sbin/nft"]).returncode != 0:
        return {}
    tables = re.findall(r"^table .*?^}", host.check(["nft", "-s", "list", "ruleset"]), re.M | re.S)
    seen = {table.splitlines()[0]: table for table in tables}
    seen.pop("table inet holdfast {", None)
    for program in ("iptables-save", "ip6tables-save"):
        if host.run(["test", "-x", f"/usr/sbin/{program}"]).returncode == 0:
            rules = host.check([program])
            kept = [line for line in rules.splitlines() if not line.startswith("#")]
            seen[program] = re.sub(r"\[\d+:\d+\]", "", "\n".join(kept))
    return seen
