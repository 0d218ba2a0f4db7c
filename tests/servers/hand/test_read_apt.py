"""apt's settings, from what `apt-config dump` prints."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.servers.hand.read_apt import MOST_SETTINGS, MOST_VALUES, apt_section, parse_dump
from holdfast.servers.hand.read_programs import CannotRead
from holdfast.servers.snapshot import Apt

PATTERNS = "Unattended-Upgrade::Origins-Pattern"
ENABLE = "APT::Periodic::Enable"


def test_settings_and_lists_are_read_in_their_order() -> None:
    text = f"""APT "";
APT::Architecture "amd64";
APT::Periodic "";
{ENABLE} "1";
Unattended-Upgrade "";
{PATTERNS} "";
{PATTERNS}:: "origin=Debian,label=Debian-Security";
{PATTERNS}:: "origin=Debian";
"""
    assert parse_dump(text) == {
        ENABLE: ["1"],
        PATTERNS: ["origin=Debian,label=Debian-Security", "origin=Debian"],
    }


@pytest.mark.parametrize(
    "key", ["APT::Periodic::enable", "apt::periodic::Enable", "APT::PERIODIC::ENABLE"]
)
def test_a_setting_is_the_same_however_it_is_spelled(key: str) -> None:
    assert parse_dump(f'{key} "0";\n') == {ENABLE: ["0"]}


def test_a_list_is_the_same_however_it_is_spelled() -> None:
    text = f'{PATTERNS.lower()} "";\n{PATTERNS.lower()}:: "a";\n{PATTERNS.upper()}:: "b";\n'
    assert parse_dump(text) == {PATTERNS: ["a", "b"]}


def test_a_member_of_a_list_may_have_a_name() -> None:
    assert parse_dump(f'{PATTERNS}::ours "a";\n{PATTERNS}:: "";\n') == {PATTERNS: ["a", ""]}


def test_an_empty_setting_has_no_value() -> None:
    assert parse_dump(f'{ENABLE} "";\n') == {ENABLE: []}


def test_a_value_may_hold_quotes() -> None:
    assert parse_dump(f'{ENABLE} "a "b" c";\n') == {ENABLE: ['a "b" c']}


@pytest.mark.parametrize(
    "line",
    [
        'Acquire::http::Proxy "http://user:password@proxy";',
        'XAPT::Periodic::Enable "1";',
        "APT::Periodic::Enable 1;",
        f'{ENABLE} "1"',
        f'// {ENABLE} "1";',
        "",
    ],
)
def test_what_is_not_judged_is_not_read(line: str) -> None:
    assert parse_dump(f"{line}\n") == {}


def test_more_values_than_a_snapshot_holds_are_not_read() -> None:
    line = f'{PATTERNS}:: "x";\n'
    assert len(parse_dump(line * MOST_VALUES)[PATTERNS]) == MOST_VALUES
    with pytest.raises(CannotRead):
        parse_dump(line * (MOST_VALUES + 1))


def test_more_settings_than_are_sensible_are_not_read() -> None:
    lines = [f'APT::Periodic::X{number} "1";\n' for number in range(MOST_SETTINGS + 1)]
    assert len(parse_dump("".join(lines[:-1]))) == MOST_SETTINGS
    with pytest.raises(CannotRead):
        parse_dump("".join(lines))


@pytest.mark.parametrize("value", ["x" * 4097, "0" * 5000])
def test_a_value_that_no_snapshot_holds_is_not_taken_for_none(value: str) -> None:
    with pytest.raises(CannotRead):
        parse_dump(f'{ENABLE} "{value}";\n')


def test_a_host_without_apt_cannot_be_judged() -> None:
    with pytest.raises(CannotRead, match="no apt"):
        apt_section(None)


lines = st.builds(
    "{}{} {}{};".format,
    st.sampled_from([ENABLE, PATTERNS, "APT::Periodic::", "Unattended-Upgrade::A"]),
    st.sampled_from(["", "::"]),
    st.sampled_from(['"', ""]),
    st.text(max_size=10).map(lambda text: f'{text}"'),
)


@given(st.lists(lines | st.text()).map("\n".join))
def test_whatever_is_printed_fits_into_a_snapshot(text: str) -> None:
    with contextlib.suppress(CannotRead):
        settings = {key: tuple(values) for key, values in parse_dump(text).items()}
        assert Apt(settings=settings).settings == settings
