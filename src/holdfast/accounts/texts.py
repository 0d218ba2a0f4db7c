"""What a text of others may hold."""

from __future__ import annotations


def is_plain(text: str) -> bool:
    """Whether there are bytes for it in UTF-8, none of which is zero: no database holds others."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
