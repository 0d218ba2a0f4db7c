"""Tokens of devices: each is its account's, and its site's, for half a year."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.gate.devices import KEPT, LIVES_S, LONGEST, Devices

NOW = 1_800_000_000.0
SITE = Devices(b"k" * 32, "https://example.org")


def test_a_device_is_known_to_the_account_it_signed_in_to() -> None:
    tokens = SITE.with_account("", "alice", NOW)
    assert SITE.known(tokens, "alice", NOW)
    assert SITE.known(tokens, "alice", NOW + LIVES_S - 1)


@pytest.mark.parametrize("account", ["", "bob", "Alice", "alice ", "alice\0", "\ud800"])
def test_it_is_not_known_to_another(account: str) -> None:
    assert SITE.known(SITE.with_account("", "alice", NOW), account, NOW) == ""


def test_it_is_forgotten_after_half_a_year_unless_it_is_used() -> None:
    tokens = SITE.with_account("", "alice", NOW)
    assert SITE.known(tokens, "alice", NOW + LIVES_S) == ""
    later = SITE.with_account(tokens, "alice", NOW + LIVES_S / 2)
    assert SITE.known(later, "alice", NOW + LIVES_S) == SITE.known(tokens, "alice", NOW)


def test_a_token_of_the_future_is_none() -> None:
    tokens = SITE.with_account("", "alice", NOW + 3600)
    assert SITE.known(tokens, "alice", NOW) == ""


@pytest.mark.parametrize(
    "other", [Devices(b"l" * 32, "https://example.org"), Devices(b"k" * 32, "https://example.com")]
)
def test_a_token_of_another_site_or_key_is_none(other: Devices) -> None:
    assert SITE.known(other.with_account("", "alice", NOW), "alice", NOW) == ""


def test_two_devices_have_two_names_and_so_two_budgets() -> None:
    assert len({SITE.known(SITE.with_account("", "a", NOW), "a", NOW) for _ in range(100)}) == 100


def test_a_browser_keeps_those_of_a_few_accounts_the_newest_first() -> None:
    tokens = ""
    for number in range(10):
        tokens = SITE.with_account(tokens, f"user{number}", NOW + number)
    known = [number for number in range(10) if SITE.known(tokens, f"user{number}", NOW + 10)]
    assert known == list(range(10 - KEPT, 10))
    assert len(tokens) <= LONGEST


@given(st.integers(0, 10_000), st.characters(codec="utf-8"))
def test_any_changed_byte_makes_it_nobodys(place: int, byte: str) -> None:
    tokens = SITE.with_account("", "alice", NOW)
    at = place % len(tokens)
    if tokens[at] != byte:
        assert SITE.known(tokens[:at] + byte + tokens[at + 1 :], "alice", NOW) == ""


@given(st.text(st.characters(), max_size=600))
def test_any_text_is_read_and_is_nobodys(text: str) -> None:
    assert SITE.known(text, "alice", NOW) == ""
    assert SITE.known(SITE.with_account(text, "alice", NOW), "alice", NOW)


def test_fields_cannot_be_shifted_into_one_another() -> None:
    name, issued, mac = SITE.with_account("", "alice1", NOW).split(".")
    assert SITE.known(f"1{name[:-1]}.{issued}.{mac}", "alice", NOW) == ""
    assert SITE.known(f"{name}.{issued}0.{mac}", "alice1", NOW) == ""
