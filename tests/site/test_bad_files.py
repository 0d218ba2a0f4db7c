"""Every kind of mistake in a site file, with the line and the words that a person is given."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

MISTAKES = tomllib.loads((Path(__file__).parent / "mistakes.toml").read_text())["mistake"]


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake["says"] for mistake in MISTAKES])
def test_a_mistake_is_named_with_its_line(
    mistake: dict[str, str], changed: Callable[..., str], refusal: Callable[[str], str]
) -> None:
    text = changed((mistake["instead_of"], mistake["is_written"]))
    told = refusal(text).splitlines()
    assert any(line.startswith(f"holdfast.toml:{mistake['says']}") for line in told), told


def test_one_key_for_two_admins_is_refused(
    example: str, changed: Callable[..., str], refusal: Callable[[str], str]
) -> None:
    line = next(line for line in example.splitlines() if line.startswith("keys ="))
    text = changed(("[hosts.app]", f"[admins.bob]\n{line}\n[hosts.app]"))
    assert "12: admins.bob.keys[0]: this is also alice's key; give each" in refusal(text)


def test_hosts_without_an_admin_are_refused(refusal: Callable[[str], str]) -> None:
    text = """[site]
name = "todo"
domain = "todo.example.com"
[hosts.app]
roles = ["app"]
address = "203.0.113.10"
"""
    assert refusal(text) == (
        "holdfast.toml:4: hosts: no admin may log in to the hosts; add [admins.NAME] with keys"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (('serve = "proxy"', 'serve = "direct"'), '"apache" needs Apache in front'),
        (('server = "apache"', 'server = "nginx"'), '"apache" does not go with nginx'),
    ],
)
def test_apaches_plug_in_needs_apache(
    changes: tuple[str, str],
    message: str,
    changed: Callable[..., str],
    refusal: Callable[[str], str],
) -> None:
    text = changed(changes, ('certificate = "acme"', 'certificate = "apache"'))
    assert f"40: apps.todo.certificate: {message}" in refusal(text)


def test_problems_are_given_in_the_order_of_the_file(
    changed: Callable[..., str], refusal: Callable[[str], str]
) -> None:
    text = changed(
        ("[8443]", "[0]"), ('roles = ["app"]', "roles = []"), ("daily = 7", 'daily = ""')
    )
    numbers = [line.split(":")[1] for line in refusal(text).splitlines()]
    assert numbers == ["12", "56", "60"]


def test_no_more_than_twenty_lines_are_given(refusal: Callable[[str], str]) -> None:
    lines = refusal("\n".join(f"wrong{number} = 1" for number in range(1000))).splitlines()
    assert len(lines) == 20
    assert lines[-1] == "holdfast.toml: there are more problems; mend these first"


def test_many_dangling_names_are_refused_within_seconds(
    example: str, refusal: Callable[[str], str]
) -> None:
    hosts = "".join(
        f'[hosts.h{number}]\nroles = ["app"]\naddress = "h{number}.example"\nthrough = "x"\n'
        for number in range(10_000)
    )
    assert len(refusal(example.replace("[hosts.app]", f"{hosts}[hosts.app]")).splitlines()) == 20


@pytest.mark.parametrize("text", ["x = " + "[\n" * 5000, "x = " + "[\n" * 50 + "]" * 50])
def test_nesting_without_end_is_refused(text: str, refusal: Callable[[str], str]) -> None:
    assert "stand too deep in one another" in refusal(text)


def test_a_line_without_end_is_refused(refusal: Callable[[str], str]) -> None:
    assert "2: the line is longer than 4096 characters" in refusal("\nx = 1" + "0" * 5000)
