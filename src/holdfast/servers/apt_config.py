"""Holdfast's own piece of apt's configuration: the last file by name, so that it counts."""

from __future__ import annotations

import re
from collections.abc import Mapping

FILE = "/etc/apt/apt.conf.d/99holdfast"

_HEAD = "// Written by Holdfast."
_LINE = re.compile(r'(\S+) "([^"]*)";')


def render(settings: Mapping[str, str]) -> str:
    """Return the file's text; apt has no way to write a quote inside a value."""
    lines = [f'{key} "{value}";' for key, value in sorted(settings.items())]
    return "\n".join([_HEAD, *lines]) + "\n"


def parse(text: str) -> dict[str, str]:
    """Return the settings of a file that `render` wrote."""
    found = (_LINE.fullmatch(line.strip()) for line in text.split("\n"))
    return {match[1]: match[2] for match in found if match}
