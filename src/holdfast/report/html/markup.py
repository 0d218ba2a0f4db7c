"""HTML from elements that escape what they hold.

Text is text until an element makes it markup: there is no way to put a string into a document
unescaped except `Markup(…)`, which stands only where a literal of this package is meant. Control
characters and those that turn the direction of text are written out, as in a terminal.
"""

from __future__ import annotations

import html
from collections.abc import Iterable

from holdfast.site.errors import escaped

VOID = frozenset({"meta"})
LONGEST = 1200  # characters of one text that came from elsewhere


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Node = str | Iterable["Node"] | None


def el(tag: str, *children: Node, **attributes: str | float | None) -> Markup:
    """Return an element. `class_` is `class`, `aria_label` `aria-label`; None leaves one out."""
    names = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_text(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in VOID:
        return Markup(f"<{tag}{names}>")
    return Markup(f"<{tag}{names}>{join(children)}</{tag}>")


def join(nodes: Node) -> Markup:
    """Return nodes one after the other."""
    if nodes is None:
        return Markup("")
    if isinstance(nodes, Markup):
        return nodes
    if isinstance(nodes, str):
        return Markup(_text(nodes))
    return Markup("".join(map(join, nodes)))


def foreign(text: str, most: int = LONGEST) -> Markup:
    """Return text of a host or a file: cut to a length, and its direction kept to itself."""
    cut = len(text) - most
    return el("bdi", text if cut <= 0 else f"{text[:most]}… ({cut} characters more)")


def _text(text: str) -> str:
    return html.escape(escaped(text), quote=True)
