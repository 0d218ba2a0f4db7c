"""Budgets that several workers share in a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast.gate.budgets import Draw, Taken
from holdfast.gate.sql import BUDGETS, Rows, attempted
from holdfast.work.spent import Dialect


class DatabaseBudgets:
    """Budgets in a table; one statement draws on several, in the order of their names."""

    def __init__(self, rows: Rows, dialect: Dialect) -> None:
        """`create(dialect)` has made the table."""
        self._rows = rows
        self._dialect = dialect

    def take(self, draws: Sequence[Draw], now: float) -> list[Taken]:
        if not draws:
            return []
        ordered = sorted(draws, key=lambda draw: draw.name)  # so that no two wait for one another
        values: list[object] = []
        for draw in ordered:
            every_s = draw.budget.every_s
            values += [draw.name, now + every_s, draw.latest(now), every_s]
        found = {
            str(name): (float(whole), float(moved))
            for name, whole, moved in self._run(self._taking(len(draws)), values + [now] * 3)
        }
        return [
            Taken(draw, draw.level(found[draw.name][0], now), found[draw.name][1]) for draw in draws
        ]

    def _taking(self, count: int) -> str:
        least, most = ("min", "max") if self._dialect is Dialect.SQLITE else ("least", "greatest")
        before = f"{most}({BUDGETS}.whole, %s)"
        step = f"{most}(0, {least}({self._new('moved')}, {self._new('latest')} - {before}))"
        moved = f"moved = {step}, whole = {before} + {step}, latest = {self._new('latest')}"
        return f"{self._writing(count)} {moved} RETURNING name, whole, moved"

    def give(self, taken: Sequence[Taken]) -> None:
        """Give back what was taken; what is forgotten already is written down as whole."""
        ordered = sorted(taken, key=lambda one: one.draw.name)
        values = [value for one in ordered for value in (one.draw.name, 0.0, 0.0, one.moved_s)]
        if values:
            given = f"whole = {BUDGETS}.whole - {self._new('moved')}"
            self._run(f"{self._writing(len(taken))} {given}", values)

    def _writing(self, count: int) -> str:
        """Return how so many rows are written, one after the other, up to what is then set.

        That order is why an UPDATE will not do: it locks rows in whatever order it finds them.
        """
        places = ", ".join(["(%s, %s, %s, %s)"] * count)
        conflict = "ON CONFLICT (name) DO UPDATE SET"
        if self._dialect is Dialect.MYSQL:
            conflict = "ON DUPLICATE KEY UPDATE"
        return f"INSERT INTO {BUDGETS} (name, whole, latest, moved) VALUES {places} {conflict}"  # noqa: S608

    def _new(self, column: str) -> str:
        """Return what is written, in a statement's words for a row that is there already."""
        return f"VALUES({column})" if self._dialect is Dialect.MYSQL else f"excluded.{column}"

    def levels(self, draws: Sequence[Draw], now: float) -> list[float]:
        if not draws:
            return []
        places = ", ".join(["%s"] * len(draws))
        statement = f"SELECT name, whole FROM {BUDGETS} WHERE name IN ({places})"  # noqa: S608
        found = dict(self._run(statement, [draw.name for draw in draws]))
        return [draw.level(float(found.get(draw.name, now)), now) for draw in draws]

    def forget(self, now: float) -> None:
        """Remove what is whole again."""
        self._run(f"DELETE FROM {BUDGETS} WHERE whole < %s", [now])  # noqa: S608

    def _run(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        return attempted(self._rows, statement, values)
