from __future__ import annotations

import argparse
import io
import os
import pty
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.cli import init
from holdfast.site import Role, Site, load_site, parse_site

PROGRAM = """
import argparse, sys
from holdfast.cli import init
parser = argparse.ArgumentParser()
init.add_parser(parser.add_subparsers())
args = parser.parse_args(sys.argv[1:])
sys.exit(args.run(args))
"""

ONE_HOST = ["app", "app", "203.0.113.10", "10.0.0.11"]
BEHIND_IT = ["db", "database, backup", "10.0.0.12", "10.0.0.12", "app"]
NO_MORE = [""]
CONTROLLERS = ["198.51.100.7 198.51.100.8"]
ANSWERS = ["todo", "todo.example.com", "alice", "1", *ONE_HOST, *BEHIND_IT, *NO_MORE, *CONTROLLERS]

Init = Callable[..., int]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with one key without passphrase, and no agent."""
    folder = tmp_path / "home"
    (folder / ".ssh").mkdir(parents=True)
    make_key(folder / ".ssh" / "id_ed25519")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return folder


@pytest.fixture
def site_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder / "holdfast.toml"


@pytest.fixture
def run_init(home: Path, site_file: Path, monkeypatch: pytest.MonkeyPatch) -> Init:
    """Runs `holdfast init` with these lines on its standard input."""

    def run(answers: list[str], *options: str) -> int:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in answers)))
        parser = argparse.ArgumentParser()
        init.add_parser(parser.add_subparsers())
        args = parser.parse_args(["init", *options])
        code = args.run(args)
        assert isinstance(code, int)
        return code

    return run


def make_key(file: Path, *, passphrase: str = "", kind: str = "ed25519") -> Path:
    command = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "alice@laptop"]
    subprocess.run([*command, "-f", str(file)], check=True)
    return file


def test_the_answers_become_a_site(run_init: Init, site_file: Path, home: Path) -> None:
    assert run_init(ANSWERS) == 0
    site = load_site(site_file)
    assert (site.name, site.domain) == ("todo", "todo.example.com")
    assert site.admins["alice"].keys[0].line == (home / ".ssh/id_ed25519.pub").read_text().strip()
    assert list(site.hosts) == ["app", "db"]
    assert site.hosts["db"].roles == (Role.DATABASE, Role.BACKUP)
    assert site.hosts["db"].through == "app"
    assert [str(network) for network in site.controllers] == ["198.51.100.7/32", "198.51.100.8/32"]


def test_the_file_is_readable_by_all_and_nothing_else_is_left(
    run_init: Init, site_file: Path
) -> None:
    run_init(ANSWERS)
    assert stat.S_IMODE(site_file.stat().st_mode) == 0o644
    assert [file.name for file in site_file.parent.iterdir()] == ["holdfast.toml"]


def test_another_file_can_be_named(run_init: Init, site_file: Path) -> None:
    other = site_file.with_name("other.toml")
    assert run_init(ANSWERS, "--site", str(other)) == 0
    assert load_site(other).name == "todo"
    assert not site_file.exists()


def test_what_comes_next_is_said(run_init: Init, capsys: pytest.CaptureFixture[str]) -> None:
    run_init(ANSWERS)
    said = capsys.readouterr().out
    assert "Host todo-db\n    HostName 10.0.0.12\n    User alice\n    ProxyJump todo-app\n" in said
    assert said.endswith("Next:\n    holdfast audit\n")


def test_the_agent_is_never_forwarded(run_init: Init, capsys: pytest.CaptureFixture[str]) -> None:
    run_init(ANSWERS)
    said = capsys.readouterr().out
    assert said.count("ForwardAgent no") == 2
    assert "ForwardAgent yes" not in said


def test_an_existing_file_is_kept(
    run_init: Init, site_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site_file.write_text("mine")
    assert run_init(ANSWERS) == 2
    assert site_file.read_text() == "mine"
    assert "it exists already; edit it, or name another file" in capsys.readouterr().err


def test_a_link_that_leads_nowhere_is_kept(run_init: Init, site_file: Path) -> None:
    site_file.symlink_to("/nowhere")
    assert run_init(ANSWERS) == 2
    assert site_file.is_symlink()


def test_a_file_made_in_the_meantime_is_kept(
    run_init: Init,
    site_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def meanwhile(text: str, *, path: Path) -> Site:
        site_file.write_text("theirs")
        return parse_site(text, path=path)

    monkeypatch.setattr(init, "parse_site", meanwhile)
    assert run_init(ANSWERS) == 2
    assert site_file.read_text() == "theirs"
    assert "it exists already" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_named_before_anything_is_asked(
    run_init: Init, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_init(ANSWERS, "--site", "absent/holdfast.toml") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "holdfast: absent/holdfast.toml: there is no such folder; "
        "make it, or name another with --site\n"
    )


@pytest.mark.parametrize("count", range(len(ANSWERS)))
def test_answers_that_end_early_leave_nothing(
    count: int, run_init: Init, site_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_init(ANSWERS[:count]) == 2
    assert list(site_file.parent.iterdir()) == []
    error = capsys.readouterr().err
    assert error.startswith("holdfast: the answers ended at “")
    assert error.endswith("”; nothing was written\n")


@pytest.mark.parametrize(
    ("place", "wrong", "reason"),
    [
        (0, "To Do", '"To Do" is not a site\'s name; use small letters'),
        (1, "to do.example", '"to do.example" is not a DNS name'),
        (2, "root", '"root" is an account or group of the system'),
        (3, "7", "there is no key of that number"),
        (3, "0", "there is no key of that number"),
        (3, "restrict ssh-ed25519 AAAA", "options stand in front of the key"),
        (4, "@local", "@local is reserved"),
        (5, "ap", '"ap" is not a role; did you mean "app"?'),
        (5, "", "an answer is needed"),
        (6, "203.0.113.300", "is neither a DNS name nor an IP address"),
        (7, "db.internal", '"db.internal" is not an IP address'),
        (8, "app", 'there is a host "app" already'),
        (10, "203.0.113.10", '"203.0.113.10" is host app\'s'),
        (11, "10.0.0.11", '"10.0.0.11" is host app\'s'),
        (12, "ap", 'there is no host "ap"; did you mean "app"?'),
        (14, "0.0.0.0/0", "is the whole internet"),
        (0, "\x1b[2J", '"\\x1b[2J" is not a site\'s name'),
    ],
)
def test_a_wrong_answer_is_asked_again_with_the_reason(
    place: int,
    wrong: str,
    reason: str,
    run_init: Init,
    site_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_init([*ANSWERS[:place], wrong, *ANSWERS[place:]]) == 0
    assert reason in capsys.readouterr().out
    assert load_site(site_file).hosts["db"].through == "app"


def test_wrong_answers_without_end_are_given_up(
    run_init: Init, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_init(["To Do"] * 1000) == 2
    assert "in 10 tries; nothing was written" in capsys.readouterr().err


def test_a_key_can_be_given_as_a_line(run_init: Init, site_file: Path, tmp_path: Path) -> None:
    line = make_key(tmp_path / "id").with_suffix(".pub").read_text().strip()
    run_init([*ANSWERS[:3], line, *ANSWERS[4:]])
    assert load_site(site_file).admins["alice"].keys[0].line == line


def test_several_keys_can_be_chosen(run_init: Init, site_file: Path, home: Path) -> None:
    make_key(home / ".ssh" / "work")
    run_init([*ANSWERS[:3], "2, 1", *ANSWERS[4:]])
    assert len(load_site(site_file).admins["alice"].keys) == 2


def test_a_private_key_is_never_repeated(
    run_init: Init, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    private = (home / ".ssh/id_ed25519").read_text().splitlines()
    assert run_init([*ANSWERS[:3], *private]) == 2
    said = capsys.readouterr()
    assert "this is a private key" in said.out
    assert not any(line in said.out + said.err for line in private)


def test_an_unusable_key_is_not_offered(
    run_init: Init, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / ".ssh/old.pub").write_text("ssh-dss AAAA old")
    assert run_init(ANSWERS) == 0
    assert f"Not offered: {home}/.ssh/old.pub: DSA keys are broken" in capsys.readouterr().out


def test_a_key_without_passphrase_is_noted_with_the_mend(
    run_init: Init, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_init(ANSWERS)
    said = capsys.readouterr().out
    assert f"the private key {home}/.ssh/id_ed25519 has no passphrase" in said
    assert f"ssh-keygen -p -f {home}/.ssh/id_ed25519\n" in said


def test_a_key_with_passphrase_is_not_noted(
    run_init: Init, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in (home / ".ssh").iterdir():
        file.unlink()
    make_key(home / ".ssh" / "id_ed25519", passphrase="hunter2")
    assert run_init(ANSWERS) == 0
    assert "has no passphrase" not in capsys.readouterr().out


def converse(command: list[str], answers: list[str]) -> tuple[int, str]:
    """Runs the command on a terminal of its own and answers each question when it is asked."""
    controller, terminal = pty.openpty()
    with subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        said = b""
        answered = 0
        while True:
            try:
                piece = os.read(controller, 4096)
            except OSError:  # the terminal's other end is closed
                break
            said += piece
            if said.endswith(b": ") and answered < len(answers):
                os.write(controller, answers[answered].encode() + b"\n")
                said += b"\n"
                answered += 1
    os.close(controller)
    return process.returncode, said.decode()


def test_a_person_at_a_terminal_is_asked(home: Path, site_file: Path) -> None:
    code, said = converse([sys.executable, "-c", PROGRAM, "init"], ANSWERS)
    assert code == 0, said
    assert list(load_site(site_file).hosts) == ["app", "db"]


def test_a_person_who_leaves_is_told_that_nothing_was_written(home: Path, site_file: Path) -> None:
    code, said = converse([sys.executable, "-c", PROGRAM, "init"], ["todo", "\x04"])
    assert code == 2
    assert "nothing was written" in said
    assert not site_file.exists()


def test_answers_that_are_not_utf8_are_refused(home: Path, site_file: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", PROGRAM, "init"],
        input=b"caf\xe9\n",
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 2
    assert b"Traceback" not in ended.stderr
    assert not site_file.exists()
