"""The readers on real servers: what runs is told apart from what is written."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from holdfast.lab import Host
from holdfast.servers.hand import read
from holdfast.servers.snapshot import Snapshot, Sshd, Unreadable, judged, read_snapshot

RELEASES = ("bookworm", "trixie")
DROP_IN = "/etc/ssh/sshd_config.d/50-test.conf"
ARCHIVE = "/usr/local/lib/readers.zip"
PUT = "import base64,sys; open(sys.argv[1], 'wb').write(base64.b64decode(sys.stdin.read()))"
READ = (
    f"import sys; sys.path.insert(0, '{ARCHIVE}'); import json; "
    "from hand.read import snapshot; print(json.dumps(snapshot()))"
)
RULES = """
table ip other {
    chain guard {
        type filter hook input priority 0; policy drop;
        tcp dport 22 accept
    }
    chain plain {
        ip saddr 10.0.0.0/8 accept
    }
}
table inet holdfast {
    chain input {
        type filter hook input priority 10
    }
}
"""


def put(host: Host, path: str, content: bytes | str) -> None:
    data = content.encode() if isinstance(content, str) else content
    coded = base64.b64encode(data).decode()
    host.check(["mkdir", "-p", str(Path(path).parent)])
    result = host.run(["python3", "-I", "-c", PUT, path], input=coded)
    assert result.returncode == 0, result.stderr


def archive() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in Path(read.__file__).parent.glob("*.py"):
            archive.write(path, f"hand/{path.name}")
    return packed.getvalue()


def snapshot_of(host: Host, through: Sequence[str] = ()) -> Snapshot:
    """Read a host as the hand does; `through` is a command that runs another one."""
    if host.run(["test", "-e", ARCHIVE]).returncode != 0:
        put(host, ARCHIVE, archive())
    result = host.run([*through, "python3", "-I", "-c", READ])
    assert result.returncode == 0, result.stderr
    return read_snapshot(result.stdout)


def sshd_of(host: Host) -> Sshd:
    return judged(snapshot_of(host).sshd)


def setting(sshd: Sshd, user: str, address: str, keyword: str) -> tuple[str, ...]:
    return next(
        each.settings[keyword]
        for each in sshd.effective
        if (each.user, each.address) == (user, address)
    )


def is_loaded(host: Host) -> bool:
    sshd = sshd_of(host)
    return sshd.loaded > sshd.changed


@pytest.mark.parametrize("release", RELEASES)
def test_an_untouched_server_is_read_whole_and_fast(
    lab_hosts: Mapping[str, Host], release: str
) -> None:
    snapshot = snapshot_of(lab_hosts[release])
    unreadable = [name for name, value in snapshot if isinstance(value, Unreadable)]
    assert (unreadable, snapshot.privileged, snapshot.seconds < 2) == ([], True, True)
    assert judged(snapshot.release).codename == release
    assert judged(snapshot.sshd).arguments == ("-D",)
    assert {each.port for each in judged(snapshot.listeners) if each.process == "sshd"} == {22}
    assert judged(snapshot.accounts)["root"].key_files["/root/.ssh/authorized_keys"].content


@pytest.mark.parametrize("release", RELEASES)
def test_an_edited_file_counts_as_loaded_only_after_a_reload(
    lab_hosts: Mapping[str, Host], release: str
) -> None:
    host = lab_hosts[release]
    seen = [is_loaded(host)]
    for load in (
        ["systemctl", "reload", "ssh"],
        ["pkill", "-HUP", "-o", "-x", "sshd"],
        ["systemctl", "restart", "ssh"],
    ):
        put(host, DROP_IN, f"PasswordAuthentication no\n# {load[-1]}\n")
        seen.append(is_loaded(host))
        host.check(load)
        host.check(["journalctl", "--sync"])
        seen.append(is_loaded(host))
    assert seen == [True, False, True, False, True, False, True]


@pytest.mark.parametrize("release", RELEASES)
def test_a_removed_drop_in_counts_as_a_change(lab_hosts: Mapping[str, Host], release: str) -> None:
    host = lab_hosts[release]
    put(host, DROP_IN, "PasswordAuthentication no\n")
    host.check(["systemctl", "restart", "ssh"])
    assert is_loaded(host)
    host.check(["rm", DROP_IN])
    assert not is_loaded(host)


@pytest.mark.parametrize("release", RELEASES)
def test_neither_a_forged_log_line_nor_a_refused_reload_counts_as_a_reload(
    lab_hosts: Mapping[str, Host], release: str
) -> None:
    host = lab_hosts[release]
    put(host, DROP_IN, "Nonsense yes\n")
    host.run(["systemctl", "reload", "ssh"])
    broken = snapshot_of(host).sshd
    assert isinstance(broken, Unreadable)
    assert "Nonsense" in broken.unreadable
    put(host, DROP_IN, "PasswordAuthentication no\n")
    forged = ["logger", "-t", "sshd", "-p", "auth.info", "Received SIGHUP; restarting."]
    host.check(["setpriv", "--reuid=65534", "--clear-groups", *forged])
    host.check(forged)
    host.check(["journalctl", "--sync"])
    assert not is_loaded(host)


@pytest.mark.parametrize("release", RELEASES)
def test_what_the_daemon_was_started_with_beats_the_files(
    lab_hosts: Mapping[str, Host], release: str
) -> None:
    host = lab_hosts[release]
    put(host, DROP_IN, "PasswordAuthentication no\n")
    put(host, "/etc/default/ssh", "SSHD_OPTS='-o PasswordAuthentication=yes'\n")
    host.check(["systemctl", "restart", "ssh"])
    sshd = sshd_of(host)
    assert sshd.arguments == ("-D", "-o", "PasswordAuthentication=yes")
    assert setting(sshd, "root", "203.0.113.1", "passwordauthentication") == ("yes",)


@pytest.mark.parametrize("release", RELEASES)
def test_a_later_match_shows_for_the_addresses_it_speaks_of(
    lab_hosts: Mapping[str, Host], release: str
) -> None:
    host = lab_hosts[release]
    put(host, DROP_IN, "PasswordAuthentication no\n")
    put(
        host,
        "/etc/ssh/sshd_config.d/60-later.conf",
        "Match Address 203.0.113.0/24\n PasswordAuthentication yes\n",
    )
    sshd = sshd_of(host)
    seen = {
        (user, address): setting(sshd, user, address, "passwordauthentication")
        for user in ("root", "holdfast-stranger")
        for address in ("127.0.0.1", "203.0.113.1")
    }
    assert seen == {
        (user, address): (answer,)
        for user in ("root", "holdfast-stranger")
        for address, answer in (("127.0.0.1", "no"), ("203.0.113.1", "yes"))
    }


@pytest.mark.parametrize("release", RELEASES)
def test_the_second_key_file_is_seen_where_sshd_looks_for_it(
    lab_hosts: Mapping[str, Host], release: str
) -> None:
    host = lab_hosts[release]
    put(host, "/root/.ssh/authorized_keys2", "ssh-ed25519 AAAAC3Nz stranger\n")
    put(host, "/etc/keys/root", "ssh-ed25519 AAAAC3Nz elsewhere\n")
    root = judged(snapshot_of(host).accounts)["root"]
    assert "/root/.ssh/authorized_keys2" in root.key_files
    put(host, DROP_IN, "AuthorizedKeysFile /etc/keys/%u\n")
    root = judged(snapshot_of(host).accounts)["root"]
    assert sorted(root.key_files) == ["/etc", "/etc/keys", "/etc/keys/root"]


def test_a_user_cannot_lead_the_reader_to_a_secret_or_hold_it_up(
    lab_hosts: Mapping[str, Host],
) -> None:
    host = lab_hosts["bookworm"]
    for name in ("mallory", "trudy", "eve"):
        host.check(["useradd", "-m", "-s", "/bin/bash", name])
        host.check(["mkdir", f"/home/{name}/.ssh"])
    host.check(["ln", "-s", "/etc/shadow", "/home/mallory/.ssh/authorized_keys"])
    host.check(["mkfifo", "/home/trudy/.ssh/authorized_keys"])
    put(host, "/srv/keys", "# two\nssh-ed25519 AAAAC3Nz one\n")
    host.check(["ln", "-s", "/srv/keys", "/home/eve/.ssh/authorized_keys"])
    snapshot = snapshot_of(host)
    accounts = judged(snapshot.accounts)
    content = {
        name: accounts[name].key_files[f"/home/{name}/.ssh/authorized_keys"].content
        for name in ("mallory", "trudy", "eve")
    }
    assert content == {
        "mallory": None,
        "trudy": None,
        "eve": "# two\nssh-ed25519 AAAAC3Nz one\n",
    }
    assert "$y$" not in snapshot.model_dump_json()


def test_a_sandbox_that_hides_homes_or_the_network_is_noticed(
    lab_hosts: Mapping[str, Host],
) -> None:
    host = lab_hosts["bookworm"]
    snapshot_of(host)  # puts the archive there
    run = ["systemd-run", "--quiet", "--pipe", "--wait"]
    hidden = snapshot_of(host, [*run, "-p", "ProtectHome=yes"])
    cut_off = snapshot_of(host, [*run, "-p", "PrivateNetwork=yes"])
    assert isinstance(hidden.accounts, Unreadable)
    assert "sandbox" in hidden.accounts.unreadable
    for section in (cut_off.listeners, cut_off.firewall, cut_off.addresses):
        assert isinstance(section, Unreadable)
        assert "network" in section.unreadable


@pytest.mark.parametrize("release", RELEASES)
def test_an_ordinary_user_reads_what_it_may_and_says_what_needs_root(
    lab_hosts: Mapping[str, Host], release: str
) -> None:
    host = lab_hosts[release]
    host.check(["apt-get", "install", "-qy", "sudo"])
    snapshot_of(host)  # puts the archive there
    snapshot = snapshot_of(host, ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
    assert not snapshot.privileged
    for section in (snapshot.accounts, snapshot.sshd, snapshot.firewall, snapshot.sudo):
        assert section == Unreadable(unreadable="needs root")
    assert snapshot.files["/etc/sudoers"] == Unreadable(unreadable="needs root")
    assert "openssh-server" in judged(snapshot.packages)
    assert 22 in {each.port for each in judged(snapshot.listeners)}


@pytest.mark.parametrize("release", RELEASES)
def test_the_packet_filter_is_read_from_the_kernel(
    lab_hosts: Mapping[str, Host], release: str
) -> None:
    host = lab_hosts[release]
    host.check(["apt-get", "install", "-qy", "nftables"])
    put(host, "/run/test.nft", RULES)
    before = judged(snapshot_of(host).firewall)
    host.check(["nft", "-f", "/run/test.nft"])
    after = judged(snapshot_of(host).firewall)
    assert (before.installed, before.base_chains, before.holdfast) == (True, (), None)
    assert [(c.family, c.table, c.chain, c.hook, c.policy) for c in after.base_chains] == [
        ("inet", "holdfast", "input", "input", "accept"),
        ("ip", "other", "guard", "input", "drop"),
    ]
    assert after.holdfast is not None
    assert after.holdfast.startswith("table inet holdfast {")


@pytest.mark.parametrize("release", RELEASES)
def test_the_policy_of_sudo_includes_its_folder_whatever_filters_are_configured(
    lab_hosts: Mapping[str, Host], release: str
) -> None:
    host = lab_hosts[release]
    host.check(["apt-get", "install", "-qy", "sudo"])
    put(host, "/etc/sudoers.d/cloud", "nobody ALL=(ALL) NOPASSWD: ALL\n")
    put(host, "/etc/sudoers.d/skipped.bak", "games ALL=(ALL) NOPASSWD: ALL\n")
    put(host, "/etc/cvtsudoers.conf", "match = user=root\n")
    snapshot = snapshot_of(host)
    policy = json.dumps(judged(snapshot.sudo).policy)
    assert '"nobody"' in policy
    assert '"games"' not in policy
    assert {path for path in snapshot.files if path.startswith("/etc/sudoers")} >= {
        "/etc/sudoers",
        "/etc/sudoers.d",
        "/etc/sudoers.d/cloud",
    }
    assert "/etc/sudoers.d/skipped.bak" not in snapshot.files


@pytest.mark.parametrize("release", RELEASES)
def test_a_server_that_starts_its_sshd_by_a_socket_is_read(
    lab_hosts: Mapping[str, Host], release: str
) -> None:
    host = lab_hosts[release]
    host.check(["systemctl", "disable", "--now", "ssh.service"])
    host.check(["systemctl", "enable", "--now", "ssh.socket"])
    host.run(["rmdir", "/run/sshd"])
    waiting = snapshot_of(host)
    sshd = judged(waiting.sshd)
    assert (sshd.running, sshd.socket_activated, len(sshd.effective) > 0) == (False, True, True)
    assert host.run(["test", "-e", "/run/sshd"]).returncode != 0
    assert [each.process for each in judged(waiting.listeners) if each.port == 22] == ["systemd"]
    host.check(["bash", "-c", "read -rn 4 banner < /dev/tcp/127.0.0.1/22 && [ $banner = SSH- ]"])
    started = snapshot_of(host)
    sshd = judged(started.sshd)
    assert (sshd.running, sshd.socket_activated, sshd.loaded > sshd.changed) == (True, True, True)
    assert "sshd,systemd" in [each.process for each in judged(started.listeners)]
