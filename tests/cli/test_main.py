"""The verbs from the outside: exit codes, what is printed, what is kept."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import stat
import sys
from collections.abc import AsyncGenerator, Callable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from building import SITE, account, file, key_line, site, snapshot
from model import changed, proven

from holdfast import __version__
from holdfast.cli.errors import UsageError, told
from holdfast.cli.main import main
from holdfast.cli.work import Work
from holdfast.servers.apply import Reverted, Unfinished
from holdfast.servers.attack import Outcome
from holdfast.servers.audit import Status, judge
from holdfast.servers.catalogue import all_controls, host_controls
from holdfast.servers.fleet import Fleet
from holdfast.servers.plan import PlanConflict, make_plan
from holdfast.servers.prove import Attempt
from holdfast.servers.session_errors import HandLost, LoginRefused, Unreachable
from holdfast.servers.snapshot import CannotJudge, Snapshot, SnapshotError, Unreadable
from holdfast.servers.undo import NothingToUndo
from holdfast.site import Problem, SiteError

ONE_HOST = SITE.replace('"203.0.113.10"', '"127.0.0.1"').split("[hosts.db]")[0]
EXEMPT = "\n[exceptions]\n" + "".join(
    f'"{control.id}" = {{ because = "we chose to" }}\n' for control in all_controls()
)


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ended]
Judge = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command where nobody is at the terminal and nobody's keys are."""
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.chdir(tmp_path)

    def command(*argv: str, site: str = SITE) -> Ended:
        file = tmp_path / "holdfast.toml"
        file.write_text(site)
        code = main([*argv, "--site", str(file)])
        shown = capsys.readouterr()
        return Ended(code, shown.out, shown.err)

    return command


@pytest.fixture
def judge_file(run: Run, tmp_path: Path) -> Judge:
    """Runs `holdfast audit app --from FILE` with this snapshot in the file."""

    def command(seen: Snapshot, *options: str, site: str = SITE) -> Ended:
        file = tmp_path / "app.json"
        file.write_text(seen.model_dump_json())
        return run("audit", "app", "--from", str(file), *options, site=site)

    return command


def finished() -> Snapshot:
    """The application host when apply is done with it."""
    of, host = site(), snapshot()
    for _ in range(6):
        found = judge(of.hosts["app"], {"app": host}, of, all_controls(), date(2026, 1, 1))
        host = proven(changed(host, make_plan("app", found, host, of).changes), of)
    return host


def with_status(host: Snapshot, status: Status, text: str = SITE) -> set[str]:
    of = site(text)
    found = judge(of.hosts["app"], {"app": host}, of, all_controls(), date(2026, 1, 1))
    return {finding.control.id for finding in found if finding.status is status}


# Judging a snapshot


def test_a_clean_host_ends_with_0(judge_file: Judge) -> None:
    ended = judge_file(finished())
    assert (ended.code, ended.err) == (0, "")


def test_a_host_with_gaps_ends_with_1(judge_file: Judge) -> None:
    assert judge_file(snapshot()).code == 1


def test_a_host_that_could_not_be_judged_ends_with_3(judge_file: Judge) -> None:
    assert judge_file(finished().model_copy(update={"sshd": Unreadable(unreadable="x")})).code == 3


def test_a_host_whose_gaps_are_all_exempt_ends_with_0(judge_file: Judge) -> None:
    assert judge_file(snapshot(), site=SITE + EXEMPT).code == 0


def test_exempt_controls_are_shown_with_their_reason(judge_file: Judge) -> None:
    exempt = with_status(finished(), Status.EXEMPT, SITE + EXEMPT)
    assert judge_file(finished(), site=SITE + EXEMPT).out.count("we chose to") == len(exempt) > 0


def test_an_expired_exception_ends_with_1(judge_file: Judge) -> None:
    text = SITE + EXEMPT.replace('to" }', 'to", until = 2020-01-01 }')
    assert judge_file(finished(), site=text).code == 1


def test_a_person_reads_every_control(judge_file: Judge) -> None:
    out = judge_file(snapshot()).out
    hidden = {control.id for control in host_controls() if control.id not in out}
    assert hidden == with_status(snapshot(), Status.NOT_APPLICABLE) >= {"sudo.password"}


def test_more_is_shown_to_who_asks_for_it(judge_file: Judge) -> None:
    assert "sudo.password" in judge_file(snapshot(), "--verbose").out


def test_a_program_reads_json(judge_file: Judge) -> None:
    found = json.loads(judge_file(snapshot(), "--format", "json").out)
    assert [host["name"] for host in found["hosts"]] == ["app"]


def test_a_dashboard_reads_sarif(judge_file: Judge) -> None:
    ended = judge_file(snapshot(), "--format", "sarif")
    (found,) = json.loads(ended.out)["runs"]
    assert (ended.code, found["invocations"][0]["exitCode"]) == (1, 1)
    assert {result["ruleId"] for result in found["results"]} <= {c.id for c in all_controls()}


def test_continuous_integration_reads_junit(judge_file: Judge) -> None:
    ended = judge_file(snapshot(), "--format", "junit")
    assert (ended.code, ended.out.startswith("<?xml ")) == (1, True)
    assert ended.out.count("<testcase ") == len(host_controls())


def test_an_audit_is_kept(judge_file: Judge, tmp_path: Path) -> None:
    printed = json.loads(judge_file(snapshot(), "--format", "json").out)
    (kept,) = (tmp_path / ".holdfast" / "runs").iterdir()
    assert kept.name.endswith("-audit.json")
    assert json.loads(kept.read_text()) == printed


def test_the_site_file_of_the_current_folder_is_the_default(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("holdfast.toml").write_text(SITE)
    Path("app.json").write_text(finished().model_dump_json())
    code = main(["audit", "app", "--from", "app.json"])
    assert (code, capsys.readouterr().err) == (0, "")


def test_the_output_goes_into_a_file(judge_file: Judge, tmp_path: Path) -> None:
    ended = judge_file(snapshot(), "--output", "out.txt")
    assert (ended.code, ended.out) == (1, "")
    assert "score" in (tmp_path / "out.txt").read_text()


def test_the_output_file_is_for_its_owner_alone(judge_file: Judge, tmp_path: Path) -> None:
    judge_file(snapshot(), "--output", "out.txt")
    assert stat.S_IMODE((tmp_path / "out.txt").stat().st_mode) == 0o600


def test_an_output_file_is_without_colours(judge_file: Judge, tmp_path: Path) -> None:
    judge_file(snapshot(), "--output", "out.txt")
    assert "\x1b" not in (tmp_path / "out.txt").read_text()


@pytest.mark.parametrize("format_", ["text", "json", "sarif", "junit"])
def test_what_a_hostile_snapshot_says_is_shown_escaped(judge_file: Judge, format_: str) -> None:
    seen = snapshot(
        release=Unreadable(unreadable="\x1b[2J"), sshd=Unreadable(unreadable="\x1b\u202e")
    )
    ended = judge_file(seen, "--format", format_)
    assert not {"\x1b", "\u202e"} & set(ended.out + ended.err)


# A host that nothing answers on


def about_app(ended: Ended) -> list[str]:
    return [line for line in (ended.out + ended.err).splitlines() if "unreachable: " in line]


@pytest.mark.parametrize(
    "argv", [["audit"], ["plan"], ["apply", "--yes"], ["undo", "app", "--yes"]]
)
def test_a_host_that_cannot_be_reached_ends_with_3(run: Run, argv: list[str]) -> None:
    assert run(*argv, site=ONE_HOST).code == 3


@pytest.mark.parametrize(
    "argv", [["audit"], ["plan"], ["apply", "--yes"], ["undo", "app", "--yes"]]
)
def test_a_host_that_cannot_be_reached_is_one_line(run: Run, argv: list[str]) -> None:
    assert len(about_app(run(*argv, site=ONE_HOST))) == 1


def test_a_host_that_cannot_be_reached_proves_nothing(run: Run) -> None:
    ended = run("prove", "--format", "json", site=ONE_HOST)
    outcomes = {attack["outcome"] for attack in json.loads(ended.out)["attacks"]}
    assert (ended.code, outcomes) == (3, {"inconclusive"})


def test_what_prove_found_has_these_keys(run: Run) -> None:
    found = json.loads(run("prove", "--format", "json", site=ONE_HOST).out)
    keys = {"attack", "control", "host", "vantage", "outcome", "evidence"}
    assert [set(attack) for attack in found["attacks"]] == [keys] * len(found["attacks"])
    assert set(found) == {"attacks"}


def test_attacks_are_told_to_a_dashboard(run: Run) -> None:
    ended = run("prove", "--format", "sarif", site=ONE_HOST)
    (found,) = json.loads(ended.out)["runs"]
    assert {result["kind"] for result in found["results"]} == {"open"}
    assert found["invocations"][0]["exitCode"] == ended.code == 3


def test_attacks_are_told_to_continuous_integration(run: Run) -> None:
    out = run("prove", "--format", "junit", site=ONE_HOST).out
    assert 0 < out.count("<testcase ") == out.count("<error ")


def test_only_attacks_that_harm_nothing_run_unasked(run: Run) -> None:
    found = json.loads(run("prove", "--format", "json", site=ONE_HOST).out)
    names = [attack["attack"] for attack in found["attacks"]]
    assert "firewall.inbound/every-port" not in names


def test_every_attack_runs_when_asked_for(run: Run) -> None:
    argv = ["prove", "--format", "json", "--disruptive", "--yes"]
    names = [attack["attack"] for attack in json.loads(run(*argv, site=ONE_HOST).out)["attacks"]]
    assert "firewall.inbound/every-port" in names


def test_the_database_is_not_attacked_on_an_application_host(run: Run) -> None:
    found = json.loads(run("prove", "--format", "json", site=ONE_HOST).out)
    assert "provisioning.separate/database" not in [attack["attack"] for attack in found["attacks"]]


def test_a_plan_for_programs_names_what_failed(run: Run) -> None:
    found: dict[str, Any] = json.loads(run("plan", "--format", "json", site=ONE_HOST).out)
    assert [failure["name"] for failure in found["failures"]] == ["app"]


# Hosts as the fleet would read them


@pytest.fixture
def read_as(monkeypatch: pytest.MonkeyPatch) -> Callable[[Snapshot], None]:
    """Has every host be read as this snapshot, without a connection."""

    def use(seen: Snapshot) -> None:
        async def read(fleet: Fleet, host: str) -> Snapshot:
            return seen

        monkeypatch.setattr(Fleet, "snapshot", read)

    return use


ReadAs = Callable[[Snapshot], None]


def test_a_plan_with_changes_ends_with_1(run: Run, read_as: ReadAs) -> None:
    read_as(snapshot())
    assert run("plan", "app").code == 1


def test_a_plan_without_changes_ends_with_0(run: Run, read_as: ReadAs) -> None:
    read_as(finished())
    ended = run("plan", "app")
    assert (ended.code, ended.out.splitlines()[-2]) == (0, "0 changes")


def test_a_plan_counts_the_changes_of_all_hosts(run: Run, read_as: ReadAs) -> None:
    read_as(snapshot())
    out = run("plan").out
    each = [int(line.split()[1]) for line in out.splitlines() if line.endswith("widen")]
    assert out.splitlines()[-2] == f"{sum(each)} changes"


def test_a_plan_for_programs_has_this_shape(run: Run, read_as: ReadAs) -> None:
    read_as(snapshot())
    found = json.loads(run("plan", "app", "--format", "json").out)
    assert found["site"] == "todo"
    (host,) = found["hosts"]
    assert (host["name"], host["phase"]) == ("app", "widen")
    assert set(host["changes"][0]) == {"title", "resource", "diff"}
    assert set(host["later"][0]) == {"resource", "key", "value", "phase"}


def test_a_plan_names_who_loses_a_login(run: Run, read_as: ReadAs) -> None:
    keys = {"/home/bob/.ssh/authorized_keys": file(f"{key_line('bob')}\n", 0o600, "bob")}
    bob = account(1001, home="/home/bob", shell="/bin/bash", key_files=keys)
    read_as(snapshot(accounts={"root": account(0), "bob": bob}))
    assert "these accounts lose their login: bob" in run("plan", "app").out


STORED = SITE.replace("[hosts.app]", 'sudo_password = "env:SUDO_PASSWORD_OF_ALICE"\n[hosts.app]', 1)


@pytest.mark.parametrize("verb", ["audit", "plan"])
@pytest.mark.parametrize("format_", ["text", "json"])
def test_no_secret_is_shown_or_kept(
    run: Run,
    read_as: ReadAs,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    verb: str,
    format_: str,
) -> None:
    monkeypatch.setenv("SUDO_PASSWORD_OF_ALICE", "correct horse")
    read_as(snapshot())
    ended = run(verb, "app", "--format", format_, "--verbose", site=STORED)
    kept = [path.read_text() for path in (tmp_path / ".holdfast").rglob("*.json")]
    assert "correct horse" not in "".join([ended.out, ended.err, *kept])


@pytest.mark.parametrize("evil", ["\x1b[2J", "\r", "\u202e", "\x9b"])
@pytest.mark.parametrize("verb", ["audit", "plan"])
@pytest.mark.parametrize("format_", ["text", "json"])
def test_nothing_hostile_of_a_host_is_printed(
    run: Run, read_as: ReadAs, evil: str, verb: str, format_: str
) -> None:
    keys = {f"/home/{evil}/.ssh/authorized_keys": file(f"{evil}\n", 0o600, "alice")}
    alice = account(1000, home=f"/home/{evil}", shell="/bin/bash", key_files=keys)
    eve = account(1001, shell=f"/bin/{evil}", groups=("sudo",), password="set")
    read_as(snapshot(accounts={"root": account(0), "alice": alice, f"eve{evil}": eve}))
    ended = run(verb, "app", "--format", format_)
    assert evil not in ended.out + ended.err


class Terminal(io.StringIO):
    """Somebody at a terminal, who types this."""

    def isatty(self) -> bool:
        return True


def test_who_declines_a_plan_has_nothing_changed(
    run: Run, read_as: ReadAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_as(snapshot())
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    ended = run("apply", "app")
    assert (ended.code, "not changed" in ended.out) == (1, True)


def test_who_is_asked_has_seen_the_plan(
    run: Run, read_as: ReadAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_as(snapshot())
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    ended = run("apply", "app")
    assert ended.err.index("create account alice") < ended.err.index("Change app?")


def test_what_a_program_reads_holds_no_question(
    run: Run, read_as: ReadAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_as(snapshot())
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    (host,) = json.loads(run("apply", "app", "--format", "json").out)["hosts"]
    assert (host["name"], host["exit"]) == ("app", 1)


def test_what_was_read_is_kept_to_be_judged_again(
    run: Run, read_as: ReadAs, tmp_path: Path
) -> None:
    read_as(finished())
    run("audit", "app")
    (kept,) = (tmp_path / ".holdfast" / "snapshots" / "app").iterdir()
    assert run("audit", "app", "--from", str(kept)).code == 0


OUTCOMES: list[tuple[set[Outcome], int]] = [
    ({Outcome.REPELLED}, 0),
    ({Outcome.REPELLED, Outcome.INCONCLUSIVE}, 3),
    ({Outcome.REPELLED, Outcome.SUCCEEDED}, 1),
    ({Outcome.INCONCLUSIVE, Outcome.SUCCEEDED}, 1),
]


@pytest.mark.parametrize(("outcomes", "code"), OUTCOMES)
def test_how_attacks_end_is_how_prove_ends(
    run: Run, monkeypatch: pytest.MonkeyPatch, outcomes: set[Outcome], code: int
) -> None:
    async def proven(*_: object) -> AsyncGenerator[Attempt]:
        for each in outcomes:
            yield Attempt("c.x/a", "c.x", "app", "outside", "try", each, "seen")

    monkeypatch.setattr("holdfast.cli.prove.prove", proven)
    assert run("prove", "app").code == code


# Secrets of the operator


def work(tmp_path: Path, text: str) -> Work:
    path = tmp_path / "holdfast.toml"
    path.write_text(text)
    return Work.load(argparse.Namespace(site=path, hosts=[], operator="alice"))


def test_a_secret_is_of_its_host(tmp_path: Path) -> None:
    of = work(tmp_path, STORED.replace("env:SUDO_PASSWORD_OF_ALICE", "command:echo pw-{host}"))

    async def both() -> list[str]:
        return [(await of.sudo_password(host)).reveal() for host in ("app", "db")]

    assert asyncio.run(both()) == ["pw-app", "pw-db"]


def test_a_secret_is_fetched_once_per_run(tmp_path: Path) -> None:
    script = tmp_path / "fetch"
    script.write_text(f"#!/bin/sh\necho fetched >> {tmp_path}/log\necho pw\n")
    script.chmod(0o700)
    of = work(tmp_path, STORED.replace("env:SUDO_PASSWORD_OF_ALICE", f"command:{script}"))

    async def thrice() -> None:
        await asyncio.gather(*(of.sudo_password("app") for _ in range(3)))

    asyncio.run(thrice())
    assert (tmp_path / "log").read_text() == "fetched\n"


def test_a_secret_that_nobody_can_be_asked_for_says_where_to_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(UsageError, match=r"^[^\n]*set admins\.alice\.sudo_password in [^\n]*$"):
        asyncio.run(work(tmp_path, SITE).sudo_password("app"))


def test_what_a_run_knows_is_not_in_its_repr(tmp_path: Path) -> None:
    of = work(tmp_path, STORED.replace("env:SUDO_PASSWORD_OF_ALICE", "command:echo pw-{host}"))
    asyncio.run(of.sudo_password("app"))
    assert "pw-app" not in repr(of)


# Errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x"), 2),
        (SiteError([Problem("holdfast.toml", 1, "site", "is missing")]), 2),
        (PlanConflict("x"), 2),
        (NothingToUndo("x"), 2),
        (FileNotFoundError(2, "No such file", "x"), 2),
        (SnapshotError("x"), 3),
        (CannotJudge("x"), 3),
        (Unreachable("x"), 3),
        (LoginRefused("x"), 3),
        (HandLost("x"), 3),
        (Reverted("x"), 4),
        (ExceptionGroup("several", [Reverted("x")]), 4),
        (ExceptionGroup("several", [ExceptionGroup("inner", [Unreachable("x")])]), 3),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_every_error_has_its_exit_code(error: Exception, code: int) -> None:
    assert told(error)[0] == code


def test_an_unfinished_apply_found_something() -> None:
    assert told(Unfinished("x"))[0] == 1


def test_an_error_of_the_system_names_its_file() -> None:
    assert told(FileNotFoundError(2, "No such file", "x.json"))[1] == "x.json: No such file"


def test_a_defect_asks_to_be_reported() -> None:
    code, line = told(KeyError("x"))
    assert (code, line) == (2, "a defect of Holdfast, please report it: KeyError: 'x'")


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"holdfast {__version__}\n"
