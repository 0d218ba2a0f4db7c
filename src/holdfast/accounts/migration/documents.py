"""One large JSON document, read part by part: no file is held in memory, and no part is large.

Whoever wrote the file is not trusted: depth, length and number of values are bounded, and a part
that goes beyond is passed over and named; only a document that is no JSON ends the reading.
Numbers are read as floats: with more digits than Python converts, ijson's other way ends in a
crash of the interpreter.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any, BinaryIO

import ijson

from holdfast.accounts.people.records import BadLine

DEEPEST_PART = 20  # levels
DEEPEST = 200  # levels, of what is passed over
MOST_VALUES = 20_000  # of one part
LONGEST_PART = 1024 * 1024  # characters
LONGEST_STRETCH = 8 * LONGEST_PART  # bytes in which no part ends: a character takes up to six
CHUNK = 64 * 1024  # bytes
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
TOO_LARGE = (
    f"is larger than one may be ({DEEPEST_PART} levels, {MOST_VALUES} values, "
    f"{LONGEST_PART} characters)"
)
NO_JSON = "from here on the file is no JSON, or holds a value without end"

Event = tuple[str, Any]


class _Bounded:
    """A file that is read no further than some MB while nothing in it comes to an end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.stretch = 0

    def read(self, size: int = -1) -> bytes:
        self.stretch += size
        if self.stretch > LONGEST_STRETCH:
            raise ValueError("a value without end")
        return self._file.read(size)


def parts(file: BinaryIO, keys: Container[str]) -> Iterator[tuple[str, Any]]:
    """Yield (key, value) for what the document holds under these keys; of lists, each element.

    The elements of a document that is a list itself are under "". A value is a BadLine where it is
    too large or has a key twice, and the last one is where the document is no JSON from there on.
    """
    if file.read(len(BYTE_ORDER_MARK)) != BYTE_ORDER_MARK:
        file.seek(0)
    bounded = _Bounded(file)
    try:
        yield from _parts(bounded, keys)
    except (ijson.JSONError, ValueError):
        yield "", BadLine(NO_JSON)


def _parts(file: _Bounded, keys: Container[str]) -> Iterator[tuple[str, Any]]:
    events = iter(ijson.basic_parse(file, buf_size=CHUNK, use_float=True))
    kind, _ = next(events)
    if kind == "start_array":
        if "" in keys:
            yield from _elements("", events, file)
        return
    if kind != "start_map":
        yield "", BadLine("the file is neither an object nor a list")
        return
    for kind, key in events:
        if kind != "map_key":
            continue
        event = next(events)
        if key not in keys:
            _pass_over(event, events, file)
        elif event[0] == "start_array":
            yield from _elements(key, events, file)
        else:
            yield key, _whole(event, events, file)


def _elements(key: str, events: Iterator[Event], file: _Bounded) -> Iterator[tuple[str, Any]]:
    for event in events:
        if event[0] == "end_array":
            return
        yield key, _whole(event, events, file)


def _pass_over(event: Event, events: Iterator[Event], file: _Bounded, depth: int = 0) -> None:
    """Read to the end of a value that began at an event, or `depth` levels above it."""
    kind, _ = event
    while True:
        file.stretch = 0
        if kind in ("start_map", "start_array"):
            depth += 1
            if depth > DEEPEST:
                raise ValueError("a value without end")
        elif kind in ("end_map", "end_array"):
            depth -= 1
        if depth == 0 and kind != "map_key":
            return
        kind, _ = next(events)


def _whole(event: Event, events: Iterator[Event], file: _Bounded) -> Any:
    """Return the value that begins with an event, or a BadLine."""
    file.stretch = 0
    kind, value = event
    inside: list[Any] = []  # what is open around `here`
    here: Any = None
    keys: list[str] = []
    values = length = 0
    twice: str | None = None
    while True:
        values += 1
        if kind == "map_key":
            length += len(value)
            if value in here:
                twice = value
            keys.append(value)
        elif kind in ("end_map", "end_array"):
            done, here = here, inside.pop()
            if here is None:
                return BadLine(f"has the key {twice[:40]!r} twice") if twice is not None else done
        else:
            if kind == "string":
                length += len(value)
            opens = kind in ("start_map", "start_array")
            made = ({} if kind == "start_map" else []) if opens else value
            if isinstance(here, dict):
                here[keys.pop()] = made
            elif here is not None:
                here.append(made)
            elif not opens:
                return made
            if opens:
                inside.append(here)
                here = made
        if len(inside) > DEEPEST_PART or values > MOST_VALUES or length > LONGEST_PART:
            _pass_over(("", None), events, file, len(inside))
            return BadLine(TOO_LARGE)
        kind, value = next(events)
