"""The firewall family on real servers: datagrams, redirects, and filters of somebody else."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.request import urlopen

import pytest
from driving import apply, eventually, holdfast
from faults import write

from holdfast.lab import Host
from holdfast.servers import firewall_table as table
from holdfast.servers.controls.firewall import UNIT_FILE
from holdfast.servers.resources import FIREWALL_UNIT

DIRECT = """
[apps.todo]
host = "app"
user = "todo"
names = ["todo.example.com"]
serve = "direct"
"""
ANSWERING = """\
import socket
listening = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
listening.bind(("::", 5353))
while True:
    _, sender = listening.recvfrom(2048)
    listening.sendto(b"here", sender)
"""
APPLICATION = [
    *(["python3", "-m", "http.server", str(port), "--bind", "::"] for port in (3000, 3003)),
    ["python3", "-c", ANSWERING],
]
PAST = "firewall.redirect/past-the-redirect"
USUAL_UDP = "firewall.inbound/usual-udp-ports"


def start(host: Host, programs: Iterable[list[str]] = APPLICATION) -> None:
    """Start an application that serves itself, and something that answers datagrams."""
    for program in programs:
        host.check(["systemd-run", "--quiet", "--collect", *program])
    heard = "ss -Hltun | grep -c -E ':(3000|3003|5353) '"
    eventually(lambda: host.run(["sh", "-c", heard]).stdout.strip() == "3", 10, "it listens")


def answers(address: str, port: int) -> bool:
    """Whether a web server answers there, asked from outside."""
    name = f"[{address}]" if ":" in address else address
    try:
        with urlopen(f"http://{name}:{port}/", timeout=0.7) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def answering(host: Host) -> dict[int, set[bool]]:
    """Whether each port answers, over IPv4 and IPv6."""
    addresses = (host.public, host.public6)
    ports = (80, 443, 3000, 3003)
    return {port: {answers(address, port) for address in addresses} for port in ports}


DIRECTLY = {80: {False}, 443: {False}, 3000: {True}, 3003: {True}}
REDIRECTED = {80: {True}, 443: {True}, 3000: {False}, 3003: {False}}


def proof(site: Path, name: str) -> dict[str, tuple[str, str]]:
    """Attack one host; return each attack's outcome and evidence."""
    attacks = holdfast("prove", name, "--format", "json", site=site).data["attacks"]
    return {attack["attack"]: (attack["outcome"], attack["evidence"]) for attack in attacks}


def foreign(host: Host) -> str:
    """Return everybody else's tables, without counters, in an order of their own."""
    text = host.check(["nft", "-s", "list", "ruleset"])
    tables = re.split(r"^(?=table )", text, flags=re.MULTILINE)
    others = (text for text in tables if not text.startswith("table inet holdfast "))
    return "".join(sorted(text for text in others if text.startswith("table ")))


def ours(host: Host) -> bool:
    return host.run(["nft", "list", "table", "inet", "holdfast"]).returncode == 0


def test_an_application_that_serves_itself_is_reached_by_redirect_alone(
    untouched: Callable[[str], Host], lab_site: Path, tmp_path: Path
) -> None:
    site = Path(shutil.copytree(lab_site, tmp_path / "site"))
    (site / "holdfast.toml").write_text((site / "holdfast.toml").read_text() + DIRECT)
    host, _ = untouched("bookworm"), untouched("trixie")  # the other one attacks it too
    start(host)
    assert answering(host) == DIRECTLY
    weak = proof(site, "app")
    assert {name for name, (how, _) in weak.items() if how == "succeeded"} >= {PAST, USUAL_UDP}
    assert f"{host.public} UDP port 5353" in weak[USUAL_UDP][1]
    assert f"{host.public6} UDP port 5353" in weak["firewall.inbound/from-other-hosts"][1]

    done = apply(site, "app")
    assert done.code == 0, done
    assert answering(host) == REDIRECTED
    strong = proof(site, "app")
    assert {how for how, _ in strong.values()} == {"repelled"}, strong

    host.reboot()
    start(host)
    assert answering(host) == REDIRECTED

    assert holdfast("undo", "app", "--yes", site=site).code == 0
    assert answering(host) == DIRECTLY
    assert not ours(host)


INSTALL = "set -e; apt-get -qq update; DEBIAN_FRONTEND=noninteractive apt-get -qq install"
CONTAINERS = """\
sysctl -q net.ipv4.ip_forward=1
ip netns add box
ip link add veth0 type veth peer name eth0 netns box
ip address add 172.17.0.1/24 dev veth0; ip link set veth0 up
ip -n box address add 172.17.0.2/24 dev eth0; ip -n box link set eth0 up
ip -n box route add default via 172.17.0.1
systemd-run --quiet ip netns exec box python3 -m http.server 80
until ip netns exec box ss -Hltn 'sport = 80' | grep -q .; do sleep 0.1; done
iptables -t nat -N DOCKER
iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
iptables -t nat -A DOCKER ! -i veth0 -p tcp -m multiport --dports 8088,8089 \\
  -m comment --comment published -j DNAT --to-destination 172.17.0.2:80
"""
OWN_RULES = """\
cat >/etc/nftables.conf <<END
#!/usr/sbin/nft -f
flush ruleset
table inet mine {
	set friends {
		type ipv4_addr
		elements = { 192.0.2.1, 192.0.2.9 }
	}
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		ip saddr @friends accept
		iifname "lo" accept
		meta l4proto { icmp, ipv6-icmp } accept
		tcp dport 22 accept
	}
}
END
systemctl enable --quiet --now nftables
"""
UFW = "ufw allow 22/tcp; ufw limit 9999/udp; ufw --force enable; ufw status verbose"
NOT_OURS = "find /etc/ufw /etc/default/ufw /etc/nftables.conf -type f -exec sha256sum {} + | sort"
CLASHES = {"bookworm": OWN_RULES, "trixie": UFW}
NAMED = {"bookworm": "table inet mine, chain input", "trixie": "table ip6 filter, chain INPUT"}


@pytest.mark.parametrize("release", CLASHES)
def test_the_filter_of_somebody_else_is_told_of_and_never_touched(
    untouched: Callable[[str], Host], lab_site: Path, release: str
) -> None:
    host = untouched(release)
    host.check(["bash", "-c", f"{INSTALL} nftables ufw iptables\n{CLASHES[release]}"])
    before, files = foreign(host), host.check(["bash", "-c", NOT_OURS])
    assert ("xt match" in before) is (release == "trixie")

    done = apply(lab_site, host.name)
    assert done.code == 1, done
    audit = holdfast("audit", host.name, "--format", "json", site=lab_site).data["hosts"][0]
    (clash,) = [f for f in audit["findings"] if f["status"] != "pass" and f["manual"]]
    assert (clash["control"], clash["automatic"], clash["manual"]) == ("firewall.inbound", 0, 1)
    assert NAMED[release] in clash["evidence"][0]
    assert (ours(host), foreign(host)) == (True, before)

    host.reboot()
    assert (ours(host), foreign(host)) == (True, before)
    assert holdfast("undo", host.name, "--yes", site=lab_site).code == 0
    assert (ours(host), foreign(host)) == (False, before)
    assert host.check(["bash", "-c", NOT_OURS]) == files


def test_a_host_that_forwards_is_filtered_and_goes_on_forwarding(
    untouched: Callable[[str], Host], lab_site: Path
) -> None:
    host = untouched("bookworm")
    host.check(["bash", "-c", f"{INSTALL} nftables iptables\n{CONTAINERS}"])
    before = foreign(host)
    assert answers(host.public, 8088)

    done = apply(lab_site, host.name)
    assert done.code == 1, done
    assert answers(host.public, 8088)
    assert (ours(host), foreign(host)) == (True, before)
    told = holdfast("audit", host.name, site=lab_site).out
    assert "what this host forwards for others is not filtered by Holdfast" in told

    assert holdfast("undo", host.name, "--yes", site=lab_site).code == 0
    assert answers(host.public, 8088)
    assert (ours(host), foreign(host)) == (False, before)


def test_our_table_comes_back_when_debian_flushes_every_table(
    untouched: Callable[[str], Host],
) -> None:
    host = untouched("bookworm")
    host.check(["bash", "-c", f"{INSTALL} nftables; mkdir /etc/holdfast"])
    write(host, table.FILE, table.loadable(table.render([])))
    write(host, UNIT_FILE, table.UNIT)
    host.check(["systemctl", "enable", "--quiet", FIREWALL_UNIT])
    for verb in ("restart", "reload"):
        host.check(["systemctl", verb, "nftables"])
        eventually(lambda: ours(host), 5, f"the table stands after a {verb}")
