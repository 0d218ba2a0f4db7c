"""The lines of a PAM service's file, as PAM reads them. Source: pam.d(5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

INCLUDE = "@include"
BINDING = ("required", "requisite")  # whoever fails one of these is refused in the end

_SPACE = " \t\v\f\r\n"
_WORD = re.compile(r"\[((?:[^\]\\]|\\.)*)\]|([^ \t\v\f\r\n]+)", re.DOTALL)
_FAILS = re.compile(r"\bdefault=(?:die|bad)\b")


@dataclass(frozen=True)
class PamLine:
    """One rule. `kind` is auth, account, password, session or @include, `text` the line itself.

    A rule that is continued over several lines has all of them in `text`.
    """

    kind: str
    control: str
    module: str
    arguments: tuple[str, ...]
    text: str

    @property
    def binding(self) -> bool:
        """Whether nobody gets past this module who fails it."""
        return self.control in BINDING or bool(_FAILS.search(self.control))


def parse(text: str) -> tuple[PamLine, ...]:
    """Return the rules of a file in their order; comments and what is no rule are left out."""
    return tuple(rule for line in _joined(text) if (rule := _rule(line)) is not None)


def _joined(text: str) -> Iterator[str]:
    held: list[str] = []
    for line in text.split("\n"):
        held.append(line)
        if not line.partition("#")[0].rstrip(_SPACE).endswith("\\"):
            yield "\n".join(held)
            held = []
    if held:
        yield "\n".join(held)


def _rule(text: str) -> PamLine | None:
    plain = " ".join(line.partition("#")[0].rstrip(_SPACE + "\\") for line in text.split("\n"))
    words = [inside or word for inside, word in _WORD.findall(plain)]
    if len(words) == 2 and words[0] == INCLUDE:
        return PamLine(INCLUDE, INCLUDE, words[1], (), text)
    if len(words) < 3:
        return None
    kind, control, module, *arguments = words
    name = module.rpartition("/")[2]
    return PamLine(kind.lstrip("-").lower(), control.lower(), name, tuple(arguments), text)
