"""Whatever goes wrong, somebody gets in afterwards, in the old state or the new one."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from driving import (
    admin_gets_in,
    apply,
    armed,
    eventually,
    holdfast,
    read_until,
    root_gets_in,
    seen,
    settled,
    started,
    states,
)
from faults import Point, hanging, heal, meanwhile, stop_at, write

from holdfast.lab import Host, Lab
from holdfast.servers.snapshot import Snapshot
from throwaway import SERVERS, UNTOUCHED, sampled

WIDENED, FINISHED = "widened", "finished"
WIDEN_STEPS, NARROW_STEPS = range(12), range(8)  # as `holdfast plan` counts them on these hosts
DROP_IN = "/etc/ssh/sshd_config.d/50-somebody.conf"


@pytest.fixture(scope="module", params=list(SERVERS))
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def prepared(lab: Lab, release: str) -> Host:
    """The server with the states `widened` and `finished` kept beside `untouched`."""
    host = lab.host(SERVERS[release].name)
    host.reset(UNTOUCHED)
    site = lab.site
    stop_at(host, "kill", "before", 100)
    arguments = ("--yes", "--verbose", "--confirm-within", "5")
    with started("apply", host.name, *arguments, site=site) as process:
        read_until(process, "narrow 1/")
        process.kill()
    eventually(lambda: not armed(host), 60, "the narrow transaction was taken back")
    heal(host)
    host.snapshot(WIDENED)
    assert apply(site, host.name).code == 0
    host.snapshot(FINISHED)
    return host


@pytest.fixture
def at(prepared: Host, lab_site: Path) -> Callable[[str], tuple[Host, Snapshot]]:
    """Put the server back to a kept state; return it with its snapshot."""

    def back(state: str) -> tuple[Host, Snapshot]:
        prepared.reset(state)
        return prepared, seen(prepared)

    return back


At = Callable[[str], tuple[Host, Snapshot]]


def unchanged(host: Host, before: Snapshot) -> None:
    """Fail unless the host is exactly as it was before the transaction."""
    assert settled(seen(host), before) == settled(before)


@pytest.mark.parametrize("point", ["before", "after"])
@pytest.mark.parametrize("step", sampled(NARROW_STEPS, 2, "narrow"))
def test_a_hand_killed_while_it_narrows_leaves_the_old_state(
    at: At, lab_site: Path, point: Point, step: int
) -> None:
    host, before = at(WIDENED)
    stop_at(host, "kill", point, step)
    done = apply(lab_site, host.name)
    assert done.code == 4, done
    assert "everything was taken back" in done.out
    assert admin_gets_in(lab_site, host)
    heal(host)
    unchanged(host, before)


@pytest.mark.parametrize("point", ["before", "after"])
@pytest.mark.parametrize("step", sampled(WIDEN_STEPS, 2, "widen"))
def test_a_hand_killed_while_it_widens_leaves_the_old_state(
    at: At, lab_site: Path, point: Point, step: int
) -> None:
    host, before = at(UNTOUCHED)
    stop_at(host, "kill", point, step)
    done = apply(lab_site, host.name)
    assert done.code == 4, done
    assert root_gets_in(lab_site, host)
    heal(host)
    unchanged(host, before)


@pytest.mark.parametrize("step", sampled(NARROW_STEPS, 2, "controller"))
def test_a_controller_killed_at_any_step_leaves_a_way_in(at: At, lab_site: Path, step: int) -> None:
    host, before = at(WIDENED)
    arguments = ("--yes", "--verbose", "--confirm-within", "5")
    with started("apply", host.name, *arguments, site=lab_site) as process:
        read_until(process, f"narrow {step + 1}/")
        process.send_signal(signal.SIGKILL)
    eventually(lambda: not armed(host), 30, "the host took it back by itself")
    assert states(host)[-1] == "reverted"
    assert admin_gets_in(lab_site, host)
    unchanged(host, before)


@pytest.mark.parametrize("step", sampled(WIDEN_STEPS, 1, "first contact"))
def test_a_controller_killed_at_first_contact_leaves_the_old_way_in(
    at: At, lab_site: Path, step: int
) -> None:
    host, before = at(UNTOUCHED)
    arguments = ("--yes", "--verbose", "--confirm-within", "5")
    with started("apply", host.name, *arguments, site=lab_site) as process:
        read_until(process, f"widen {step + 1}/")
        process.send_signal(signal.SIGKILL)
    eventually(lambda: not armed(host), 60, "the host took it back by itself")
    assert states(host)[-1] == "reverted"
    assert root_gets_in(lab_site, host)
    unchanged(host, before)


@pytest.mark.parametrize("step", sampled(NARROW_STEPS, 1, "reboot"))
def test_a_power_cut_in_the_middle_boots_into_the_old_state(
    at: At, lab_site: Path, step: int
) -> None:
    host, before = at(WIDENED)
    stop_at(host, "hang", "after", step)
    with started("apply", host.name, "--yes", "--verbose", site=lab_site):
        eventually(lambda: hanging(host), 30, "the transaction reached its step")
        host.kill()
    host.boot()
    assert not armed(host)
    assert states(host)[-1] == "reverted"
    assert admin_gets_in(lab_site, host)
    heal(host)
    unchanged(host, before)


def test_a_reboot_before_the_confirmation_boots_into_the_old_state(at: At, lab_site: Path) -> None:
    host, before = at(WIDENED)
    with started("apply", host.name, "--yes", "--verbose", site=lab_site) as process:
        read_until(process, f"narrow {len(NARROW_STEPS)}/{len(NARROW_STEPS)}")
        process.send_signal(signal.SIGKILL)
    eventually(lambda: states(host)[-1] == "waiting", 30, "every step was carried out")
    host.reboot()
    assert not armed(host)
    assert states(host)[-1] == "reverted"
    assert admin_gets_in(lab_site, host)
    unchanged(host, before)


def test_a_cut_network_is_survived(at: At, lab_site: Path) -> None:
    host, before = at(WIDENED)
    arguments = ("--yes", "--verbose", "--confirm-within", "6")
    stop_at(host, "hang", "after", 0)
    with started("apply", host.name, *arguments, site=lab_site) as process:
        eventually(lambda: hanging(host), 30, "the transaction reached its step")
        host.cut_network()
        host.run(["systemctl", "kill", "--signal=KILL", "holdfast-transaction@*"])
        eventually(lambda: not armed(host), 60, "the host took it back by itself")
        host.restore_network()
        process.wait(timeout=120)
        assert process.returncode in (3, 4)
    assert admin_gets_in(lab_site, host)
    heal(host)
    unchanged(host, before)


def test_a_full_disk_changes_nothing(at: At, lab_site: Path) -> None:
    host, before = at(WIDENED)
    host.check(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", "/var/lib/holdfast"])
    done = apply(lab_site, host.name)
    assert done.code in (3, 4)
    assert "o space left" in done.out
    assert admin_gets_in(lab_site, host)
    host.check(["umount", "/var/lib/holdfast"])
    unchanged(host, before)


def test_a_disk_that_fills_up_meanwhile_is_survived(at: At, lab_site: Path) -> None:
    host, before = at(WIDENED)
    host.check(
        ["mount", "-t", "tmpfs", "-o", "size=4k,mode=755", "tmpfs", "/etc/ssh/sshd_config.d"]
    )
    write(host, "/etc/ssh/sshd_config.d/50-full.conf", "# " + "x" * 4000 + "\n")
    host.check(["systemctl", "reload", "ssh"])
    done = apply(lab_site, host.name)
    assert done.code == 4, done
    assert admin_gets_in(lab_site, host)
    host.check(["umount", "/etc/ssh/sshd_config.d"])
    host.check(["systemctl", "reload", "ssh"])
    unchanged(host, before)


def test_an_sshd_that_somebody_breaks_meanwhile_is_not_reloaded(at: At, lab_site: Path) -> None:
    host, _ = at(WIDENED)
    meanwhile(host, f"echo NoSuchKeyword yes >{DROP_IN}")
    done = apply(lab_site, host.name)
    assert done.code == 3, done
    assert admin_gets_in(lab_site, host)
    heal(host)
    host.check(["rm", DROP_IN])
    host.check(["systemctl", "reload", "ssh"])
    assert apply(lab_site, host.name).code == 0
    assert admin_gets_in(lab_site, host)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_what_somebody_wrote_and_sshd_never_read_stays_unread(
    at: At, lab_site: Path, when: str
) -> None:
    host, _ = at(WIDENED)
    trap = f"echo AllowUsers nobody-at-all >{DROP_IN}"  # sshd -t takes it; nobody would get in
    if when == "before":
        host.check(["sh", "-c", trap])
    else:
        meanwhile(host, trap)
    done = apply(lab_site, host.name)
    assert done.code == 1, done
    assert admin_gets_in(lab_site, host)
    audit = holdfast("audit", host.name, site=lab_site)
    assert "runs with an older configuration" in audit.out


def test_a_confirmation_whose_answer_was_lost_counts(at: At, lab_site: Path) -> None:
    host, _ = at(FINISHED)
    identity = host.check(["ls", "-t", "/var/lib/holdfast/transactions"]).split()[0]
    code = (
        "import sys; sys.path.insert(0, '/usr/lib/holdfast/hand.pyz')\n"
        "from hand import transaction\n"
        f"print(transaction.confirm('{identity}', [])['state'])\n"
        f"print(transaction.take_back('{identity}')['state'])\n"
    )
    assert host.check(["python3", "-I", "-c", code]).split() == ["committed", "committed"]


def test_an_sshd_that_died_of_what_was_taken_back_is_started_again(at: At, lab_site: Path) -> None:
    host, before = at(WIDENED)
    stop_at(host, "hang", "before", 5)
    with started("apply", host.name, "--yes", "--verbose", site=lab_site) as process:
        eventually(lambda: hanging(host), 30, "the transaction reached its step")
        host.run(["systemctl", "kill", "--signal=ABRT", "--kill-whom=main", "ssh.service"])
        host.check(["systemctl", "kill", "--signal=KILL", "holdfast-transaction@*"])
        process.communicate(timeout=120)
    assert process.returncode in (3, 4)
    heal(host)
    eventually(lambda: admin_gets_in(lab_site, host), 30, "sshd runs")
    unchanged(host, before)


def test_an_sshd_that_was_broken_before_is_unknown_and_survives(at: At, lab_site: Path) -> None:
    host, _ = at(WIDENED)
    write(host, DROP_IN, "NoSuchKeyword yes\n")
    done = apply(lab_site, host.name)
    assert done.code == 3, done
    assert admin_gets_in(lab_site, host)


def test_a_reload_that_never_happens_is_noticed_and_taken_back(at: At, lab_site: Path) -> None:
    host, before = at(WIDENED)
    broken = "/run/systemd/system/ssh.service.d/no-reload.conf"
    write(host, broken, "[Service]\nExecReload=\nExecReload=/bin/true\n")
    host.check(["systemctl", "daemon-reload"])
    done = apply(lab_site, host.name)
    assert done.code == 4, done
    assert "it was done, and is not so" in done.out
    assert admin_gets_in(lab_site, host)
    host.check(["rm", broken])
    host.check(["systemctl", "daemon-reload"])
    unchanged(host, before)


def test_a_firewall_that_cuts_the_admin_off_is_taken_back(at: At, lab_site: Path) -> None:
    host, before = at(WIDENED)
    rules = "type filter hook input priority -5\ntcp dport 22 ct state new drop\n"
    arguments = ("--yes", "--verbose", "--confirm-within", "6")
    stop_at(host, "hang", "before", 3)
    with started("apply", host.name, *arguments, site=lab_site) as process:
        eventually(lambda: hanging(host), 30, "the transaction reached its step")
        host.check(["nft", "-f", "-"], input=f"table inet cut {{\nchain c {{\n{rules}}}\n}}\n")
        host.check(["systemctl", "kill", "--signal=KILL", "holdfast-transaction@*"])
        process.communicate(timeout=120)
    assert process.returncode in (3, 4)
    host.check(["nft", "delete", "table", "inet", "cut"])
    heal(host)
    assert admin_gets_in(lab_site, host)
    unchanged(host, before)


def test_two_applies_at_once_do_not_harm_each_other(at: At, lab_site: Path) -> None:
    host, _ = at(WIDENED)
    with (
        started("apply", host.name, "--yes", site=lab_site) as one,
        started("apply", host.name, "--yes", site=lab_site) as two,
    ):
        ended = [process.communicate(timeout=200) for process in (one, two)]
    codes = {one.returncode, two.returncode}
    assert 0 in codes, ended
    assert codes <= {0, 3, 4}, ended
    assert not armed(host)
    assert admin_gets_in(lab_site, host)
    assert holdfast("audit", host.name, site=lab_site).code == 0


def test_a_wrong_sudo_password_changes_nothing(at: At, lab_site: Path, tmp_path: Path) -> None:
    host, before = at(FINISHED)
    site = tmp_path / "site"
    subprocess.run(["cp", "-a", str(lab_site), str(site)], check=True)
    (site / "keys" / "admin.sudo").write_text("not the password\n")
    done = apply(site, host.name)
    assert done.code == 3, done
    assert "not the password" not in done.out + done.err
    assert admin_gets_in(lab_site, host)
    unchanged(host, before)


DPKG_DIES = """\
#!/bin/sh
while read -r line; do
  case "$line" in *half-configured*) pkill -9 -x dpkg ;; esac
done
"""


def test_an_apt_that_fails_half_way_is_taken_back_and_no_obstacle(at: At, lab_site: Path) -> None:
    host, before = at(UNTOUCHED)
    write(host, "/root/dpkg-dies", DPKG_DIES)
    host.check(["chmod", "+x", "/root/dpkg-dies"])
    write(host, "/etc/dpkg/dpkg.cfg.d/dies", "status-logger=/root/dpkg-dies\n")
    done = apply(lab_site, host.name)
    assert done.code == 4, done
    assert root_gets_in(lab_site, host)
    host.check(["rm", "/etc/dpkg/dpkg.cfg.d/dies"])
    unchanged(host, before)
    again = apply(lab_site, host.name)
    assert again.code == 0, again
    assert admin_gets_in(lab_site, host)


def test_an_edit_between_plan_and_apply_is_planned_anew(at: At, lab_site: Path) -> None:
    host, _ = at(WIDENED)
    meanwhile(
        host,
        "echo X11Forwarding yes >/etc/ssh/sshd_config.d/00-holdfast.conf",
        "systemctl reload ssh",
    )
    done = apply(lab_site, host.name)
    assert done.code == 0, done
    assert "planning anew" in done.err
    assert admin_gets_in(lab_site, host)
    assert holdfast("audit", host.name, site=lab_site).code == 0


def test_an_edit_between_apply_and_undo_stops_the_undo(at: At, lab_site: Path) -> None:
    host, _ = at(FINISHED)
    path = "/etc/ssh/sshd_config.d/00-holdfast.conf"
    text = host.check(["cat", path])
    write(host, path, text + "# somebody was here\n")
    before = seen(host)
    done = holdfast("undo", host.name, "--yes", site=lab_site)
    assert done.code == 1, done
    assert "changed by somebody else" in done.err
    assert admin_gets_in(lab_site, host)
    unchanged(host, before)


def test_undo_restores_everything_but_packages(at: At, lab_site: Path) -> None:
    _, untouched = at(UNTOUCHED)
    host, _ = at(FINISHED)
    assert holdfast("undo", host.name, "--yes", site=lab_site).code == 0
    assert root_gets_in(lab_site, host)
    assert holdfast("undo", host.name, "--yes", site=lab_site).code == 0
    assert root_gets_in(lab_site, host)
    assert not admin_gets_in(lab_site, host)
    unchanged(host, untouched)
    again = holdfast("undo", host.name, "--yes", site=lab_site)
    assert again.code == 2
    assert "no committed transaction" in again.err


def test_after_an_undo_apply_works_again(at: At, lab_site: Path) -> None:
    host, _ = at(FINISHED)
    for _ in range(2):
        assert holdfast("undo", host.name, "--yes", site=lab_site).code == 0
    done = apply(lab_site, host.name)
    assert done.code == 0, done
    assert admin_gets_in(lab_site, host)
    assert not root_gets_in(lab_site, host)


def test_a_confirmation_and_a_revert_cannot_both_win(at: At, lab_site: Path) -> None:
    host, before = at(WIDENED)
    with started("apply", host.name, "--yes", "--verbose", site=lab_site) as process:
        read_until(process, "confirming")
        identity = json.loads(
            host.check(["cat", "/var/lib/holdfast/transactions/current/state.json"])
        )["id"]
        host.run(["python3", "-I", "/usr/lib/holdfast/hand.pyz", "deadline", identity])
        process.communicate(timeout=120)
    assert not armed(host)
    assert admin_gets_in(lab_site, host)
    assert (process.returncode, states(host)[-1]) in ((0, "committed"), (4, "reverted"))
    if process.returncode == 4:
        unchanged(host, before)
