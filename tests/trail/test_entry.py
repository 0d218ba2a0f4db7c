"""What the trail records, and that hostile words do no harm in it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import settings as pace
from hypothesis import strategies as st

from holdfast.trail.entry import LONGEST_ENTRY, Entry, EntryError, decoded

anything = st.text(max_size=600)


@given(anything, anything, st.dictionaries(anything, anything, max_size=30))
@pace(max_examples=60, deadline=None)
def test_whatever_is_said_becomes_one_bounded_line(
    who: str, where: str, details: dict[str, str]
) -> None:
    data = Entry("sign-in.failed", who=who, where=where, details=details).encoded()
    assert data.isascii()
    assert data.decode().isprintable()
    assert len(data) <= LONGEST_ENTRY
    assert decoded(data).encoded() == data


def test_control_and_format_characters_are_replaced() -> None:
    read = decoded(Entry("a.b", who="x\r\n\x1b[2J\u202e\ud800y").encoded())
    assert read.who == "x\ufffd\ufffd\ufffd[2J\ufffd\ufffdy"


@pytest.mark.parametrize("what", ["", "signin", "Sign.in", "a.b\n", "a..b", "x" * 200, "a.b.c.d.e"])
def test_what_happened_has_a_name(what: str) -> None:
    with pytest.raises(EntryError, match=r"subject\.verb"):
        Entry(what).encoded()


WRONG = [b"", b"[]", b"{}", b"\xff", b"[" * 9999, json.dumps({"at": 1}).encode(), b"x" * 300_000]


@pytest.mark.parametrize("data", WRONG)
def test_what_is_no_entry_is_refused(data: bytes) -> None:
    with pytest.raises(EntryError):
        decoded(data)


def test_an_entry_holds_texts_only() -> None:
    read = json.loads(Entry("a.b").encoded())
    for field, value in (("who", 1), ("details", ["x"]), ("details", {"x": {}})):
        with pytest.raises(EntryError, match="texts only"):
            decoded(json.dumps(read | {field: value}).encode())
