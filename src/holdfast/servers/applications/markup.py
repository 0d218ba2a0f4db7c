"""Tags and text of a page in one pass, whose time is that of its length.

A page that is attacked may fight back: html.parser and libraries that build a tree take time that
grows with the square of what is hostile enough (nested or never-ending tags), so that two megabytes
hang them. Nothing is nested here, and each character is looked at a bounded number of times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape

LONGEST_PAGE = 524_288  # characters; what is beyond is not read
LONGEST_TAG = 8192
NAME = re.compile(r"[A-Za-z][A-Za-z0-9:-]{0,40}")
MARK = re.compile(r"[\"'<>]")
ATTRIBUTE = re.compile(
    r"([^\s\"'<>/=]{1,100})(?:\s{0,9}=\s{0,9}(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'<>]+)))?"
)
UNSEEN = frozenset({"script", "style", "template", "noscript"})


@dataclass(frozen=True)
class Tag:
    """`name` is in small letters, with a slash before it where the tag ends an element."""

    name: str
    said: Mapping[str, str] = field(default_factory=dict)


def parts(page: str) -> Iterator[Tag | str]:
    """Yield the tags and the text of a page, in their order; scripts and styles have no text."""
    page = page[:LONGEST_PAGE]
    small = page.lower() if len(page.lower()) == len(page) else page
    at = 0
    while (begin := page.find("<", at)) >= 0:
        if begin > at:
            yield unescape(page[at:begin])
        at = begin + 1
        if page.startswith("!--", at):
            at = _after(page, "-->", at)
            continue
        closes = page.startswith("/", at)
        named = NAME.match(page, at + closes)
        if named is None:
            if page.startswith(("!", "?"), at):
                at = _after(page, ">", at)
            continue
        end = _end(page, named.end())
        at = min(end + 1, len(page)) if page[end : end + 1] == ">" else end
        name = named[0].lower()
        if closes:
            yield Tag(f"/{name}")
            continue
        yield Tag(name, _said(page[named.end() : end]))
        if name in UNSEEN:
            found = small.find(f"</{name}", at)
            at = found if found >= 0 else len(page)
    if at < len(page):
        yield unescape(page[at:])


def visible(page: str) -> str:
    """What a reader sees of a page, in one line."""
    return " ".join(" ".join(part for part in parts(page) if isinstance(part, str)).split())


def _after(page: str, mark: str, at: int) -> int:
    """Return where what follows the next mark begins; where there is none, the end."""
    found = page.find(mark, at)
    return found + len(mark) if found >= 0 else len(page)


def _end(page: str, at: int) -> int:
    """Return where a tag ends: at its `>`, at the next `<`, or after LONGEST_TAG."""
    last = min(at + LONGEST_TAG, len(page))
    while match := MARK.search(page, at, last):
        if match[0] in "<>":
            return match.start()
        closing = page.find(match[0], match.end(), last)
        if closing < 0:
            return match.end()
        at = closing + 1
    return last


def _said(text: str) -> dict[str, str]:
    said: dict[str, str] = {}
    for match in ATTRIBUTE.finditer(text):
        value = match[2] or match[3] or match[4] or ""
        said.setdefault(match[1].lower(), unescape(value))
    return said
