"""Where each key of a TOML text stands.

`tomllib` gives values without positions. This scanner walks a text that `tomllib` has accepted
and notes the line of every table header, key and array element (TOML 1.0).
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping

from holdfast.site.errors import KeyPath

BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
SPACE = re.compile(r"[ \t]*")
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
BASIC = re.compile(r'"(?:[^"\\\n]|\\.)*"')
LITERAL = re.compile(r"'[^'\n]*'")
LONG_BASIC = re.compile(r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})', re.DOTALL)
LONG_LITERAL = re.compile(r"'''.*?'''(?:'{0,2})", re.DOTALL)
SCALAR = re.compile(r"[^,\]}\n#]+")


def places(text: str) -> Mapping[KeyPath, int]:
    """The line, from 1, of every key path in `text`, which must be valid TOML."""
    return _Scanner(text).scan()


def line_of(path: KeyPath, lines: Mapping[KeyPath, int]) -> int:
    """The line of the path, or of the nearest table around it where the path itself is absent."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


class _Scanner:
    """Reads from `at` onwards; every method leaves `at` behind what it has read."""

    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.breaks = [match.start() for match in re.finditer("\n", self.text)]
        self.lines: dict[KeyPath, int] = {}
        self.tables_in: dict[KeyPath, int] = {}  # how many tables an array of tables has so far

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._skip(BLANK)
        while self.at < len(self.text):
            if self.text.startswith("[", self.at):
                table = self._header()
            else:
                self._pair(table)
            self._skip(BLANK)
        return self.lines

    def _header(self) -> KeyPath:
        line = self._line()
        is_array = self.text.startswith("[[", self.at)
        self.at += 2 if is_array else 1
        path: KeyPath = ()
        names = self._key()
        for depth, name in enumerate(names, start=1):
            path = (*path, name)
            self.lines.setdefault(path, line)
            if is_array and depth == len(names):
                self.tables_in[path] = self.tables_in.get(path, 0) + 1
            if path in self.tables_in:
                path = (*path, self.tables_in[path] - 1)
        self.lines[path] = line
        self.at += 2 if is_array else 1
        return path

    def _pair(self, table: KeyPath) -> None:
        line = self._line()
        path = table
        for name in self._key():
            path = (*path, name)
            self.lines.setdefault(path, line)
        self.at += 1  # the equals sign
        self._skip(SPACE)
        self._value(path)

    def _key(self) -> list[str]:
        """The parts of a dotted key, and the space after it."""
        names = []
        while True:
            self._skip(SPACE)
            names.append(self._name())
            self._skip(SPACE)
            if not self.text.startswith(".", self.at):
                return names
            self.at += 1

    def _name(self) -> str:
        for quoted in (BASIC, LITERAL):
            if match := quoted.match(self.text, self.at):
                self.at = match.end()
                return str(tomllib.loads(f"name = {match[0]}")["name"])
        return self._skip(BARE_KEY)

    def _value(self, path: KeyPath) -> None:
        if self.text.startswith("[", self.at):
            self._array(path)
        elif self.text.startswith("{", self.at):
            self._inline_table(path)
        else:
            for form in (LONG_BASIC, LONG_LITERAL, BASIC, LITERAL, SCALAR):
                if self._skip(form):
                    return

    def _array(self, path: KeyPath) -> None:
        self.at += 1
        index = 0
        self._skip(BLANK)
        while not self.text.startswith("]", self.at):
            self.lines[(*path, index)] = self._line()
            self._value((*path, index))
            index += 1
            self._skip(BLANK)
            if self.text.startswith(",", self.at):
                self.at += 1
            self._skip(BLANK)
        self.at += 1

    def _inline_table(self, path: KeyPath) -> None:
        self.at += 1
        self._skip(BLANK)
        while not self.text.startswith("}", self.at):
            self._pair(path)
            self._skip(BLANK)
            if self.text.startswith(",", self.at):
                self.at += 1
            self._skip(BLANK)
        self.at += 1

    def _skip(self, form: re.Pattern[str]) -> str:
        match = form.match(self.text, self.at)
        if match is None:
            return ""
        self.at = match.end()
        return match[0]

    def _line(self) -> int:
        return bisect_right(self.breaks, self.at - 1) + 1
