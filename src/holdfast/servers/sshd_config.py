"""Holdfast's own piece of the SSH server's configuration.

It stands first in `sshd_config.d`: keywords that Match does not take, then blocks for those who
differ, then a `Match all` block. sshd takes the first value it meets, so no later file and no
later Match overrides any of it.

A setting's key is its keyword, or `CRITERIA KEYWORD` where it stands in another block than
`Match all`: `User holdfast-audit ForceCommand`.
"""

from __future__ import annotations

from collections.abc import Mapping

FILE = "/etc/ssh/sshd_config.d/00-holdfast.conf"

# Keywords of ours that sshd_config(5) does not list as allowed inside Match.
GLOBAL = frozenset(
    {
        "Ciphers",
        "Compression",
        "HostKeyAlgorithms",
        "KexAlgorithms",
        "LoginGraceTime",
        "MACs",
        "PerSourcePenaltyExemptList",
        "RequiredRSASize",
        "StrictModes",
        "TCPKeepAlive",
    }
)

_HEAD = "# Written by Holdfast; changes made here are seen as gaps."
_ALL = "all"


def render(settings: Mapping[str, str]) -> str:
    """Return the file's text: global keywords, each block, and what holds for all last."""
    above: list[str] = []
    blocks: dict[str, list[str]] = {}
    for key in sorted(settings):
        criteria, _, keyword = key.rpartition(" ")
        if not criteria and keyword in GLOBAL:
            above.append(f"{keyword} {settings[key]}")
        else:
            lines = blocks.setdefault(criteria or _ALL, [])
            lines.append(f"    {keyword} {settings[key]}")
    for_all = {_ALL: blocks.pop(_ALL)} if _ALL in blocks else {}
    matches = [
        line
        for criteria, lines in [*sorted(blocks.items()), *for_all.items()]
        for line in (f"Match {criteria}", *lines)
    ]
    return "\n".join([_HEAD, *above, *matches]) + "\n"


def parse(text: str) -> dict[str, str]:
    """Return the settings of a file that `render` wrote, without comments.

    Of two lines with one key that counts which counts for sshd: the first, and one in a block
    before one outside. `as_written` tells that there was another.
    """
    inside: dict[str, str] = {}
    outside: dict[str, str] = {}
    block: str | None = None
    for line in _lines(text):
        keyword, _, value = line.partition(" ")
        if keyword.lower() == "match":
            block = " ".join(value.split())
        elif block is None:
            outside.setdefault(keyword, value.strip())
        else:
            criteria = "" if block.lower() == _ALL else f"{block} "
            inside.setdefault(f"{criteria}{keyword}", value.strip())
    return outside | inside


def as_written(text: str) -> bool:
    """Whether the file has the form that `render` gives it, comments aside."""
    return _lines(text) == _lines(render(parse(text)))


def _lines(text: str) -> list[str]:
    stripped = (line.strip() for line in text.splitlines())
    return [line for line in stripped if line and not line.startswith("#")]
