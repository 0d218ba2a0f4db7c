"""Elements escape what they hold, whatever it is."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.report.html.markup import LONGEST, Markup, el, foreign, join
from holdfast.site.errors import escaped


class Read(HTMLParser):
    """What a browser would make of it: tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text())
def test_text_stays_text(text: str) -> None:
    found = Read(el("p", text))
    assert (found.tags, found.text) == (["p"], escaped(text))


@given(st.text())
def test_an_attribute_stays_one(text: str) -> None:
    found = Read(el("p", title=text))
    assert (found.tags, found.attributes) == (["p"], [("title", escaped(text))])


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\r", "\n", "\u202e", "\u2066", "\ud800"])
def test_a_character_that_steers_is_written_out(character: str) -> None:
    assert character not in el("p", f"a{character}b")


def test_markup_is_not_escaped_twice() -> None:
    assert el("p", el("b", "a & b")) == "<p><b>a &amp; b</b></p>"


def test_what_is_put_together_from_markup_and_text_is_text_again() -> None:
    assert el("p", Markup("<b>") + "<i>") == "<p>&lt;b&gt;&lt;i&gt;</p>"


def test_nothing_is_nothing() -> None:
    assert join([None, [], ""]) == ""


def test_an_attribute_that_is_none_is_left_out() -> None:
    assert el("p", class_=None, aria_label="x") == '<p aria-label="x"></p>'


def test_an_element_that_holds_nothing_has_no_end() -> None:
    assert el("meta", charset="utf-8") == '<meta charset="utf-8">'


def test_foreign_text_is_cut_and_says_so() -> None:
    assert foreign("x" * (LONGEST + 7)).endswith("x… (7 characters more)</bdi>")
