"""The lines of a PAM service's file, as PAM reads them. Source: pam.d(5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

INCLUDE = "@include"
BINDING = ("required", "requisite")  # whoever fails one of these is refused in the end
GOOD = ("success", "new_authtok_reqd", "ignore")  # what a module returns that refuses nobody
REFUSING = ("bad", "die")
GOING_ON = (*REFUSING, "ok", "ignore", "reset")  # neither `done` nor a number of rules to skip

_SPACE = " \t\v\f\r\n"
_WORD = re.compile(r"\[((?:[^\]\\]|\\.)*)\]|([^ \t\v\f\r\n]+)", re.DOTALL)
_ACTION = re.compile(r"([a-z_]+)\s*=\s*([^\s=]+)")


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
        failing = [(value, action) for value, action in self.actions if value not in GOOD]
        named = any(value == "default" for value, _ in failing)
        refusing = named and all(action in REFUSING for _, action in failing)
        return self.control in BINDING or refusing

    @property
    def goes_on(self) -> bool:
        """Whether PAM asks the next rule too, or refuses: nobody is let in here, nothing skipped.

        What another file holds that is included here is not known.
        """
        going_on = all(action in GOING_ON for _, action in self.actions)
        return self.control in (*BINDING, "optional") or (bool(self.actions) and going_on)

    @property
    def forgets(self) -> bool:
        """Whether who was refused before may be let in after all."""
        return any(action == "reset" for _, action in self.actions)

    @property
    def actions(self) -> tuple[tuple[str, str], ...]:
        """What a control in brackets says: a value that a module returns, and what follows."""
        return tuple((found[1], found[2]) for found in _ACTION.finditer(self.control))


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
