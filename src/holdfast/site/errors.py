"""What a site file can get wrong, and how it is said: what, where, the mend."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

KeyPath = tuple[str | int, ...]
"""A place in the file: `("hosts", "db", "roles", 0)`."""

MOST_LINES = 20
MOST_CANDIDATES = 1000
LONGEST_SHOWN = 60  # characters of a value in a message
BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Refused(ValueError):
    """One value is not acceptable: `what` is wrong with it and `mend` says what to write instead.

    Raised by everything that checks a single value, so that a prompt can ask again with the
    reason. The message never repeats a secret.
    """

    def __init__(self, what: str, mend: str = "") -> None:
        super().__init__(f"{what}; {mend}" if mend else what)
        self.what = what
        self.mend = mend


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where (`line` counts from 1, `key` may be empty), what, the mend."""

    file: str
    line: int | None
    key: str
    what: str
    mend: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        parts = [escaped(place), self.key, self.what] if self.key else [escaped(place), self.what]
        text = ": ".join(parts)
        return f"{text}; {self.mend}" if self.mend else text


class SiteError(Exception):
    """The site file, or a secret it names, cannot be used; one line for each problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems[:MOST_LINES])
        super().__init__("\n".join(str(problem) for problem in self.problems))


def bounded(problems: Iterable[Problem]) -> list[Problem]:
    """At most `MOST_LINES` problems; the last one says so if there are more."""
    first = list(islice(problems, MOST_LINES + 1))
    if len(first) <= MOST_LINES:
        return first
    there_are_more = Problem(first[0].file, None, "", "there are more problems", "mend these first")
    return [*first[: MOST_LINES - 1], there_are_more]


def key_text(path: KeyPath) -> str:
    """The key as TOML would write it: `exceptions."ssh.second-factor".hosts[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        name = part if part and set(part) <= BARE else shown(part)
        text += f".{name}" if text else name
    return text


def is_control(character: str) -> bool:
    """Whether a character would steer a terminal or turn the direction of the text around it."""
    return character in BIDI or unicodedata.category(character) in {"Cc", "Zl", "Zp", "Cs"}


def escaped(text: str) -> str:
    """The text with every control character written out, as `\\x1b`."""
    return "".join(
        character.encode("unicode_escape").decode() if is_control(character) else character
        for character in text
    )


def shown(value: str) -> str:
    """A value as a message may hold it: in quotes, escaped, cut to a readable length."""
    cut = value if len(value) <= LONGEST_SHOWN else value[: LONGEST_SHOWN - 1] + "…"
    return '"' + escaped(cut).replace('"', '\\"') + '"'


def closest(word: str, candidates: Iterable[str], *, otherwise: str = "") -> str:
    """`did you mean "app"?`, or `otherwise` where no candidate is near."""
    near = difflib.get_close_matches(
        word[:LONGEST_SHOWN], list(islice(candidates, MOST_CANDIDATES)), n=1, cutoff=0.6
    )
    return f"did you mean {shown(near[0])}?" if near else otherwise
