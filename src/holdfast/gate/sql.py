"""What the gate keeps in a database: its tables, and how a statement is executed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from holdfast.work.spent import Dialect, StoreDown

BUDGETS, TALLY = "holdfast_budget", "holdfast_tally"
ATTEMPTS = 3
"""A database may break off one of two statements that wait for each other."""
Rows = Callable[[str, Sequence[object]], list[tuple[Any, ...]]]
"""Executes one statement in a transaction of its own; returns the rows it yields, or none."""


def create(dialect: Dialect) -> tuple[str, ...]:
    """Return the statements that make the tables; places for values are written %s."""
    exact = " CHARACTER SET ascii COLLATE ascii_bin" if dialect is Dialect.MYSQL else ""
    name = f"name varchar(64){exact} NOT NULL"
    budgets = "whole double precision NOT NULL, latest double precision NOT NULL"
    amounts = "amount double precision NOT NULL, PRIMARY KEY (period, name)"
    budgets = f"{name} PRIMARY KEY, {budgets}, moved double precision NOT NULL"
    return (
        f"CREATE TABLE IF NOT EXISTS {BUDGETS} ({budgets})",
        f"CREATE TABLE IF NOT EXISTS {TALLY} (period bigint NOT NULL, {name}, {amounts})",
    )


def attempted(rows: Rows, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
    """Execute a statement, again where the database broke it off. Raises StoreDown."""
    for left in reversed(range(ATTEMPTS)):
        try:
            return rows(statement, values)
        except Exception as error:  # each driver has errors of its own
            if not left:
                raise StoreDown(
                    f"database of budgets: {type(error).__name__}: nobody is let in until it "
                    "answers again"
                ) from error
    raise AssertionError("the last attempt returns or raises")
