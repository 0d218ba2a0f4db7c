from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from holdfast.site import PublicKey, Refused, Role, Site, parse_site
from holdfast.site.first_site import FirstHost, FirstSite
from holdfast.site.ssh_config import ssh_config

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICBKFW7r5b1AxYCIJ30zkom+8tZaXKf9SoBkYTZ+5aGR"
HOSTS = (
    FirstHost("app", (Role.APP,), ("203.0.113.10", "2001:db8::10"), ("10.0.0.11",)),
    FirstHost("db", (Role.DATABASE, Role.BACKUP), ("10.0.0.12",), ("10.0.0.12",), "app"),
)


def loaded(first: FirstSite) -> Site:
    return parse_site(first.text(), path=Path("holdfast.toml"))


def first(comment: str = "alice@laptop") -> FirstSite:
    key = PublicKey.parse(f"{KEY} {comment}")
    return FirstSite("todo", "todo.example.com", "alice", (key,), HOSTS, ("198.51.100.7/32",))


def test_what_was_answered_is_loaded_again() -> None:
    site = loaded(first())
    assert list(site.hosts) == ["app", "db"]
    assert site.hosts["app"].addresses == ("203.0.113.10", "2001:db8::10")
    assert site.hosts["db"].roles == (Role.DATABASE, Role.BACKUP)
    assert site.hosts["db"].through == "app"
    assert [str(network) for network in site.controllers] == ["198.51.100.7/32"]


@given(st.text(max_size=60))
def test_every_comment_of_a_key_is_written_as_it_is(comment: str) -> None:
    try:
        described = first(comment)
    except Refused:
        return
    assert loaded(described).admins["alice"].keys[0].line == described.keys[0].line


def test_a_host_behind_another_is_reached_by_a_jump() -> None:
    config = ssh_config(loaded(first()), "alice", Path("/home/alice/.ssh/id"))
    assert (
        config
        == """\
Host todo-app
    HostName 203.0.113.10
    User alice
    IdentityFile "/home/alice/.ssh/id"
    IdentitiesOnly yes
    ForwardAgent no

Host todo-db
    HostName 10.0.0.12
    User alice
    ProxyJump todo-app
    IdentityFile "/home/alice/.ssh/id"
    IdentitiesOnly yes
    ForwardAgent no
"""
    )


def test_without_a_key_file_ssh_chooses() -> None:
    assert "Identit" not in ssh_config(loaded(first()), "alice")
