"""`holdfast lab` as it is typed; what needs servers is tested with the lab itself."""

from __future__ import annotations

import argparse

import pytest

from holdfast.cli.lab import add_parser, parse_host, table
from holdfast.lab import HostSpec, HostStatus, LabError


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    return parser.parse_args(["lab", *words])


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("web:bookworm", HostSpec("web", "bookworm")),
        ("db:trixie:database", HostSpec("db", "trixie", ("database",))),
        ("one:trixie:app+database", HostSpec("one", "trixie", ("app", "database"))),
    ],
)
def test_a_host_is_read_from_its_word(text: str, spec: HostSpec) -> None:
    assert parse_host(text) == spec


@pytest.mark.parametrize("text", ["web", "web:bookworm:app:more", ""])
def test_a_word_that_is_no_host_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(LabError, match="such as app:bookworm:app"):
        parse_host(text)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("up", "web:buster"), "'buster' is no release; choose bookworm, trixie"),
        (("up", "web:trixie:mail"), "'mail' is no role; choose app, database, backup, outsider"),
        (("up", "Web:trixie"), "'Web' is no name for a host"),
        (("up", "web:trixie", "web:trixie"), "two hosts are named web"),
        (("up", "--name", "../x"), "'../x' is no name for a lab"),
        (("up", "--slot", "100"), "slot 100 does not exist"),
        (("shell", "web", "--name", "not-there"), "has no host 'web'; it is down"),
    ],
)
@pytest.mark.usefixtures("needs_root")
def test_a_wrong_word_ends_in_one_line_and_2(
    words: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    args = parsed(*words)
    assert args.run(args) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1


def test_anybody_but_root_is_told_to_use_sudo(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    for words in (("up",), ("down",), ("down", "--all"), ("status",)):
        args = parsed(*words)
        assert args.run(args) == 2
        assert "run it with sudo" in capsys.readouterr().err


def test_the_table_has_a_line_for_each_host() -> None:
    host = HostStatus(
        lab="default",
        slot=0,
        name="db",
        release="trixie",
        roles=("database",),
        public="10.77.0.12",
        private="10.78.0.12",
        running=False,
    )
    lines = table([host]).splitlines()
    assert lines[0].split() == ["lab", "host", "release", "roles", "public", "private", "state"]
    assert lines[1].split() == [
        *("default", "db", "trixie", "database", "10.77.0.12", "10.78.0.12", "off")
    ]
