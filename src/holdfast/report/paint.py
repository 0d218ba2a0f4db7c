"""Colour on a terminal, and never a control character that came from a host."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TextIO

from holdfast.site.errors import escaped

_CODES = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "dim": "2", "bold": "1"}


@dataclass(frozen=True)
class Paint:
    """Colours text if the output is a terminal and NO_COLOR is not set (no-color.org)."""

    colours: bool

    @classmethod
    def on(cls, stream: TextIO) -> Paint:
        return cls(stream.isatty() and not os.environ.get("NO_COLOR"))

    def __call__(self, colour: str, text: str) -> str:
        """Return the text, escaped, in this colour."""
        clean = escaped(text)
        return f"\x1b[{_CODES[colour]}m{clean}\x1b[0m" if self.colours else clean
