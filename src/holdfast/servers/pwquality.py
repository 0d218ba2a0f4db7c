"""Holdfast's own piece of the rules for passwords, and how libpwquality puts all pieces together.

Source: pwquality.conf(5), pam_pwquality(8), and libpwquality's own reading of its files. Those of
pwquality.conf.d come first, by name; pwquality.conf comes after them and overrides; arguments of
the PAM module override both. A line that it does not understand ends the reading of all files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

MAIN = "/etc/security/pwquality.conf"
FOLDER = "/etc/security/pwquality.conf.d"
FILE = f"{FOLDER}/50-holdfast.conf"
MODULE = "pam_pwquality.so"
LONGEST_LINE = 1022  # bytes; libpwquality stops at a longer one

CREDITS = ("dcredit", "ucredit", "lcredit", "ocredit")
MOST_IN_A_ROW = ("maxrepeat", "maxclassrepeat", "maxsequence")
CHECKS = ("gecoscheck", "dictcheck", "usercheck", "enforcing")
NUMBERS = frozenset(("difok", "minlen", "minclass", "retry", *CREDITS, *MOST_IN_A_ROW, *CHECKS))
FLAGS = frozenset(("enforce_for_root", "local_users_only"))  # on where they stand, "= 0" or not
TEXTS = frozenset(("badwords", "dictpath"))

_HEAD = "# Written by Holdfast."
_SPACE = " \t\v\f\r"
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
_OPTION = re.compile(r"([^ \t\v\f\r=]*)[ \t\v\f\r]*=?[ \t\v\f\r]*(.*)", re.DOTALL)


def render(options: Mapping[str, str]) -> str:
    """Return the file's text; an option without value is a flag."""
    lines = [f"{key} = {value}" if value else key for key, value in sorted(options.items())]
    return "\n".join([_HEAD, *lines]) + "\n"


def parse(text: str) -> dict[str, str]:
    """Return the options of a file that are understood; the last line of an option counts."""
    found = (option_of(line) for line in text.split("\n"))
    return dict(option for option in found if option is not None and _understood(*option))


def option_of(line: str) -> tuple[str, str] | None:
    """Return what a line says, an option in lower case and its value; None if it says nothing."""
    found = _OPTION.fullmatch(line.partition("#")[0].strip(_SPACE))
    return (found[1].lower(), found[2]) if found is not None and found[0] else None


def read_in_order(texts: Mapping[str, str]) -> list[str]:
    """Return the paths of those files that libpwquality reads, as it reads them."""
    ordered = sorted(path for path in texts if path.startswith(FOLDER + "/"))
    return [*ordered, MAIN] if MAIN in texts else ordered


def read_after_ours(texts: Mapping[str, str]) -> list[str]:
    """Return the paths of those files whose options override ours."""
    return [path for path in read_in_order(texts) if path == MAIN or path > FILE]


def refused(texts: Mapping[str, str]) -> tuple[str, str] | None:
    """Return path and line at which libpwquality stops reading, None where it reads everything."""
    for path in read_in_order(texts):
        for line in texts[path].split("\n"):
            option = option_of(line)
            if too_long(line) or (option is not None and not _understood(*option)):
                return path, line
    return None


def too_long(line: str) -> bool:
    """Whether libpwquality stops at this line for its length alone."""
    return len(line.encode("utf-8", "surrogatepass")) > LONGEST_LINE


def combined(texts: Mapping[str, str], arguments: Iterable[str]) -> dict[str, str]:
    """Return what holds: files by their path, then the arguments of the module."""
    held: dict[str, str] = {}
    stop = refused(texts)
    for path in read_in_order(texts):
        lines = texts[path].split("\n")
        if stop is not None and stop[0] == path:
            held |= parse("\n".join(lines[: lines.index(stop[1])]))
            break
        held |= parse("\n".join(lines))
    return held | dict(_understood_arguments(arguments))


def _understood_arguments(arguments: Iterable[str]) -> Iterator[tuple[str, str]]:
    for argument in arguments:
        key, _, value = argument.partition("=")
        if _understood(key.lower(), value):
            yield key.lower(), value


def _understood(option: str, value: str) -> bool:
    if option in NUMBERS:
        return _NUMBER.fullmatch(value.lstrip(_SPACE)) is not None
    return option in FLAGS or option in TEXTS
