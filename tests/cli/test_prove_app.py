"""`prove --app`, before anything is contacted."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.cli.main import main

SITE = """[site]
name = "todo"
domain = "example.com"
[admins.alice]
keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICBKFW7r5b1AxYCIJ30zkom+8tZaXKf9SoBkYTZ+5aGR a@b"]
[hosts.app]
roles = ["app"]
address = "192.0.2.1"
[apps.silent]
host = "app"
user = "silent"
names = ["silent.example.com"]
serve = "static"
[apps.open]
host = "app"
user = "open"
listen = "0.0.0.0:3000"
names = ["open.example.com"]
[apps.todo]
host = "app"
user = "todo"
listen = "127.0.0.1:3001"
names = ["todo.example.com"]
"""


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (
            ["--app", "shop"],
            'there is no application "shop" in the site; it has: silent, open, todo',
        ),
        (["--inside"], "--inside is for applications: name one with --app"),
        (["--app", "silent", "--inside"], "apps.silent has no listen"),
        (["--app", "silent", "@local"], "apps.silent has no listen"),
        (["--app", "open", "@local"], "what is attacked as @local listens on 127.0.0.1"),
        (["--app", "todo", "@local", "app"], "@local cannot be attacked from itself"),
        (["--app", "silent", "--disruptive"], "add --yes to go ahead"),
    ],
)
def test_what_cannot_be_done_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], wrong: str
) -> None:
    site = tmp_path / "holdfast.toml"
    site.write_text(SITE)
    assert main(["prove", *arguments, "--site", str(site)]) == 2
    assert wrong in capsys.readouterr().err
