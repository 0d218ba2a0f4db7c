"""What another place holds of people, found by whom it is about, without holding it in memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any


class Beside:
    """A table in a private temporary database, which is nobody else's and goes with this object."""

    def __init__(self) -> None:
        self._rows = sqlite3.connect("")
        self._rows.execute("CREATE TABLE held (who TEXT, kind TEXT, value TEXT)")

    def fill(self, rows: Iterable[tuple[str, str, Any]]) -> None:
        """Take in who, what kind, and a value of JSON; then it can be searched."""
        self._rows.executemany(
            "INSERT INTO held VALUES (?, ?, ?)",
            ((ascii(who), kind, json.dumps(value)) for who, kind, value in rows),
        )
        self._rows.execute("CREATE INDEX IF NOT EXISTS held_who ON held (who)")

    def of(self, who: str) -> list[tuple[str, Any]]:
        """Return kind and value of all that is there of somebody, as it was written."""
        found = self._rows.execute(
            "SELECT kind, value FROM held WHERE who = ? ORDER BY rowid LIMIT 100", (ascii(who),)
        )
        return [(kind, json.loads(value)) for kind, value in found]
