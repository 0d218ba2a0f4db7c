"""Our own piece of sshd's configuration: what is written is read back, and edits are seen."""

from __future__ import annotations

import pytest
from building import site
from hypothesis import given
from hypothesis import strategies as st
from test_access import BEHIND

from holdfast.servers.restricted import settings
from holdfast.servers.sshd_config import as_written, parse, render

keywords = st.sampled_from(["PermitRootLogin", "LoginGraceTime", "AllowGroups", "X11Forwarding"])
inside = st.sampled_from(["PermitRootLogin", "ForceCommand", "AllowGroups"])
criteria = st.sampled_from(["User a", "User b", "User a Address 10.0.0.0/8", "Group c"])
keys = keywords | st.builds("{} {}".format, criteria, inside)
made = st.dictionaries(keys, st.sampled_from(["yes", "no", "30", "a b"]))


@given(made)
def test_what_is_written_is_read_back(of: dict[str, str]) -> None:
    assert parse(render(of)) == of


@given(made)
def test_what_is_written_has_the_form_that_is_written(of: dict[str, str]) -> None:
    assert as_written(render(of))
    assert render(parse(render(of))) == render(of)


@given(made, st.randoms())
def test_the_order_of_wants_does_not_matter(of: dict[str, str], chance: object) -> None:
    assert render(dict(reversed(of.items()))) == render(of)


@given(made.filter(lambda of: any(" " in key for key in of)), st.data())
def test_a_line_that_somebody_doubles_is_seen(of: dict[str, str], data: st.DataObject) -> None:
    lines = render(of).splitlines()
    at = data.draw(st.integers(1, len(lines) - 1))
    assert not as_written("\n".join([*lines[:at], lines[at], *lines[at:]]))


def test_blocks_of_accounts_stand_before_what_holds_for_all() -> None:
    text = render({"A": "1", "User b C": "2", "User a C": "3", "LoginGraceTime": "30"})
    assert text.splitlines()[1:] == [
        "LoginGraceTime 30",
        "Match User a",
        "    C 3",
        "Match User b",
        "    C 2",
        "Match all",
        "    A 1",
    ]


def test_nothing_makes_no_block() -> None:
    assert "Match" not in render({})
    assert as_written("# only a comment\n")


def test_comments_and_spaces_are_no_edit() -> None:
    assert as_written("# mine\n\nMatch all\n  A   1\n".replace("   ", " "))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Match all\n    A 1\n    A 2\n", {"A": "1"}),
        ("A 1\nMatch all\n    B 2\n", {"A": "1", "B": "2"}),
        ("A 1\nMatch all\n    A 2\n", {"A": "2"}),
        ("Match all\n    A 1\nMatch User a\n    A 2\n", {"A": "1", "User a A": "2"}),
    ],
    ids=["twice", "above", "above and in a block", "after what holds for all"],
)
def test_an_edit_is_told_from_what_we_write(text: str, found: dict[str, str]) -> None:
    """What counts for sshd counts here, so that writing the file anew changes no decision."""
    assert (as_written(text), parse(text)) == (False, found)


def test_a_block_of_somebody_else_is_read_as_one() -> None:
    text = "Match Address 10.0.0.0/8\n    A 1\nMatch all\n    A 2\n"
    assert parse(text) == {"Address 10.0.0.0/8 A": "1", "A": "2"}


def test_the_blocks_of_a_whole_site_are_read_back() -> None:
    fleet = site(BEHIND)
    for host in fleet.hosts.values():
        assert parse(render(settings(host, fleet))) == settings(host, fleet)
