"""What a person is called, in the one form in which it is compared."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from holdfast.accounts.people.names import folded, folded_address, folded_name

NAMES = {"Ada": "ada", "a1": "a1", "x.y-z_0": "x.y-z_0", "A" * 60: "a" * 60}
NO_NAMES = [
    "",
    "a",
    "-a",
    "a-",
    "a b",
    "a@b",
    "аda",
    "ａda",
    "İda",
    "ada\n",
    "\nada",
    "a" * 61,
    "a\0b",
]
ADDRESSES = {
    "Ada@Example.ORG": "ada@example.org",
    " ada@example.org ": "ada@example.org",
    "ada+tag@example.org": "ada+tag@example.org",
    "ada@bücher.example": "ada@xn--bcher-kva.example",
    "ada@BÜCHER.example": "ada@xn--bcher-kva.example",
}
NO_ADDRESSES = [
    *("", "ada", "@example.org", "ada@", "ada@localhost@", "ａda@example.org", "a da@example.org"),
    *("ada@example.org\nBcc: x@y.z", f"{'a' * 250}@example.org", "ada@exa mple.org", "аda@x.org"),
]


@pytest.mark.parametrize(("text", "name"), NAMES.items())
def test_a_name_is_compared_in_small_letters(text: str, name: str) -> None:
    assert (folded_name(text), folded(text)) == (name, name)


@pytest.mark.parametrize("text", NO_NAMES)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        folded_name(text)
    assert folded(text) == ""


@pytest.mark.parametrize(("text", "address"), ADDRESSES.items())
def test_an_address_has_one_form(text: str, address: str) -> None:
    assert (folded_address(text), folded(text)) == (address, address)


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        folded_address(text)
    assert folded(text) == "" or "@" not in text


@given(st.text(max_size=80))
def test_the_form_is_plain_and_stays_as_it_is(text: str) -> None:
    once = folded(text)
    assert once.isascii()
    assert once == once.lower()
    assert folded(once) == once
