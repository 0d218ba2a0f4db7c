"""Holdfast's own piece of the SSH server's configuration.

It stands first in `sshd_config.d`, in a `Match all` block: sshd takes the first value it meets, so
no later file and no later Match overrides it. Keywords that Match does not take stand above it.
"""

from __future__ import annotations

from collections.abc import Mapping

FILE = "/etc/ssh/sshd_config.d/00-holdfast.conf"

# Keywords of ours that sshd_config(5) does not list as allowed inside Match.
GLOBAL = frozenset(
    {
        "Ciphers",
        "HostKeyAlgorithms",
        "KexAlgorithms",
        "LoginGraceTime",
        "MACs",
        "PerSourcePenaltyExemptList",
        "RequiredRSASize",
        "StrictModes",
    }
)

_HEAD = "# Written by Holdfast; changes made here are seen as gaps."


def render(settings: Mapping[str, str]) -> str:
    """Return the file's text: global keywords, then the rest in a `Match all` block."""
    above = [f"{key} {settings[key]}" for key in sorted(settings) if key in GLOBAL]
    inside = [f"    {key} {settings[key]}" for key in sorted(settings) if key not in GLOBAL]
    return "\n".join([_HEAD, *above, "Match all", *inside]) + "\n"


def parse(text: str) -> dict[str, str]:
    """Return the settings of a file that `render` wrote, without comments and Match lines."""
    settings = {}
    for line in text.splitlines():
        key, _, value = line.strip().partition(" ")
        if key and not key.startswith("#") and key.lower() != "match":
            settings[key] = value.strip()
    return settings
