"""SSH on real servers: what succeeds before and is repelled after, and what must keep working."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from driving import Done, apply, eventually, holdfast, root_gets_in
from faults import write

from holdfast.lab import Lab
from holdfast.servers.attack import Kind, Outcome
from holdfast.servers.control import Control
from holdfast.servers.controls.jump import SSH_JUMP
from holdfast.servers.controls.key_files import SSH_KEY_FILES
from holdfast.servers.controls.ssh import SSH_KEYS_ONLY
from holdfast.servers.controls.ssh_modern import SSH_MODERN
from holdfast.servers.fleet import Fleet
from holdfast.servers.prove import Attempt, prove
from holdfast.servers.route import SessionOptions
from holdfast.servers.sshd_config import FILE
from holdfast.site import Host as SiteHost
from holdfast.site import Secret, load_site
from holdfast.site.ssh_config import ssh_config
from throwaway import SERVERS, UNTOUCHED

APPLIED = "ssh-applied"
ATTACKS = {
    f"{control.id}/{attack.name}"
    for control in (SSH_MODERN, SSH_KEY_FILES, SSH_JUMP)
    for attack in control.attacks
}


def attacked(
    site: Path, controls: Sequence[Control] = (SSH_MODERN, SSH_KEY_FILES, SSH_JUMP)
) -> dict[tuple[str, str], Attempt]:
    """Run every attack of these controls against both servers; return them by host and name."""
    of = load_site(site / "holdfast.toml").run_by("admin")
    config = (site / ".holdfast" / "ssh_config",)
    options = SessionOptions(site / ".holdfast" / "known_hosts", config=config, agent=False)

    async def password(host: str) -> Secret:
        return Secret((site / "keys" / "admin.sudo").read_text().strip())

    async def all_of_them() -> list[Attempt]:
        async with Fleet(of, options, password) as fleet:

            async def on(host: SiteHost) -> list[Attempt]:
                kinds = frozenset(Kind)
                attempts = prove(host, fleet, controls, kinds, password, lambda _: None)
                return [attempt async for attempt in attempts]

            found = await asyncio.gather(*map(on, of.hosts.values()))
            return [attempt for attempts in found for attempt in attempts]

    return {(one.host, one.attack): one for one in asyncio.run(all_of_them())}


class Story(NamedTuple):
    lab: Lab
    before: Mapping[tuple[str, str], Attempt]
    after: Mapping[tuple[str, str], Attempt]


@pytest.fixture(scope="module")
def story(lab: Lab) -> Story:
    """Both servers with host keys of every kind, attacked, brought in order, attacked again."""
    hosts = [lab.host(spec.name) for spec in SERVERS.values()]
    for host in hosts:
        host.reset(UNTOUCHED)
        host.check(["sh", "-c", "ssh-keygen -A && systemctl restart ssh"])
    for host in hosts:
        eventually(lambda host=host: root_gets_in(lab.site, host), 10, "sshd is back")  # type: ignore[misc]
    before = attacked(lab.site)
    done = holdfast("apply", "--yes", site=lab.site)
    assert done.code == 0, done
    for host in hosts:
        host.snapshot(APPLIED)
    return Story(lab, before, attacked(lab.site))


@pytest.mark.parametrize("release", SERVERS)
@pytest.mark.parametrize("attack", sorted(ATTACKS))
def test_each_attack_succeeds_on_a_fresh_server_and_is_repelled_after(
    story: Story, attack: str, release: str
) -> None:
    name = SERVERS[release].name
    ended = [attempts[name, attack] for attempts in (story.before, story.after)]
    assert [one.outcome for one in ended] == [Outcome.SUCCEEDED, Outcome.REPELLED], ended


@pytest.mark.parametrize("release", SERVERS)
def test_each_weak_class_that_debian_offers_is_agreed_on(story: Story, release: str) -> None:
    attempt = story.before[SERVERS[release].name, "ssh.modern/weak-algorithms"]
    assert attempt.evidence.endswith("a weak key exchange, MAC, host key")


@pytest.mark.parametrize("release", SERVERS)
def test_a_planted_key_is_gone_after_the_attack(story: Story, release: str) -> None:
    host = story.lab.host(SERVERS[release].name)
    found = host.check(["find", "/root", "/home", "-name", "authorized_keys2"])
    assert found == ""


def test_a_second_key_file_that_is_there_already_is_left_alone(story: Story) -> None:
    host = story.lab.host("app")
    write(host, "/home/admin/.ssh/authorized_keys2", "# mine\n")
    attempt = attacked(story.lab.site)["app", "ssh.key-files/second-key-file"]
    assert (attempt.outcome, "left alone" in attempt.evidence) == (Outcome.INCONCLUSIVE, True)
    assert host.check(["cat", "/home/admin/.ssh/authorized_keys2"]) == "# mine\n"
    host.check(["rm", "/home/admin/.ssh/authorized_keys2"])


@pytest.mark.parametrize("release", SERVERS)
def test_ssh_audit_finds_no_failure(story: Story, release: str) -> None:
    host = story.lab.host(SERVERS[release].name)
    argv = [sys.executable, "-m", "ssh_audit", "--skip-rate-test", "-j", host.public]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    seen = json.loads(done.stdout)
    algorithms = [one for kind in ("kex", "key", "enc", "mac") for one in seen[kind]]
    assert {one["algorithm"] for one in seen["key"]} >= {"ssh-ed25519", "rsa-sha2-512"}
    assert [one for one in algorithms if "fail" in one["notes"]] == []


@pytest.mark.parametrize(
    ("release", "kind", "bits"), [("trixie", "ecdsa", "256"), ("bookworm", "rsa", "2048")]
)
def test_a_host_that_is_known_by_a_key_which_goes_away_is_known_by_its_better_one(
    story: Story, tmp_path: Path, release: str, kind: str, bits: str
) -> None:
    host = story.lab.host(SERVERS[release].name)
    host.reset(APPLIED)
    key = f"/etc/ssh/ssh_host_{kind}_key"
    make = f"rm {key}* {FILE} && ssh-keygen -q -N '' -t {kind} -b {bits} -f {key}"
    host.check(["sh", "-c", f"{make} && systemctl restart ssh"])
    site = Path(shutil.copytree(story.lab.site, tmp_path / "site"))
    pins = site / ".holdfast" / "known_hosts"
    pins.write_text(f"{host.name},{host.public} {host.check(['cat', f'{key}.pub'])}")
    done = apply(site, host.name)
    assert (done.code, "sshd_config.d" in done.err) == (0, True), done
    assert f"{host.name},{host.public} ssh-ed25519 " in pins.read_text()
    assert holdfast("audit", host.name, site=site).code == 0


STRANGER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl eve"
SLIPPED_IN = f"""\
echo '# kept' >>~admin/.ssh/authorized_keys
echo 'restrict {STRANGER}' >>~admin/.ssh/authorized_keys
echo '{STRANGER}' >>/root/.ssh/authorized_keys
chmod 644 ~admin/.ssh/authorized_keys
chmod 775 ~admin/.ssh
chown -R root ~admin/.ssh
"""


def test_keys_that_were_slipped_in_go_and_come_back_with_undo(story: Story, lab_site: Path) -> None:
    host = story.lab.host("app")
    host.reset(APPLIED)
    host.check(["bash", "-c", SLIPPED_IN])
    files = ["/home/admin/.ssh/authorized_keys", "/root/.ssh/authorized_keys"]
    before = host.check(["cat", *files])
    done = apply(lab_site, host.name)
    assert done.code == 0, done
    after = host.check(["cat", *files])
    assert after == before.replace(f"restrict {STRANGER}\n", "").replace(f"{STRANGER}\n", "")
    stated = host.check(["stat", "-c", "%a %U", "/home/admin/.ssh", files[0]])
    assert stated.split("\n") == ["700 admin", "600 admin", ""]
    assert holdfast("undo", host.name, "--yes", site=lab_site).code == 0
    assert host.check(["cat", *files]) == before


def jump(config: Path, *arguments: str) -> Done:
    """Run OpenSSH's own client with this configuration and nothing else."""
    argv = ["ssh", "-F", str(config), "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def behind(story: Story, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The site with `db` behind `app`, applied, and the admin's part of ~/.ssh/config for it."""
    for spec in SERVERS.values():
        story.lab.host(spec.name).reset(APPLIED)
    folder = tmp_path_factory.mktemp("behind")
    site = Path(shutil.copytree(story.lab.site, folder / "site"))
    file = site / "holdfast.toml"
    file.write_text(re.sub(r"(\[hosts\.db\]\n)", r'\1through = "app"\n', file.read_text()))
    first = holdfast("apply", "app", "--yes", "--verbose", site=site)
    assert (first.code, "widen 1/1" in first.err) == (0, True), first
    second = holdfast("apply", "--yes", site=site)
    assert second.code == 0, second
    of = load_site(file).run_by("admin")
    config = folder / "config"
    pins = f"Host *\n    UserKnownHostsFile {site}/.holdfast/known_hosts\n"
    config.write_text(ssh_config(of, "admin", site / "keys" / "admin_ed25519") + pins)
    return site, config


def test_a_host_behind_another_is_reached_by_this_projects_own_session(
    behind: tuple[Path, Path],
) -> None:
    assert holdfast("audit", site=behind[0]).code == 0


def test_a_host_behind_another_is_reached_by_openssh_with_what_init_writes(
    story: Story, behind: tuple[Path, Path]
) -> None:
    done = jump(behind[1], f"{story.lab.name}-db", "hostname")
    assert (done.code, done.out) == (0, "db\n"), done


FORWARDS = {
    "db": [("-W", "127.0.0.1:3306"), ("-R", "0:127.0.0.1:22")],
    "app": [("-R", "0:127.0.0.1:22"), ("-R", "/tmp/socket:127.0.0.1:22")],
}


@pytest.mark.parametrize(
    ("name", "option", "where"), [(n, *forward) for n, some in FORWARDS.items() for forward in some]
)
def test_nothing_is_forwarded_that_a_jump_does_not_need(
    story: Story, behind: tuple[Path, Path], name: str, option: str, where: str
) -> None:
    host = f"{story.lab.name}-{name}"
    rest = [] if option == "-W" else ["true"]
    done = jump(behind[1], "-o", "ExitOnForwardFailure=yes", option, where, host, *rest)
    assert done.code != 0
    assert "prohibited" in done.err or "forwarding failed" in done.err, done


def test_a_strangers_key_is_let_in_behind_a_jump_host_that_would_refuse_it(
    story: Story, behind: tuple[Path, Path]
) -> None:
    name = ("db", "ssh.keys-only/strangers-key")
    before = attacked(behind[0], (SSH_KEYS_ONLY,))[name]
    db = story.lab.host("db")
    write(db, "/usr/local/bin/any-key", '#!/bin/sh\necho "$1 $2"\n')
    db.check(["chmod", "755", "/usr/local/bin/any-key"])
    lines = "AuthorizedKeysCommand /usr/local/bin/any-key %t %k\nAuthorizedKeysCommandUser nobody\n"
    write(db, "/etc/ssh/sshd_config.d/50-any.conf", lines)
    db.check(["systemctl", "reload", "ssh"])
    after = attacked(behind[0], (SSH_KEYS_ONLY,))[name]
    assert [before.outcome, after.outcome] == [Outcome.REPELLED, Outcome.SUCCEEDED], after
