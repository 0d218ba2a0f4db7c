"""Holdfast's own piece of the rules for passwords, and how libpwquality puts all pieces together.

Source: pwquality.conf(5), pam_pwquality(8). The files of pwquality.conf.d are read first, by name;
pwquality.conf comes after them and overrides; arguments of the PAM module override both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

MAIN = "/etc/security/pwquality.conf"
FOLDER = "/etc/security/pwquality.conf.d"
FILE = f"{FOLDER}/50-holdfast.conf"
MODULE = "pam_pwquality.so"

_HEAD = "# Written by Holdfast; changes made here are seen as gaps."


def render(options: Mapping[str, str]) -> str:
    """Return the file's text; an option without value is a flag."""
    lines = [f"{key} = {value}" if value else key for key, value in sorted(options.items())]
    return "\n".join([_HEAD, *lines]) + "\n"


def parse(text: str) -> dict[str, str]:
    """Return the options of a file; the last line of an option counts."""
    options = {}
    for line in text.splitlines():
        key, _, value = line.split("#")[0].partition("=")
        if key.strip():
            options[key.strip()] = value.strip()
    return options


def combined(texts: Mapping[str, str], arguments: Iterable[str]) -> dict[str, str]:
    """Return what holds: files by their path, then the arguments of the module."""
    pieces = [parse(texts[path]) for path in sorted(texts) if path.startswith(FOLDER + "/")]
    pieces.append(parse(texts.get(MAIN, "")))
    pieces += [parse(argument) for argument in arguments]
    return {key: value for piece in pieces for key, value in piece.items()}
