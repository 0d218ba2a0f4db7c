"""When debsums compares installed files: one line of its file of defaults.

Source: debsums(1) and the comments of /etc/default/debsums. The last line that says it counts.
"""

from __future__ import annotations

import re

FILE = "/etc/default/debsums"
CHECK = "CRON_CHECK"
_LINE = re.compile(rf"\s*{CHECK}\s*=\s*[\"']?([a-z]*)[\"']?\s*")


def checked(text: str) -> str | None:
    """Return how often it compares; None where nothing says it."""
    said = [found[1] for line in text.split("\n") if (found := _LINE.fullmatch(line))]
    return said[-1] if said else None


def with_check(text: str, often: str) -> str:
    """Return the text with this in the place of the lines that say it, or at its end."""
    kept = [line for line in text.split("\n") if not _LINE.fullmatch(line)]
    body = "\n".join(kept).rstrip("\n")
    return f"{body}\n{CHECK}={often}\n" if body else f"{CHECK}={often}\n"
