"""TOML text → plain tables; what is wrong with the text is said in plain words, with its line."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from holdfast.site.errors import Problem, SiteError, escaped

DEEPEST = 8  # tables and lists in one another; a site needs six
PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
TWICE = ("this key is set twice", "remove one of them")
COMPLETE = ("this table was complete already", "write its keys in one place")
CONTROL_CHARACTER = ("a control character stands here", "remove it")
UNCLOSED_TEXT = ("a text in quotes is not closed", 'close it with "')
WORDS = {
    "Cannot overwrite": TWICE,
    "Duplicate inline": TWICE,
    "Cannot declare": ("this table stands twice", "put its keys into one table"),
    "Cannot mutate": COMPLETE,
    "Cannot redefine": COMPLETE,
    "Illegal character '\\n'": ("a text in quotes does not end on its line", 'close it with "'),
    "Illegal character": CONTROL_CHARACTER,
    "Found invalid character": CONTROL_CHARACTER,
    "Invalid statement": ("this is neither a key, a [table] nor a comment", 'write key = "value"'),
    "Expected '='": ("a = is missing after the key", 'write key = "value"'),
    "Invalid value": ("the value is missing or not in quotes", 'write key = "value"'),
    "Invalid initial": ("a key is missing, or its name needs quotes", 'write key = "value"'),
    "Unclosed array": ("a list is not closed", "add the missing comma or ]"),
    "Unclosed inline": ("an inline table is not closed", "add the missing comma or }"),
    "Unescaped": ("a \\ in a text is not doubled", "write \\\\"),
    "Unterminated": UNCLOSED_TEXT,
    "Expected newline": ("something stands after the value", "give it a line of its own"),
    "Expected ']": ("a [table] is not closed", "close it with ]"),
}


def raw_tables(file: str, text: str) -> dict[str, Any]:
    """The content of a TOML text; raises `SiteError`, naming `file` and the line."""
    try:
        raw = tomllib.loads(text)
        too_deep = _deeper_than(raw, DEEPEST)
    except RecursionError:
        too_deep = True
    except tomllib.TOMLDecodeError as error:
        raise SiteError([_problem(file, text, str(error))]) from None
    except ValueError:
        what = "it holds a number that is too long to read"
        raise SiteError([Problem(file, None, "", what, "shorten it")]) from None
    if too_deep:
        what = "tables or lists stand too deep in one another"
        raise SiteError([Problem(file, None, "", what, "remove the brackets too many")])
    return raw


def _problem(file: str, text: str, message: str) -> Problem:
    place = PLACE.search(message)
    line = int(place[1]) if place and place[1] else text.rstrip("\n").count("\n") + 1
    bare = PLACE.sub("", message)
    for beginning, (what, mend) in WORDS.items():
        if bare.startswith(beginning):
            return Problem(file, line, "", what, mend)
    return Problem(file, line, "", f"this is not TOML ({escaped(bare)})", "see toml.io")


def _deeper_than(value: object, levels: int) -> bool:
    if isinstance(value, dict):
        return levels == 0 or any(_deeper_than(item, levels - 1) for item in value.values())
    if isinstance(value, list):
        return levels == 0 or any(_deeper_than(item, levels - 1) for item in value)
    return False
