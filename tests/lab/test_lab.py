"""The lab on this machine: it starts servers, changes them, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from holdfast.lab import Host, HostSpec, Lab, LabError, groups
from holdfast.lab.records import folder
from holdfast.site import load_site

pytestmark = pytest.mark.usefixtures("needs_root")

NAME, SLOT = "nine", 9
KEPT = {"bases", "packages", "labs"}
HOSTS = [
    HostSpec("app", "bookworm", ("app",)),
    HostSpec("db", "trixie", ("database",)),
    HostSpec("outsider", "bookworm", ("outsider",)),
]
STARTER = f"""
import sys, time
from holdfast.lab import HostSpec, Lab
lab = Lab({NAME!r}, {SLOT}, report=lambda line: print(line, flush=True))
lab.up([HostSpec("app"), HostSpec("db", "trixie", ("database",))])
print("up", flush=True)
time.sleep(600)
"""


@dataclass(frozen=True)
class Traces:
    """What labs leave on a machine: containers, mounts, links, control groups, folders."""

    processes: frozenset[str]
    mounts: frozenset[str]
    links: frozenset[str]
    groups: frozenset[str]
    folders: frozenset[str]


def command_of(pid: Path) -> str:
    """Return a process's command line, nothing of one that has just ended."""
    try:
        return (pid / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def traces() -> Traces:
    """Of this module's lab only: others may run beside it."""
    labs = folder() / "labs"
    commands = {pid.name: command_of(pid) for pid in Path("/proc").glob("[0-9]*")}
    own = str(labs / NAME)
    return Traces(
        processes=frozenset(pid for pid, words in commands.items() if own in words),
        mounts=frozenset(
            line for line in Path("/proc/self/mountinfo").read_text().splitlines() if own in line
        ),
        links=frozenset(
            link.name
            for link in Path("/sys/class/net").iterdir()
            if link.name.startswith((f"hf{SLOT}-", f"vb-hf{SLOT}h", f"vp-hf{SLOT}h"))
        ),
        # a group that is gone holds no living process: the kernel refuses to remove it otherwise
        groups=frozenset(group for group in groups.names(own) if Path(group).exists()),
        folders=frozenset(
            path.name for path in (*labs.glob(NAME), *folder().iterdir()) if path.name not in KEPT
        ),
    )


NOTHING = Traces(*[frozenset()] * 5)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab of three hosts with a snapshot `clean` of each."""
    lab = Lab(NAME, SLOT)
    lab.down()
    lab.up(HOSTS)
    try:
        for host in lab.hosts.values():
            host.snapshot("clean")
        yield lab
    finally:
        lab.down()


@pytest.fixture
def app(lab: Lab) -> Host:
    return lab.host("app")


@pytest.fixture
def no_lab() -> Iterator[None]:
    Lab(NAME, SLOT).down()
    yield
    Lab(NAME, SLOT).down()


def login(lab: Lab, target: str, command: str) -> subprocess.CompletedProcess[str]:
    """As root with the provider's key, by the site folder's own SSH configuration."""
    configuration = lab.site / ".holdfast/ssh_config"
    return subprocess.run(
        ["ssh", "-F", configuration, "-o", "BatchMode=yes", f"root@{target}", command],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def answers(address: str, port: int = 22) -> bool:
    try:
        with socket.create_connection((address, port), timeout=0.5):
            return True
    except OSError:
        return False


def wait_for(condition: Callable[[], bool], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_root_logs_in_by_name_and_on_every_address(lab: Lab) -> None:
    for host in lab.hosts.values():
        for target in (host.name, host.public, host.public6, host.private, host.private6):
            assert login(lab, target, "hostname").stdout == f"{host.name}\n", target


def test_the_machine_has_the_inotify_instances_that_its_hosts_need(lab: Lab) -> None:
    limit = Path("/proc/sys/fs/inotify/max_user_instances").read_text()
    assert int(limit) >= 128 + 8 * len(lab.hosts)


def test_a_host_that_ends_while_it_boots_says_so(app: Host) -> None:
    app.snapshot("whole")
    app.kill()
    init = app.files.root / "usr/lib/systemd/systemd"
    init.unlink()
    init.write_text("#!/bin/sh\nsleep 1\n")
    init.chmod(0o755)
    try:
        with pytest.raises(LabError, match="app did not start"):
            app.boot()
    finally:
        app.reset("whole")


def test_the_hosts_reach_each_other_on_the_private_network(lab: Lab) -> None:
    database = lab.host("db")
    program = "import socket, sys; socket.create_connection((sys.argv[1], 3306), 5)"
    wait_for(lambda: answers(database.private, 3306), 20)
    for address in (database.private, database.private6):
        lab.host("app").check(["python3", "-c", program, address])


def test_each_host_is_its_own(lab: Lab) -> None:
    for path in ("/etc/machine-id", "/etc/ssh/ssh_host_ed25519_key.pub"):
        seen = {host.check(["cat", path]) for host in lab.hosts.values()}
        assert len(seen) == len(HOSTS)


def test_a_host_is_as_a_provider_gives_it_and_installs_without_a_network(app: Host) -> None:
    for program in ("sudo", "nft"):
        assert app.run(["sh", "-c", f"command -v {program}"]).returncode != 0
    app.check(["apt-get", "-qq", "-y", "install", "sudo", "nftables"])
    assert "Sudo version" in app.check(["sudo", "--version"])
    app.reset("clean")


def test_the_site_file_is_valid_and_leaves_the_outsider_out(lab: Lab) -> None:
    site = load_site(lab.site / "holdfast.toml")
    assert set(site.hosts) == {"app", "db"}
    assert set(site.databases) == {"todo"}


def test_keys_and_password_are_private(lab: Lab) -> None:
    assert lab.site.stat().st_mode & 0o777 == 0o700
    for name in ("keys/root_ed25519", "keys/admin_ed25519", "keys/admin.sudo"):
        assert (lab.site / name).stat().st_mode & 0o777 == 0o600


def test_a_reset_undoes_writing_changing_and_removing(app: Host) -> None:
    kept = app.check(["cat", "/etc/passwd"])
    app.check(["sh", "-c", "echo x > /etc/new; echo x > /etc/passwd; rm -r /etc/ssh /root/.ssh"])
    app.reset("clean")
    assert app.check(["cat", "/etc/passwd"]) == kept
    assert app.run(["test", "-e", "/etc/new"]).returncode == 1
    assert answers(app.public)
    assert answers(app.private6)


def test_a_snapshot_of_a_reset_host_builds_on_the_earlier_one(app: Host) -> None:
    app.check(["sh", "-c", "echo one > /srv/one; rm /etc/hosts"])
    app.snapshot("one")
    app.reset("one")
    app.check(["sh", "-c", "echo two > /srv/two"])
    app.snapshot("two")
    app.reset("clean")
    assert app.run(["test", "-e", "/srv/one"]).returncode == 1
    app.reset("two")
    assert app.check(["cat", "/srv/one", "/srv/two"]) == "one\ntwo\n"
    assert app.run(["test", "-e", "/etc/hosts"]).returncode == 1
    app.reset("clean")


def test_an_unknown_snapshot_is_refused_and_the_host_keeps_running(app: Host) -> None:
    before = app.pid
    with pytest.raises(LabError, match="has no snapshot 'none'; it has: clean"):
        app.reset("none")
    assert app.pid == before


def test_a_reboot_ends_what_ran_and_keeps_the_files(app: Host) -> None:
    boot = app.check(["sh", "-c", "echo kept > /srv/kept; date +%s%N > /run/gone"])
    app.reboot()
    assert app.check(["cat", "/srv/kept"]) == "kept\n", boot
    assert app.run(["test", "-e", "/run/gone"]).returncode == 1
    assert answers(app.public)


def test_a_power_cut_keeps_the_files_and_the_host_boots_again(app: Host) -> None:
    app.check(["sh", "-c", "echo kept > /srv/cut"])
    app.kill()
    assert not app.running
    with pytest.raises(LabError, match="app is not running: boot it first"):
        app.run(["true"])
    app.boot()
    assert app.check(["cat", "/srv/cut"]) == "kept\n"


def test_a_cut_network_lets_nothing_through_until_it_is_restored(app: Host) -> None:
    app.cut_network()
    try:
        addresses = (app.public, app.public6, app.private, app.private6)
        assert [address for address in addresses if answers(address)] == []
        held = app.check(["ip", "-brief", "address"])
        assert [address for address in addresses if f" {address}/" not in held] == []
    finally:
        app.restore_network()
    wait_for(lambda: all(map(answers, addresses)), 10)


def test_a_program_that_hangs_inside_is_given_up(app: Host) -> None:
    with pytest.raises(LabError, match=r"did not end within 0\.2 s"):
        app.run(["sleep", "60"], timeout_s=0.2)


def test_input_reaches_a_program_inside(app: Host) -> None:
    assert app.run(["cat"], input="grüße\n").stdout == "grüße\n"


def test_a_second_lab_of_the_same_name_or_slot_is_refused(lab: Lab, app: Host) -> None:
    with pytest.raises(LabError, match="the lab nine is up already"):
        Lab(NAME, SLOT).up(HOSTS)
    with pytest.raises(LabError, match="slot 9 is taken"):
        Lab("nine-too", SLOT).up(HOSTS)
    assert all(host.running for host in lab.hosts.values())
    assert answers(app.public)
    assert not (folder() / "labs/nine-too").exists()


def test_status_shows_the_hosts(lab: Lab) -> None:
    app = next(one for one in Lab.status() if (one.lab, one.name) == (NAME, "app"))
    assert (app.release, app.roles, app.public, app.running) == (
        "bookworm",
        ("app",),
        "10.77.9.11",
        True,
    )


# What follows takes the lab down, so it comes last and starts its own.


def test_another_process_takes_the_lab_down_and_nothing_is_left(lab: Lab) -> None:
    assert traces().processes
    program = f"from holdfast.lab import Lab; Lab({NAME!r}).down()"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    assert traces() == NOTHING


@pytest.mark.usefixtures("no_lab")
def test_a_lab_whose_starter_was_killed_after_up_can_be_taken_down() -> None:
    with starter() as running:
        read_until(running, "up")
        os.kill(running.pid, signal.SIGKILL)
    seen = traces()
    assert seen.processes
    assert seen.mounts
    assert seen.links
    assert seen.groups
    Lab(NAME, SLOT).down()
    assert traces() == NOTHING


@pytest.mark.usefixtures("no_lab")
@pytest.mark.parametrize("after_s", [0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7])
def test_a_lab_whose_starter_was_killed_halfway_can_be_taken_down(after_s: float) -> None:
    with starter() as running:
        wait_for(lambda: Lab(NAME, SLOT).folder.exists(), 20)
        time.sleep(after_s)  # the moment of the crash is what is tried here
        os.kill(running.pid, signal.SIGKILL)
    Lab(NAME, SLOT).down()
    assert traces() == NOTHING


@pytest.mark.usefixtures("no_lab")
def test_a_failing_up_takes_down_what_it_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(place: Path, *rest: object) -> None:
        raise LabError("the disk is full")

    monkeypatch.setattr("holdfast.lab.site_folder.describe", refuse)
    with pytest.raises(LabError, match="the disk is full"):
        Lab(NAME, SLOT).up(HOSTS[:1])
    assert traces() == NOTHING


@pytest.mark.usefixtures("no_lab")
def test_without_overlayfs_a_host_is_a_copy_and_resets_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("holdfast.lab.layers.overlay_works", lambda place: False)
    lab = Lab(NAME, SLOT)
    lab.up(HOSTS[:1])
    app = lab.host("app")
    app.snapshot("clean")
    app.check(["rm", "/etc/hosts"])
    app.reset("clean")
    app.check(["cat", "/etc/hosts"])
    assert not traces().mounts
    lab.down()
    assert traces() == NOTHING


@pytest.mark.usefixtures("no_lab")
def test_down_keeps_what_the_lab_did_not_write_in_the_site_folder(tmp_path: Path) -> None:
    lab, place = Lab(NAME, SLOT), tmp_path / "site"
    lab.up(HOSTS[:1], place)
    assert load_site(place / "holdfast.toml").hosts
    (place / "notes").write_text("mine")
    lab.down()
    assert [path.name for path in place.iterdir()] == ["notes"]
    with pytest.raises(LabError, match="is not empty"):
        lab.up(HOSTS[:1], place)
    assert (place / "notes").read_text() == "mine"
    assert traces() == NOTHING


def starter() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def read_until(running: subprocess.Popen[str], word: str) -> None:
    assert running.stdout is not None
    for line in running.stdout:
        if line.strip() == word:
            return
    pytest.fail("the starter ended early")
