"""What is counted of each period: what got in, what it paid, what was asked of the rest."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Protocol

from holdfast.gate.sql import TALLY, Rows, attempted
from holdfast.work.spent import Dialect


class Tally(Protocol):
    """What is counted of each period, by the number of that period."""

    def add(self, period: int, amounts: Mapping[str, float]) -> None:
        """Add to what was counted. Raises StoreDown."""
        ...

    def settle(self, period: int, name: str, amount: float) -> float:
        """Write an amount unless there is one; return which it is now. Raises StoreDown."""
        ...

    def read(self, first: int, last: int) -> dict[int, dict[str, float]]:
        """Return what was counted from one period to another, both included. Raises StoreDown."""
        ...


class MemoryTally:
    """Counts in the memory of one process, of the newest periods."""

    KEPT = 2000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._periods: dict[int, dict[str, float]] = {}

    def add(self, period: int, amounts: Mapping[str, float]) -> None:
        with self._lock:
            counted = self._periods.setdefault(period, {})
            for name, amount in amounts.items():
                counted[name] = counted.get(name, 0.0) + amount
            while len(self._periods) > self.KEPT:
                del self._periods[min(self._periods)]

    def settle(self, period: int, name: str, amount: float) -> float:
        with self._lock:
            return self._periods.setdefault(period, {}).setdefault(name, amount)

    def read(self, first: int, last: int) -> dict[int, dict[str, float]]:
        with self._lock:
            return {
                period: dict(amounts)
                for period, amounts in sorted(self._periods.items())
                if first <= period <= last
            }


class DatabaseTally:
    """Counts in a table."""

    def __init__(self, rows: Rows, dialect: Dialect) -> None:
        """`create(dialect)` has made the table."""
        self._rows = rows
        self._dialect = dialect

    def add(self, period: int, amounts: Mapping[str, float]) -> None:
        if not amounts:
            return
        places = ", ".join(["(%s, %s, %s)"] * len(amounts))
        if self._dialect is Dialect.MYSQL:
            conflict = "ON DUPLICATE KEY UPDATE amount = amount + VALUES(amount)"
        else:
            conflict = (
                "ON CONFLICT (period, name) DO UPDATE "
                f"SET amount = {TALLY}.amount + excluded.amount"
            )
        values = [value for name in sorted(amounts) for value in (period, name, amounts[name])]
        statement = f"INSERT INTO {TALLY} (period, name, amount) VALUES {places} {conflict}"  # noqa: S608
        attempted(self._rows, statement, values)

    def settle(self, period: int, name: str, amount: float) -> float:
        if self._dialect is Dialect.MYSQL:
            conflict = "ON DUPLICATE KEY UPDATE amount = amount"
        else:
            conflict = "ON CONFLICT (period, name) DO NOTHING"
        statement = f"INSERT INTO {TALLY} (period, name, amount) VALUES (%s, %s, %s) {conflict}"  # noqa: S608
        attempted(self._rows, statement, [period, name, amount])
        return self.read(period, period)[period][name]

    def read(self, first: int, last: int) -> dict[int, dict[str, float]]:
        found: dict[int, dict[str, float]] = {}
        statement = (
            f"SELECT period, name, amount FROM {TALLY} "  # noqa: S608
            "WHERE period >= %s AND period <= %s ORDER BY period, name"
        )
        for period, name, amount in attempted(self._rows, statement, [first, last]):
            found.setdefault(int(period), {})[str(name)] = float(amount)
        return found

    def forget(self, before: int) -> None:
        """Remove what was counted before a period."""
        attempted(self._rows, f"DELETE FROM {TALLY} WHERE period < %s", [before])  # noqa: S608
