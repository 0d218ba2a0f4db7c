"""Objects that stand one on a line (NDJSON), or in one list: the file itself shows which."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from holdfast.accounts.migration import documents
from holdfast.accounts.people.records import BadLine, read_lines

LONGEST_LINE = documents.LONGEST_PART


def objects(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield each object's number, of its line or in the list, with it or a BadLine."""
    with path.open("rb") as file:
        begin = file.read(1024).removeprefix(documents.BYTE_ORDER_MARK).lstrip()
        file.seek(0)
        if begin.startswith(b"["):
            values = (value for _, value in documents.parts(file, {""}))
            yield from enumerate(values, 1)
            return
        with io.TextIOWrapper(file, "utf-8-sig", errors="replace", newline="\n") as text:
            yield from _lines(text)


def _lines(text: io.TextIOWrapper) -> Iterator[tuple[int, Any]]:
    for number, line in read_lines(text, LONGEST_LINE):
        if isinstance(line, BadLine):
            yield number, line
            continue
        try:
            yield number, json.loads(line, object_pairs_hook=_once)
        except BadLine as bad:
            yield number, bad
        except (ValueError, RecursionError):
            yield number, BadLine("is no JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) != len(pairs):
        raise BadLine("has a key twice")
    return whole
