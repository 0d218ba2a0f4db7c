"""The main job on real servers: untouched, audited, attacked, changed, audited, attacked again."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from driving import admin_gets_in, apply, eventually, holdfast, root_gets_in
from faults import write

from holdfast.lab import Host, Lab
from holdfast.servers.fleet import Fleet
from holdfast.servers.route import SessionOptions
from holdfast.site import Secret, load_site
from throwaway import OUTSIDER, SERVERS

CONNECT = """\
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 2).close()
except OSError:
    sys.exit(1)
"""


def automatic(audit: Any) -> int:
    return sum(finding["automatic"] for host in audit["hosts"] for finding in host["findings"])


def attacks(proof: Any, outcome: str | None = None) -> set[tuple[str, str]]:
    return {
        (attack["host"], attack["attack"])
        for attack in proof["attacks"]
        if outcome in (None, attack["outcome"])
    }


def connects(host: Host, address: str, port: int) -> bool:
    return host.run(["python3", "-c", CONNECT, address, str(port)]).returncode == 0


@pytest.fixture(scope="module")
def finished(lab: Lab) -> Lab:
    """Both servers, brought from untouched to what the site says."""
    for spec in SERVERS.values():
        lab.host(spec.name).reset("untouched")
    done = holdfast("apply", "--yes", site=lab.site)
    assert done.code == 0, done
    for spec in SERVERS.values():
        lab.host(spec.name).snapshot("story")
    return lab


@pytest.fixture
def at_the_end(finished: Lab, lab_site: Path) -> Lab:
    for spec in SERVERS.values():
        finished.host(spec.name).reset("story")
    return finished


def test_untouched_servers_become_clean_and_repel_what_succeeded_before(
    lab: Lab, untouched: Callable[[str], Host], lab_site: Path
) -> None:
    for release in SERVERS:
        untouched(release)
    before = holdfast("audit", "--format", "json", site=lab_site)
    assert before.code == 1
    assert automatic(before.data) > 0
    assert [host["release"] for host in before.data["hosts"]] == ["debian 12", "debian 13"]
    weak = holdfast("prove", "--format", "json", site=lab_site)
    assert weak.code == 1
    succeeded = attacks(weak.data, "succeeded")
    assert {(name, "ssh.keys-only/root-with-key") for name in ("app", "db")} <= succeeded
    assert {
        ("db", "firewall.inbound/usual-ports"),
        ("db", "provisioning.separate/database"),
    } <= succeeded

    assert holdfast("apply", "--yes", site=lab_site).code == 0

    after = holdfast("audit", "--format", "json", site=lab_site)
    assert after.code == 0
    assert automatic(after.data) == 0
    assert after.data["score"] == 100
    again = holdfast("apply", "--yes", site=lab_site)
    assert again.code == 0
    assert again.out.count(" 0 changes") == 2
    strong = holdfast("prove", "--format", "json", site=lab_site)
    assert strong.code == 0
    assert attacks(strong.data) == attacks(weak.data) == attacks(strong.data, "repelled")


@pytest.mark.parametrize("family", ["public", "public6", "private", "private6"])
def test_the_database_answers_the_application_host_only(at_the_end: Lab, family: str) -> None:
    db = at_the_end.hosts["db"]
    heard = ["sh", "-c", "ss -Hltn 'sport = 3306' | grep -q ."]
    eventually(lambda: db.run(heard).returncode == 0, 60, "the database listens")
    address = getattr(db, family)
    assert not connects(at_the_end.host(OUTSIDER.name), address, 3306)
    reached = connects(at_the_end.host("app"), address, 3306)
    assert reached == family.startswith("private")


def test_every_port_is_tried_when_asked_for(at_the_end: Lab, lab_site: Path) -> None:
    at_the_end.host("app").run(
        ["systemd-run", "--quiet", "python3", "-m", "http.server", "61234", "--bind", "::"]
    )
    proof = holdfast(
        "prove", "app", "--disruptive", "--yes", "--format", "json", site=lab_site, timeout_s=400
    )
    assert ("app", "firewall.inbound/every-port") in attacks(proof.data, "repelled")


def test_a_host_that_is_down_repels_nothing(at_the_end: Lab, lab_site: Path) -> None:
    at_the_end.host("app").kill()
    proof = holdfast("prove", "app", "--format", "json", site=lab_site)
    assert proof.code == 3
    assert attacks(proof.data) == attacks(proof.data, "inconclusive") != set()
    assert holdfast("audit", "app", site=lab_site).code == 3
    assert apply(lab_site, "app").code == 3


def test_a_host_that_refuses_everybody_repels_nothing(at_the_end: Lab, lab_site: Path) -> None:
    host = at_the_end.host("app")
    host.check(["sh", "-c", "echo >/home/admin/.ssh/authorized_keys"])
    proof = holdfast("prove", "app", "--format", "json", site=lab_site)
    assert proof.code == 3
    assert attacks(proof.data) == attacks(proof.data, "inconclusive") != set()


def test_one_host_that_is_down_does_not_stop_the_other(at_the_end: Lab, lab_site: Path) -> None:
    at_the_end.host("app").kill()
    audit = holdfast("audit", "--format", "json", site=lab_site)
    assert audit.code == 3
    app, db = audit.data["hosts"]
    assert {finding["status"] for finding in app["findings"]} == {"unknown"}
    assert "unreachable" in app["findings"][0]["evidence"][0]
    assert {finding["status"] for finding in db["findings"]} == {"pass", "not-applicable"}


STRANGER = """\
useradd -m -s /bin/bash -G holdfast-admins eve
install -d -o eve -m 700 ~eve/.ssh
install -o eve -m 600 ~admin/.ssh/authorized_keys ~eve/.ssh/authorized_keys
"""
PASSWORDS = """\
sed -i 's/PasswordAuthentication no/PasswordAuthentication yes/' \\
  /etc/ssh/sshd_config.d/00-holdfast.conf
systemctl reload ssh
"""
OPEN_PORT = """\
nft delete table inet holdfast
systemd-run --quiet python3 -m http.server 8080 --bind ::
until ss -Hltn 'sport = 8080' | grep -q .; do sleep 0.1; done
"""
WEAKENED = {
    "sudo.password/sudo-without-password": (
        "echo 'admin ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/zzz"
    ),
    "admins.ordinary/log-in-as-a-stranger": STRANGER,
    "admins.ordinary/empty-password": "useradd -m -s /bin/bash eve; passwd -d eve",
    "ssh.keys-only/admin-with-password": PASSWORDS,
    "firewall.inbound/from-other-hosts": OPEN_PORT,
    "firewall.inbound/usual-ports": OPEN_PORT,
}


@pytest.mark.parametrize("attack", WEAKENED)
def test_each_attack_succeeds_where_its_control_was_weakened(
    at_the_end: Lab, lab_site: Path, attack: str
) -> None:
    host = at_the_end.host("app")
    host.check(["bash", "-c", WEAKENED[attack]])
    proof = holdfast("prove", "app", "--format", "json", site=lab_site)
    assert proof.code == 1
    assert ("app", attack) in attacks(proof.data, "succeeded")
    control = attack.partition("/")[0]
    audit = holdfast("audit", "app", "--format", "json", site=lab_site)
    (finding,) = [f for f in audit.data["hosts"][0]["findings"] if f["control"] == control]
    assert finding["status"] == "gap"


def test_a_strangers_key_is_let_in_where_sshd_asks_nobody(at_the_end: Lab, lab_site: Path) -> None:
    host = at_the_end.host("app")
    write(host, "/usr/local/bin/any-key", '#!/bin/sh\necho "$1 $2"\n')
    host.check(["chmod", "755", "/usr/local/bin/any-key"])
    lines = "AuthorizedKeysCommand /usr/local/bin/any-key %t %k\nAuthorizedKeysCommandUser nobody\n"
    write(host, "/etc/ssh/sshd_config.d/50-any.conf", lines)
    host.check(["systemctl", "reload", "ssh"])
    proof = holdfast("prove", "app", "--format", "json", site=lab_site)
    assert ("app", "ssh.keys-only/strangers-key") in attacks(proof.data, "succeeded")


def test_a_database_behind_a_jump_host_is_brought_in_order_through_it(
    lab: Lab, untouched: Callable[[str], Host], lab_site: Path, tmp_path: Path
) -> None:
    for release in SERVERS:
        untouched(release)
    site = Path(shutil.copytree(lab_site, tmp_path / "site"))
    file = site / "holdfast.toml"
    file.write_text(re.sub(r"(\[hosts\.db\]\n)", r'\1through = "app"\n', file.read_text()))
    done = holdfast("apply", "--yes", site=site)
    assert done.code == 0, done
    assert holdfast("audit", site=site).code == 0
    db = lab.host("db")
    assert not admin_gets_in(site, db)
    assert not connects(lab.host(OUTSIDER.name), db.public, 22)
    assert connects(lab.host("app"), db.private, 22)
    proof = holdfast("prove", "--format", "json", site=site)
    assert [one for one in proof.data["attacks"] if one["outcome"] != "repelled"] == []
    assert proof.code == 0


def test_a_host_without_python_is_told_so_and_gets_it(
    untouched: Callable[[str], Host], lab_site: Path
) -> None:
    host = untouched("bookworm")
    host.check(["dpkg", "--purge", "--force-depends", "python3", "python3-minimal"])
    host.check(["rm", "-f", "/usr/bin/python3"])
    audit = holdfast("audit", host.name, site=lab_site)
    assert audit.code == 3
    assert "python3" in audit.out
    done = apply(lab_site, host.name)
    assert done.code == 0, done
    assert admin_gets_in(lab_site, host)


def test_another_system_is_not_judged(untouched: Callable[[str], Host], lab_site: Path) -> None:
    host = untouched("bookworm")
    host.check(["sed", "-i", "s/^ID=.*/ID=fedora/", "/etc/os-release"])
    for verb in ("audit", "plan", "apply"):
        done = holdfast(verb, host.name, *(["--yes"] if verb == "apply" else []), site=lab_site)
        assert done.code == 3
        assert "Holdfast knows Debian" in done.out
    assert root_gets_in(lab_site, host)


def test_a_changed_host_key_stops_the_run(at_the_end: Lab, lab_site: Path) -> None:
    host = at_the_end.host("app")
    host.check(["sh", "-c", "rm /etc/ssh/ssh_host_*; ssh-keygen -A; systemctl restart ssh"])
    done = apply(lab_site, host.name, "--accept-new-host-keys")
    assert done.code == 3
    assert "known_hosts" in done.out


def test_an_unknown_host_key_is_accepted_only_when_told(
    at_the_end: Lab, lab_site: Path, tmp_path: Path
) -> None:
    site = Path(shutil.copytree(lab_site, tmp_path / "site"))
    (site / ".holdfast" / "known_hosts").unlink()
    refused = holdfast("audit", "app", site=site)
    assert refused.code == 3
    assert "unknown" in refused.out
    assert holdfast("audit", "app", "--accept-new-host-keys", site=site).code == 0
    assert holdfast("audit", "app", site=site).code == 0


def test_audits_leave_nothing_on_a_host(untouched: Callable[[str], Host], lab_site: Path) -> None:
    host = untouched("trixie")
    listing = ["find", "/etc", "/usr", "/var/lib", "/root", "/home", "-newer", "/run/mark"]
    host.check(["touch", "/run/mark"])
    assert holdfast("audit", host.name, site=lab_site).code == 1
    assert holdfast("plan", host.name, site=lab_site).code == 1
    found = [line for line in host.check(listing).splitlines() if "/systemd" not in line]
    assert [line for line in found if "mysql" not in line] == []


def test_first_contact_works_with_the_password_that_a_provider_gave(
    untouched: Callable[[str], Host], lab_site: Path
) -> None:
    host = untouched("bookworm")
    host.check(["chpasswd"], input="root:as the provider gave it\n")
    write(host, "/etc/ssh/sshd_config.d/50-provider.conf", "PermitRootLogin yes\n")
    host.check(["systemctl", "reload", "ssh"])
    eventually(lambda: root_gets_in(lab_site, host), 10, "sshd listens again after its reload")
    site = load_site(lab_site / "holdfast.toml").run_by("admin")
    options = SessionOptions(lab_site / ".holdfast" / "known_hosts", keys=(), agent=False)

    async def secret(host: str) -> Secret:
        return Secret("as the provider gave it")

    async def user() -> str:
        async with Fleet(site, options, secret, secret) as fleet:
            return (await fleet.line("app")).user

    assert asyncio.run(user()) == "root"
