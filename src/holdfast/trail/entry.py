"""What the trail records: who did what to what, when, from where, and how it ended. No secrets."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

LONGEST_TEXT = 400
MOST_DETAILS = 20
LONGEST_ENTRY = 256 * 1024  # bytes
WHAT = re.compile(r"[a-z][a-z0-9-]{0,30}(\.[a-z][a-z0-9-]{0,30}){1,3}")
_FIELDS = ("at", "who", "what", "on", "where", "result")


class EntryError(Exception):
    """That is no entry of a trail; the message says why."""


@dataclass(frozen=True)
class Entry:
    """One thing that happened."""

    what: str
    """`subject.verb`, such as `sign-in.failed`."""
    who: str = ""
    """Who did it: a person's id, `key:NAME`, `admin:NAME`, or nothing where nobody is known."""
    on: str = ""
    """To whom or what it was done, where that is another."""
    where: str = ""
    """The address of a client, or the name of a host."""
    result: str = "good"
    details: Mapping[str, str] = field(default_factory=dict)
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="microseconds"))

    def encoded(self) -> bytes:
        """Return the bytes that are hashed: JSON in ASCII, keys sorted, texts made harmless.

        Texts are cut at 400 characters, and there are at most 20 details. Raises EntryError for
        a `what` that is none.
        """
        if WHAT.fullmatch(self.what) is None:
            raise EntryError(f"what happened is named subject.verb, not {harmless(self.what)!r}")
        data: dict[str, Any] = {name: harmless(getattr(self, name)) for name in _FIELDS}
        details = list(self.details.items())[:MOST_DETAILS]
        data["details"] = {harmless(key)[:60]: harmless(value) for key, value in details}
        return json.dumps(data, sort_keys=True, separators=(",", ":")).encode("ascii")


def harmless(text: str) -> str:
    """Return a text without control and format characters or lone surrogates, cut at its bound."""
    cut = text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
    if cut.isascii() and cut.isprintable():
        return cut
    return "".join("\ufffd" if unicodedata.category(one)[0] == "C" else one for one in cut)


def decoded(data: bytes) -> Entry:
    """Read an entry. Raises EntryError for what is none."""
    if len(data) > LONGEST_ENTRY:
        raise EntryError("that is too long for an entry")
    try:
        read = json.loads(data)
    except (ValueError, RecursionError):
        raise EntryError("that is no JSON") from None
    if not isinstance(read, dict) or set(read) != {*_FIELDS, "details"}:
        raise EntryError("that has not the fields of an entry")
    details = read.pop("details")
    texts = [*read.values(), *(details.values() if isinstance(details, dict) else [None])]
    if not all(isinstance(text, str) for text in texts):
        raise EntryError("an entry holds texts only")
    return Entry(details=details, **read)
