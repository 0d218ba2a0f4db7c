"""How apt keeps the host up to date by itself, as apt understands its own configuration.

To apt `apt::periodic::enable` and `APT::Periodic::Enable` are one setting, and it prints whichever
it met first; here each has the spelling that its manual gives it.
"""

from __future__ import annotations

import re
from typing import Dict, List, Optional, Tuple

from .read_programs import CannotRead, Program, find

JUDGED = ("APT::Periodic::", "Unattended-Upgrade::")
LISTS = (
    "Unattended-Upgrade::Allowed-Origins",
    "Unattended-Upgrade::Origins-Pattern",
    "Unattended-Upgrade::Package-Blacklist",
    "Unattended-Upgrade::Package-Whitelist",
    "Unattended-Upgrade::Update-Days",
)
SETTINGS = (
    "APT::Periodic::Enable",
    "APT::Periodic::Unattended-Upgrade",
    "APT::Periodic::Update-Package-Lists",
    "Unattended-Upgrade::Mail",
    "Unattended-Upgrade::MailReport",
)
MOST_SETTINGS = 200
MOST_VALUES = 100

MOST_CHARACTERS = 4096  # of a value

_LINE = re.compile(r'([^\s"]{1,256}) "(.*)";')
_SPELLED = {key.casefold(): key for key in (*LISTS, *SETTINGS)}
_JUDGED = tuple(key.casefold() for key in JUDGED)


def ask_apt() -> Optional[Program]:
    """Start the question, where there is an apt to ask."""
    return Program("apt-config", "dump") if find("apt-config") is not None else None


def parse_dump(text: str) -> Dict[str, List[str]]:
    """Return the judged settings of `apt-config dump`, lists in their order. Raises CannotRead."""
    settings: Dict[str, List[str]] = {}
    for line in text.splitlines():
        found = _LINE.fullmatch(line.strip())
        if found is None or not found[1].casefold().startswith(_JUDGED):
            continue
        key, listed = _key(found[1])
        values = settings.setdefault(key, [])
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


def _key(printed: str) -> Tuple[str, bool]:
    """Return a setting's name and whether this is one value among others of a list."""
    folded = printed.casefold()
    for name in LISTS:
        if folded.startswith(f"{name.casefold()}::"):  # a member of a list may have a name too
            return name, True
    key = printed.rstrip(":")
    return _SPELLED.get(key.casefold(), key), printed.endswith("::")


def apt_section(asked: Optional[Program]) -> Dict[str, object]:
    """Return apt's settings. Raises CannotRead."""
    if asked is None:
        raise CannotRead("there is no apt on this host")
    return {"settings": parse_dump(asked.succeeded())}
