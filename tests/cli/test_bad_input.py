"""Whatever is wrong with a command, its site file or its snapshot: one line, and no contact."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from building import SITE as DOCUMENTED
from building import key_line, snapshot

from holdfast.cli.main import main
from holdfast.servers.snapshot import LARGEST_SNAPSHOT

# Should a contact be tried after all, then only of this machine.
SITE = DOCUMENTED.replace("203.0.113.10", "127.0.0.1").replace("203.0.113.11", "127.0.0.2")
VERBS = {
    "audit": ["audit"],
    "plan": ["plan"],
    "apply": ["apply", "--yes"],
    "undo": ["undo", "app", "--yes"],
    "prove": ["prove"],
}
TWO_ADMINS = SITE.replace("[hosts.app]", f'[admins.bob]\nkeys = ["{key_line("bob")}"]\n[hosts.app]')

_watching: list[tuple[str, Any]] | None = None


def _watch(event: str, arguments: Any) -> None:
    if _watching is not None and event in ("socket.connect", "socket.getaddrinfo"):
        _watching.append((event, arguments))


sys.addaudithook(_watch)  # the interpreter itself reports every connection that is tried


class Ended(NamedTuple):
    """How a command ended, and what it tried to connect to."""

    code: int
    out: str
    err: str
    contacts: list[tuple[str, Any]]


Run = Callable[..., Ended]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Runs a command where nobody is at the terminal and nobody's keys are."""
    global _watching
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("LOGNAME", "somebody-else")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.chdir(tmp_path)
    contacts: list[tuple[str, Any]] = []
    _watching = contacts
    known = [(verb,) for verb in VERBS]

    def command(*argv: str, site: str | None = SITE) -> Ended:
        file = tmp_path / "holdfast.toml"
        if site is not None:
            file.write_text(site)
        try:
            code = main([*argv, "--site", str(file)] if argv[:1] in known else argv)
        except SystemExit as left:  # argparse leaves this way
            code = int(str(left.code))
        shown = capsys.readouterr()
        return Ended(code, shown.out, shown.err, contacts)

    yield command
    _watching = None


def refused(ended: Ended, *words: str, code: int = 2) -> None:
    """One line on stderr with these words, and nothing else: no output and no connection."""
    assert ended.contacts == []
    assert (ended.code, ended.out) == (code, "")
    (line,) = ended.err.splitlines()
    assert line.startswith("holdfast: ")
    assert [word for word in words if word not in line] == []


# The site file

BAD_SITES = {
    "malformed": (SITE.replace("[site]", "[site"), ["holdfast.toml:2"]),
    "unknown key": (
        SITE.replace('\naddress = "127.0.0.1"', '\nadress = "x"\naddress = "10.9.9.9"'),
        ["hosts.app.adress", 'did you mean "address"?'],
    ),
    "unknown table": (f"{SITE}\n[firewall]\nopen = true\n", ["firewall: unknown key"]),
    "dangling name": (SITE.replace('from = ["app"]', 'from = ["web"]'), ["web"]),
    "private key": (
        SITE.replace(key_line("alice"), "-----BEGIN OPENSSH PRIVATE KEY-----"),
        ["a private key stands here"],
    ),
    "private key in a comment": (
        f"# -----BEGIN RSA PRIVATE KEY-----\n{SITE}",
        ["holdfast.toml:1", "a private key stands here"],
    ),
    "bad key": (SITE.replace(key_line("alice"), "ssh-ed25519 nonsense"), ["admins.alice.keys"]),
    "wrong type": (SITE.replace('address = "127.0.0.1"', "address = 7"), ["hosts.app.address"]),
    "control character": (SITE.replace('"todo.example.com"', '"\\u001b[2J"'), ["site.domain"]),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(("text", "words"), BAD_SITES.values(), ids=BAD_SITES)
def test_a_bad_site_file_stops_every_verb(run: Run, verb: str, text: str, words: list[str]) -> None:
    assert text != SITE
    refused(run(*VERBS[verb], site=text), "holdfast.toml", *words)


@pytest.mark.parametrize("verb", VERBS)
def test_a_missing_site_file_stops_every_verb(run: Run, verb: str) -> None:
    refused(run(*VERBS[verb], site=None), "holdfast.toml", "holdfast init makes one")


def test_a_private_key_is_not_repeated(run: Run) -> None:
    text = SITE.replace(key_line("alice"), "AGE-SECRET-KEY-1QQPQZRFR7ZXN9A8Z")
    assert "QQPQZRFR7" not in run("audit", site=text).err


def test_a_bad_site_file_leaves_no_trace(run: Run) -> None:
    run("audit", site=f"{SITE}\n[firewall]\n")
    assert not Path(".holdfast").exists()


def test_a_site_without_hosts_says_what_to_add(run: Run) -> None:
    refused(run("audit", site=SITE[: SITE.index("[hosts.app]")]), "[hosts.NAME]")


# Exceptions to controls


def excepted(control: str) -> str:
    return f'{SITE}\n[exceptions."{control}"]\nbecause = "we chose to"\n'


@pytest.mark.parametrize("verb", VERBS)
def test_a_misspelt_exception_stops_every_verb(run: Run, verb: str) -> None:
    words = ['exceptions."ssh.key-only"', "did you mean ssh.keys-only", "holdfast explain"]
    refused(run(*VERBS[verb], site=excepted("ssh.key-only")), "holdfast.toml", *words)


@pytest.mark.parametrize("control", ["ssh.keys-only", "ssh.second-factor"])
def test_an_exception_of_this_or_a_later_version_stops_nothing(
    run: Run, tmp_path: Path, control: str
) -> None:
    held = tmp_path / "app.json"
    held.write_text(snapshot().model_dump_json())
    assert run("audit", "app", "--from", str(held), site=excepted(control)).code == 1


def test_an_exception_to_nothing_is_told(run: Run, tmp_path: Path) -> None:
    held = tmp_path / "app.json"
    held.write_text(snapshot().model_dump_json())
    (line,) = run(
        "audit", "app", "--from", str(held), site=excepted("ssh.second-factor")
    ).err.splitlines()
    assert "note: " in line
    assert 'exceptions."ssh.second-factor": this version has no such control' in line


# Names on the command line


@pytest.mark.parametrize(
    "argv",
    [
        ["audit", "web"],
        ["plan", "web"],
        ["apply", "web", "--yes"],
        ["undo", "web", "--yes"],
        ["prove", "web"],
    ],
    ids=lambda argv: argv[0],
)
def test_a_host_that_the_site_does_not_have_is_refused(run: Run, argv: list[str]) -> None:
    refused(run(*argv), '"web"', "it has: app, db")


def test_one_unknown_host_among_known_ones_is_refused(run: Run) -> None:
    refused(run("audit", "app", "web"), '"web"')


def test_an_unknown_host_is_shown_without_what_steers_a_terminal(run: Run) -> None:
    refused(run("audit", "\x1b[2J\u202e"), "\\x1b[2J", "\\u202e")


@pytest.mark.parametrize("verb", VERBS)
def test_an_admin_that_the_site_does_not_have_is_refused(run: Run, verb: str) -> None:
    refused(run(*VERBS[verb], "--as", "eve"), '"eve"', "it has: alice")


@pytest.mark.parametrize("verb", VERBS)
def test_among_several_admins_one_has_to_say_who_one_is(run: Run, verb: str) -> None:
    refused(run(*VERBS[verb], site=TWO_ADMINS), "--as", "alice, bob")


def test_a_login_name_that_is_an_admins_says_who_one_is(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LOGNAME", "bob")
    held = tmp_path / "app.json"
    held.write_text(snapshot().model_dump_json())
    assert run("audit", "app", "--from", str(held), site=TWO_ADMINS).code == 1


# Agreement


@pytest.mark.parametrize(
    "argv", [["apply"], ["apply", "app"], ["undo", "app"], ["prove", "--disruptive"]]
)
def test_without_a_terminal_and_without_yes_nothing_begins(run: Run, argv: list[str]) -> None:
    refused(run(*argv), "add --yes")


class Terminal(io.StringIO):
    """Somebody at a terminal, who types this."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("typed", ["n\n", "\n", "", "nonsense\n"])
def test_who_does_not_agree_sees_nothing_begin(
    run: Run, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    ended = run("undo", "app")
    assert (ended.code, ended.contacts) == (1, [])


@pytest.mark.parametrize("typed", ["y\n", "Yes\n", " YES \n"])
def test_who_agrees_sees_it_begin(run: Run, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert run("undo", "app").contacts != []


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["explode"],
        ["undo"],
        ["audit", "--format", "xml"],
        ["plan", "--format", "sarif"],
        ["apply", "--yes", "--format", "junit"],
        ["undo", "app", "--yes", "--format", "sarif"],
        ["explain", "--format", "junit"],
        ["audit", "--surprise"],
        ["audit", "--first-login", "debian; id"],
        ["apply", "--confirm-within", "1"],
        ["apply", "--confirm-within", "4000"],
        ["apply", "--confirm-within", "nan"],
        ["apply", "--confirm-within", "soon"],
    ],
    ids=" ".join,
)
def test_a_command_that_does_not_exist_is_refused(run: Run, argv: list[str]) -> None:
    ended = run(*argv)
    assert (ended.code, ended.out, ended.contacts) == (2, "", [])
    assert "Traceback" not in ended.err


# Snapshots from a file

WHOLE = snapshot().model_dump_json()
BAD_SNAPSHOTS: dict[str, tuple[bytes, str]] = {
    "newer": (json.dumps({**json.loads(WHOLE), "version": 2}).encode(), "use a newer Holdfast"),
    "truncated": (WHOLE[: len(WHOLE) // 2].encode(), "cut short"),
    "empty": (b"", "not whole JSON"),
    "not JSON": (b"hello", "not whole JSON"),
    "other JSON": (b"[]", "not a snapshot"),
    "not text": (b"\x80\xff", "not whole JSON"),
    "huge": (b" " * (LARGEST_SNAPSHOT + 1), "larger than"),
    "damaged": (WHOLE.replace('"privileged":true', '"privileged":7').encode(), "privileged"),
    "surprising": (b'{"evil\\u001b[2J": 1, ' + WHOLE[1:].encode(), "evil"),
}


@pytest.mark.parametrize(("data", "words"), BAD_SNAPSHOTS.values(), ids=BAD_SNAPSHOTS)
def test_a_bad_snapshot_cannot_be_judged(run: Run, tmp_path: Path, data: bytes, words: str) -> None:
    held = tmp_path / "app.json"
    held.write_bytes(data)
    refused(run("audit", "app", "--from", str(held)), words, code=3)


def test_a_missing_snapshot_is_named(run: Run) -> None:
    refused(run("audit", "app", "--from", "nowhere.json"), "nowhere.json")


def test_a_folder_is_no_snapshot(run: Run, tmp_path: Path) -> None:
    refused(run("audit", "app", "--from", str(tmp_path)), str(tmp_path))


def test_a_snapshot_is_of_one_host(run: Run, tmp_path: Path) -> None:
    held = tmp_path / "app.json"
    held.write_text(WHOLE)
    refused(run("audit", "--from", str(held)), "app, db")


def test_judging_a_snapshot_contacts_nobody(run: Run, tmp_path: Path) -> None:
    held = tmp_path / "app.json"
    held.write_text(WHOLE)
    ended = run("audit", "app", "--from", str(held))
    assert (ended.code, ended.contacts) == (1, [])


def test_an_output_that_cannot_be_written_is_named(run: Run, tmp_path: Path) -> None:
    held = tmp_path / "app.json"
    held.write_text(WHOLE)
    refused(run("audit", "app", "--from", str(held), "--output", "nowhere/out.txt"), "nowhere")


def test_a_contact_would_have_been_seen(run: Run) -> None:
    assert run("audit", "app").contacts != []
