"""The tables: todos, and what the guard and the gate keep."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import DateTime, String

from holdfast.gate import sql as gate
from holdfast.guard import sessions
from holdfast.work.spent import Dialect

LONGEST_TITLE = 200
DIALECTS = {"sqlite": Dialect.SQLITE, "mysql": Dialect.MYSQL, "mariadb": Dialect.MYSQL}


class Base(DeclarativeBase):
    """Every table of the application itself."""


class Todo(Base):
    """Something to be done, and whose it is: the `sub` of a person at the provider."""

    __tablename__ = "todo"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(255), index=True)
    title: Mapped[str] = mapped_column(String(LONGEST_TITLE))
    done: Mapped[bool] = mapped_column(default=False)
    made: Mapped[datetime] = mapped_column(DateTime, default=lambda: datetime.now(UTC))


def connected(url: str) -> Engine:
    """Return the engine of a database whose tables are there; `mysql+pymysql://…` is MariaDB."""
    engine = create_engine(url, pool_pre_ping=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _patient)
    Base.metadata.create_all(engine)
    dialect = dialect_of(engine)
    for statement in (*sessions.create(dialect), *gate.create(dialect), *dialect.create):
        rows(engine, statement, ())
    return engine


def dialect_of(engine: Engine) -> Dialect:
    """Return whose SQL it is."""
    return DIALECTS[engine.dialect.name]


def rows(engine: Engine, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
    """Execute a statement of the guard's, whose places for values are %s, in a transaction."""
    return _executed(engine, statement, values)[0]


def written(engine: Engine, statement: str, values: Sequence[object]) -> int:
    """Execute a statement of the guard's; return how many rows it wrote."""
    return _executed(engine, statement, values)[1]


def _executed(
    engine: Engine, statement: str, values: Sequence[object]
) -> tuple[list[tuple[Any, ...]], int]:
    if engine.dialect.paramstyle == "qmark":
        statement = statement.replace("%s", "?")
    with engine.begin() as connection:
        result = connection.exec_driver_sql(statement, tuple(values))
        found = [tuple(row) for row in result] if result.returns_rows else []
        return found, result.rowcount


def _patient(connection: Any, record: object) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA busy_timeout = 20000")
