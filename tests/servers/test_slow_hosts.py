"""Hosts that hang cost their own time only: real sockets, and servers that are stopped."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from driving import (
    Done,
    admin_gets_in,
    apply,
    armed,
    eventually,
    holdfast,
    read_until,
    root_gets_in,
    started,
)
from faults import hanging, heal, meanwhile, stop_at, write

from holdfast.lab import Host

MUTE, DRIPPING = "127.9.0.1", "127.9.0.2"
HOST_S = 4.0
STOP_SSHD = "kill -STOP $(systemctl show --value -p MainPID ssh)"
CLOSING_S = 12.0  # to end what hangs, and everything else that a command does
OURS = "ss -Htn state established '( sport = :22 )' | wc -l"

Untouched = Callable[[str], Host]


@contextmanager
def listening(address: str, then: Callable[[socket.socket], None]) -> Iterator[threading.Event]:
    """Accept connections on the SSH port, and do this with each; the event says that one came."""
    came, over = threading.Event(), threading.Event()
    held: list[socket.socket] = []

    def serve() -> None:
        while not over.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = listener.accept()
                held.append(connection)
                came.set()
                threading.Thread(target=then, args=(connection,), daemon=True).start()

    with socket.create_server((address, 22)) as listener:
        listener.settimeout(0.1)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield came
        finally:
            over.set()
            thread.join()
            for connection in held:
                connection.close()


def say_nothing(_: socket.socket) -> None:
    return


def drip(connection: socket.socket) -> None:
    """Lines before the greeting are allowed (RFC 4253, 4.2): one letter at a time, for ever."""
    with contextlib.suppress(OSError):
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)


@pytest.fixture
def slow_site(lab_site: Path, tmp_path: Path) -> Iterator[Path]:
    """The lab's site with two hosts more: one accepts and says nothing, one drips."""
    site = Path(shutil.copytree(lab_site, tmp_path / "site"))
    with (site / "holdfast.toml").open("a") as file:
        for name, address in (("mute", MUTE), ("dripping", DRIPPING)):
            file.write(f'\n[hosts.{name}]\nroles = ["app"]\naddress = "{address}"\n')
    with listening(MUTE, say_nothing), listening(DRIPPING, drip):
        yield site


def timed(verb: str, *arguments: str, site: Path) -> tuple[Done, float]:
    began = time.monotonic()
    done = holdfast(verb, *arguments, "--host-timeout", str(HOST_S), site=site)
    return done, time.monotonic() - began


def statuses(audit: Any) -> dict[str, set[str]]:
    return {h["name"]: {finding["status"] for finding in h["findings"]} for h in audit["hosts"]}


def replace_ip(host: Host, first: str) -> None:
    """Have the program `ip`, which every reading runs once, do something else first."""
    path = host.check(["sh", "-c", "command -v ip"]).strip()
    host.check(["mv", path, "/root/ip"])
    write(host, path, f'#!/bin/sh\n{first}\nexec /root/ip "$@"\n')
    host.check(["chmod", "755", path])


def stop_in_the_middle_of_reading(host: Host) -> None:
    """Have the hand be stopped when it is ready and has begun to read."""
    replace_ip(host, "kill -STOP $PPID")


def stop_sshd(host: Host) -> None:
    """Connections are still accepted, by the kernel; nobody ever answers on them."""
    host.check(["sh", "-c", STOP_SSHD])


def test_hosts_that_say_nothing_or_drip_cost_their_own_time(
    untouched: Untouched, slow_site: Path
) -> None:
    untouched("bookworm")
    done, seconds = timed("audit", "app", "mute", "dripping", "--format", "json", site=slow_site)
    assert done.code == 3
    seen = statuses(done.data)
    assert (seen["mute"], seen["dripping"]) == ({"unknown"}, {"unknown"})
    assert "unknown" not in seen["app"]
    assert seconds < HOST_S + CLOSING_S


def test_hosts_that_hang_are_told_with_the_mend_and_counted(
    untouched: Untouched, slow_site: Path
) -> None:
    untouched("bookworm")
    done, _ = timed("audit", "app", "mute", "dripping", site=slow_site)
    assert "mute  ? not done within 4 s" in done.out
    last = done.out.splitlines()[-1]
    assert last == "3 hosts: 1 with gaps, 2 not reached or not judged"


@pytest.mark.parametrize("stop", [stop_sshd, stop_in_the_middle_of_reading])
def test_a_server_that_is_stopped_costs_its_own_time(
    untouched: Untouched, lab_site: Path, stop: Callable[[Host], None]
) -> None:
    host, _ = untouched("bookworm"), untouched("trixie")
    stop(host)
    done, seconds = timed("audit", "--format", "json", site=lab_site)
    seen = statuses(done.data)
    assert (done.code, seen["app"]) == (3, {"unknown"})
    assert "unknown" not in seen["db"]
    assert seconds < HOST_S + CLOSING_S


def test_no_login_stays_behind_on_a_server_whose_hand_hung(
    untouched: Untouched, lab_site: Path
) -> None:
    host = untouched("bookworm")
    stop_in_the_middle_of_reading(host)
    done, _ = timed("audit", "app", site=lab_site)
    assert "not done within" in done.out
    eventually(lambda: host.check(["sh", "-c", OURS]).strip() == "0", 10, "the login has ended")


def test_a_host_that_hangs_stops_no_other_from_being_changed(
    untouched: Untouched, slow_site: Path
) -> None:
    host = untouched("bookworm")
    done = holdfast("apply", "app", "mute", "--yes", "--host-timeout", "60", site=slow_site)
    assert done.code == 3
    assert "✔ app" in done.out
    assert "✘ mute" in done.out
    assert admin_gets_in(slow_site, host)


def test_attacks_that_ended_before_the_time_was_over_count(
    untouched: Untouched, lab_site: Path
) -> None:
    host = untouched("bookworm")
    with started(
        "prove", "app", "--verbose", "--format", "json", "--host-timeout", "30", site=lab_site
    ) as process:
        read_until(process, "log in as root")
        stop_sshd(host)
        out, _ = process.communicate(timeout=60)
    outcomes = [attack["outcome"] for attack in Done(process.returncode, out, "").data["attacks"]]
    assert set(outcomes) > {"inconclusive"}


def test_steps_that_take_too_long_are_left_to_the_host_which_takes_them_back(
    untouched: Untouched, lab_site: Path
) -> None:
    host = untouched("bookworm")
    stop_at(host, "hang", "before", 3)
    done = apply(lab_site, "app", "--host-timeout", "20", "--confirm-within", "5")
    assert done.code == 4
    assert "the host takes them back by itself" in done.out
    assert hanging(host)
    heal(host)
    host.check(["systemctl", "stop", "holdfast-transaction@*.service"])
    host.reboot()
    eventually(lambda: not armed(host), 60, "the host has taken its steps back")
    assert root_gets_in(lab_site, host)


def test_a_transaction_that_waits_for_its_confirmation_is_not_cut(
    untouched: Untouched, lab_site: Path
) -> None:
    host = untouched("bookworm")
    meanwhile(host, STOP_SSHD)
    done = apply(lab_site, "app", "--host-timeout", "20", "--confirm-within", "25")
    assert done.code == 4
    assert "confirming by a new login" in done.err
    assert "not done within" not in done.out


def test_a_command_that_is_interrupted_ends_at_once_and_in_one_line(
    lab_site: Path, tmp_path: Path
) -> None:
    site = Path(shutil.copytree(lab_site, tmp_path / "site"))
    file = site / "holdfast.toml"
    file.write_text(file.read_text() + f'\n[hosts.mute]\nroles = ["app"]\naddress = "{MUTE}"\n')
    with listening(MUTE, say_nothing) as came, started("audit", "mute", site=site) as process:
        assert came.wait(20)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=8)
    assert process.returncode == 130
    assert len(err.splitlines()) == 1


def test_a_host_is_read_once_before_its_first_change_where_nobody_is_asked(
    untouched: Untouched, lab_site: Path
) -> None:
    host = untouched("bookworm")
    replace_ip(host, "echo >>/run/read")
    stop_at(host, "kill", "before", 0)
    assert apply(lab_site, "app").code == 4
    assert host.check(["cat", "/run/read"]) == "\n"
