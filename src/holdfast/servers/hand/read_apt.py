"""How apt keeps the host up to date by itself, as apt understands its own configuration."""

from __future__ import annotations

import re
from typing import Dict, List, Optional

from .read_programs import CannotRead, Program, find

JUDGED = ("APT::Periodic::", "Unattended-Upgrade::")
MOST_SETTINGS = 200
MOST_VALUES = 100

MOST_CHARACTERS = 4096  # of a value

_LINE = re.compile(r'([^\s"]{1,256}) "(.*)";')


def ask_apt() -> Optional[Program]:
    """Start the question, where there is an apt to ask."""
    return Program("apt-config", "dump") if find("apt-config") is not None else None


def parse_dump(text: str) -> Dict[str, List[str]]:
    """Return the judged settings of `apt-config dump`, lists in their order. Raises CannotRead."""
    settings: Dict[str, List[str]] = {}
    for line in text.splitlines():
        found = _LINE.fullmatch(line.strip())
        if found is None or not found[1].startswith(JUDGED):
            continue
        listed = found[1].endswith("::")
        values = settings.setdefault(found[1].rstrip(":"), [])
        if listed:
            values.append(found[2])
        elif found[2]:
            values[:] = [found[2]]
        if len(values) > MOST_VALUES or len(settings) > MOST_SETTINGS:
            raise CannotRead("apt has too many settings for its own upgrades")
        if len(found[2]) > MOST_CHARACTERS:
            raise CannotRead(
                f"apt's setting {found[1]} is longer than {MOST_CHARACTERS} characters"
            )
    return settings


def apt_section(asked: Optional[Program]) -> Dict[str, object]:
    """Return apt's settings. Raises CannotRead."""
    if asked is None:
        raise CannotRead("there is no apt on this host")
    return {"settings": parse_dump(asked.succeeded())}
