"""A login as each row of the access matrix, trying what every other row may do.

First on untouched servers, where nearly everything succeeds for everybody who has an account; then
on the same servers with the same accounts and keys, after `apply`.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from attempts import AGENT, ATTEMPTS, ENVIRONMENT, LISTENING, PROGRAMS, RAN, RUN, SUDO, Seen
from driving import eventually, holdfast
from faults import write
from logins import Credentials, Target, openssh, openssh_options, through, trusting
from matrix_ground import (
    ACCOUNTS,
    HOSTS,
    ROWS,
    SHUT_OUT,
    STRANGERS,
    Cell,
    Ground,
    may_come,
    prepared,
    ways,
)

from holdfast.lab import Lab
from holdfast.servers.access import Right
from holdfast.servers.attack import Login
from holdfast.servers.restricted import KEYS

NEAR = {"app": "controller", "db": "app"}  # where admins and audits come from
EVERY = [(host, account) for host in HOSTS for account in ACCOUNTS]


@pytest.fixture(scope="module")
def ground(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return prepared(lab, tmp_path_factory.mktemp("matrix"), REACHABLE)


def of(seen: Mapping[Cell, Seen], host: str, account: str, *kinds: str) -> dict[Cell, Seen]:
    """What was seen of an account on a host, by cell."""
    return {
        cell: one
        for cell, one in seen.items()
        if (cell.account, cell.host) == (account, host) and (not kinds or cell.kind in kinds)
    }


def login(ground: Ground, cell: Cell) -> Login:
    """How the matrix says that a login ends."""
    if cell.host == "db" and cell.vantage in SHUT_OUT:
        return Login.UNREACHED
    source = ground.target(cell.host, cell.vantage).vantage.source
    comes = cell.kind != "password" and may_come(ground.site, cell.account, cell.host, source)
    return Login.ACCEPTED if comes else Login.REFUSED


def rights(account: str, done: Mapping[str, bool]) -> dict[str, bool]:
    """What the matrix says of these attempts; a shell can do what no right is about, save one."""
    may = ROWS[account].may
    return {
        name: bool(may & ATTEMPTS[name].rights)
        for name in done
        if ATTEMPTS[name].rights or Right.SHELL not in may or name == AGENT
    }


@pytest.mark.parametrize(("host", "account"), EVERY)
def test_an_untouched_server_lets_every_account_do_everything(
    ground: Ground, host: str, account: str
) -> None:
    seen = of(ground.before, host, account, "key", "password")
    refused = {
        (cell.kind, name)
        for cell, one in seen.items()
        for name in ATTEMPTS
        if not one.done.get(name, name == SUDO or (name.startswith("reach") and host == "db"))
    }
    assert refused - {(kind, SUDO) for kind in ("key", "password")} == set()
    assert bool(seen) == (account != "admin")


@pytest.mark.parametrize(("host", "account"), EVERY)
def test_an_account_gets_in_from_where_the_matrix_says_and_from_nowhere_else(
    ground: Ground, host: str, account: str
) -> None:
    seen = of(ground.after, host, account)
    assert {cell: one.login for cell, one in seen.items()} == {
        cell: login(ground, cell) for cell in seen
    }


@pytest.mark.parametrize(("host", "account"), EVERY)
def test_a_login_may_do_what_the_matrix_says_and_nothing_else(
    ground: Ground, host: str, account: str
) -> None:
    accepted = {c: s for c, s in of(ground.after, host, account).items() if s.done}
    for cell, one in accepted.items():
        wanted = rights(account, one.done)
        assert {name: one.done[name] for name in wanted} == wanted, cell
    assert bool(accepted) == (account in ROWS and account != "root")


@pytest.mark.parametrize("name", ATTEMPTS)
def test_what_is_forbidden_has_been_seen_to_succeed_for_somebody(ground: Ground, name: str) -> None:
    seen = [*ground.before.values(), *ground.after.values()]
    assert any(one.done.get(name) for one in seen)
    assert any(one.done.get(name) is False for one in seen)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("account", PROGRAMS)
def test_the_line_of_a_key_holds_its_account_where_sshd_does_not(
    ground: Ground, host: str, account: str
) -> None:
    """Save that `port-forwarding` also lets a jump listen; AllowTcpForwarding stops that."""
    seen = of(ground.before, host, account, "held")
    assert {cell: one.login for cell, one in seen.items()} == {
        cell: login(ground, cell) for cell in seen
    }
    left = {ENVIRONMENT, *(LISTENING if Right.JUMP in ROWS[account].may else ())}
    for one in seen.values():
        wanted = {n: may for n, may in rights(account, one.done).items() if n not in left}
        assert {name: one.done[name] for name in wanted} == wanted


# OpenSSH's own client


def own_place(host: str, account: str) -> str:
    return "db" if account == "holdfast-backup" else NEAR[host]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("account", PROGRAMS)
@pytest.mark.parametrize("asked", [(RUN,), ("id; /bin/sh",), ("-s", "sftp"), ()], ids=str)
def test_whatever_openssh_asks_for_the_one_program_runs(
    ground: Ground, host: str, account: str, asked: tuple[str, ...]
) -> None:
    who, where = ground.credentials(account), ground.target(host, own_place(host, account))
    options, argv = (asked[:1], asked[1:]) if asked[:1] == ("-s",) else ((), asked)
    done = openssh(who, where, *argv, options=options)
    assert done.stdout.split()[:1] == [f"program={PROGRAMS[account]}"]
    assert RAN not in done.stdout


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("account", ["admin", *PROGRAMS])
def test_openssh_gets_a_terminal_for_an_admin_alone(
    ground: Ground, host: str, account: str
) -> None:
    who, where = ground.credentials(account), ground.target(host, own_place(host, account))
    done = openssh(who, where, "tty", options=("-tt",))
    assert ("PTY allocation request failed" in done.stderr) == (account != "admin")
    assert ("/dev/pts/" in done.stdout) == (account == "admin")


@pytest.mark.parametrize("host", HOSTS)
def test_openssh_gives_an_admin_a_shell(ground: Ground, host: str) -> None:
    done = openssh(ground.credentials("admin"), ground.target(host, NEAR[host]), RUN)
    assert done.stdout.strip() == RAN


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("account", ["root", *STRANGERS])
def test_openssh_gets_nobody_else_in(ground: Ground, host: str, account: str) -> None:
    done = openssh(ground.credentials(account), ground.target(host, NEAR[host]), RUN)
    assert (done.returncode, RAN in done.stdout) == (255, False)
    assert "Permission denied" in done.stderr


@pytest.mark.parametrize("options", [(), ("-O",)], ids=["sftp", "scp"])
@pytest.mark.parametrize("account", ["admin", *PROGRAMS])
def test_openssh_copies_files_for_an_admin_alone(
    ground: Ground, account: str, options: tuple[str, ...], tmp_path: Path
) -> None:
    """`-O` is scp's old protocol, which runs a command of its own on the server."""
    who, where = ground.credentials(account), ground.target("app", own_place("app", account))
    place = f"{account}@app:/srv/objects/one"
    subprocess.run(
        ["scp", *options, *openssh_options(who, where), place, str(tmp_path / "one")],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (tmp_path / "one").exists() == (account == "admin")


@pytest.mark.parametrize("family", ["private", "private6"])
def test_an_audit_goes_through_the_jump_host_to_the_next(ground: Ground, family: str) -> None:
    who, jump = ground.credentials("holdfast-audit"), ground.target("app", "controller")
    beyond = f"[{getattr(ground.lab.host('db'), family)}]:22"
    first = ["ssh", *openssh_options(who, jump), "-W", beyond, "holdfast-audit@app"]
    last = [*trusting(who, ground.target("db", "app")), *through(first)]
    done = subprocess.run(
        ["ssh", *last, "holdfast-audit@db", RUN],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split()[:1] == [f"program={PROGRAMS['holdfast-audit']}"], done


@pytest.mark.parametrize("beyond", ["db port 3306", "outsider port 22", "app port 22"])
def test_an_audit_goes_through_the_jump_host_to_nothing_else(ground: Ground, beyond: str) -> None:
    name, _, port = beyond.partition(" port ")
    address = ground.lab.host(name).private
    options = ("-W", f"{address}:{port}")
    where = ground.target("app", "controller")
    reached = openssh(ground.credentials("admin"), where, options=options)
    refused = openssh(ground.credentials("holdfast-audit"), where, options=options)
    assert "administratively prohibited" not in reached.stderr
    assert "administratively prohibited" in refused.stderr


# What only others may reach

REACHABLE = {
    ("outsider", "app", 22): True,
    ("controller", "app", 22): True,
    ("db", "app", 22): True,
    ("outsider", "db", 22): False,
    ("controller", "db", 22): False,
    ("app", "db", 22): True,
    ("outsider", "db", 3306): False,
    ("controller", "db", 3306): False,
    ("app", "db", 3306): True,
}


@pytest.mark.parametrize(("vantage", "host", "port"), REACHABLE)
def test_a_port_is_reached_by_whom_the_matrix_says(
    ground: Ground, vantage: str, host: str, port: int
) -> None:
    way = (vantage, host, port)
    assert ground.reached_before[way]
    assert ways(ground.lab, ground.folder, [way]) == {way: REACHABLE[way]}


# What holds besides


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("account", PROGRAMS)
def test_a_restricted_account_could_not_change_its_keys_even_with_a_shell(
    ground: Ground, host: str, account: str
) -> None:
    to = ground.lab.host(host)
    as_account = ["setpriv", f"--reuid={account}", "--regid=holdfast-restricted", "--clear-groups"]
    change = f"echo '# changed' >>{KEYS}/{account}"
    assert to.run([*as_account, "sh", "-c", change]).returncode != 0
    replace = f"rm -f {KEYS}/{account}; mv {KEYS} /tmp/"
    assert to.run([*as_account, "sh", "-c", replace]).returncode != 0
    assert "# changed" not in to.check(["cat", f"{KEYS}/{account}"])


@pytest.mark.parametrize("host", HOSTS)
def test_a_key_in_the_home_of_a_restricted_account_opens_nothing(ground: Ground, host: str) -> None:
    to, where = ground.lab.host(host), ground.target(host, NEAR[host])
    homes = "/home/holdfast-drill/.ssh/authorized_keys"
    public = to.check(["cat", "/home/eve/.ssh/authorized_keys"])
    to.check(["sh", "-c", f"cat >>{homes}"], input=public)
    key = ground.credentials("eve").key
    assert openssh(Credentials("holdfast-drill", key), where).returncode == 255
    to.check(["sh", "-c", f"cat >>{KEYS}/holdfast-drill"], input=public)
    assert openssh(Credentials("holdfast-drill", key), where).returncode == 0


def keys_only(ground: Ground) -> dict[str, dict[str, object]]:
    done = holdfast("audit", "--format", "json", site=ground.folder)
    return {
        host["name"]: finding
        for host in json.loads(done.out)["hosts"]
        for finding in host["findings"]
        if finding["control"] == "ssh.keys-only"
    }


def test_restricted_accounts_that_exist_are_no_gap(ground: Ground) -> None:
    found = keys_only(ground)
    assert {name: finding["status"] for name, finding in found.items()} == dict.fromkeys(
        HOSTS, "pass"
    ), found


def test_a_later_block_that_lets_a_restricted_account_come_from_elsewhere_is_a_gap(
    ground: Ground,
) -> None:
    """AllowUsers adds up over the blocks that match: the first value does not win here."""
    app, where = ground.lab.host("app"), ground.target("app", "outsider")
    path = "/etc/ssh/sshd_config.d/50-vendor.conf"
    write(app, path, "Match User holdfast-audit\n    AllowUsers holdfast-audit\n")
    app.check(["systemctl", "reload", "ssh"])
    who = ground.credentials("holdfast-audit")
    try:
        eventually(lambda: openssh(who, where).returncode == 0, 10, "sshd has read the block")
        finding = keys_only(ground)["app"]
        assert (finding["status"], f"{path}:2" in str(finding)) == ("gap", True), finding
    finally:
        app.check(["rm", path])
        app.check(["systemctl", "reload", "ssh"])


def test_failed_logins_turn_an_address_away_but_never_the_last_hop(ground: Ground) -> None:
    """Debian 13's sshd does so; the last test, since the address is shut out for a while."""
    stranger, away = ground.credentials("eve"), ground.target("db", "db")
    near = ground.target("db", "app")

    def refused(where: Target) -> bool:
        return "Permission denied" in openssh(stranger, where).stderr

    def turned_away() -> bool:
        """Several at once: what a failure adds is gone after five seconds."""
        with ThreadPoolExecutor(6) as pool:
            return not all(pool.map(lambda _: refused(away), range(6)))

    eventually(turned_away, 30, "the address is turned away")
    assert all(refused(near) for _ in range(6))
    assert openssh(ground.credentials("admin"), near, RUN).stdout.strip() == RAN
