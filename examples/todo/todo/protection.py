"""The guard of this application: everything about protection stands here."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Engine

from holdfast.gate.budgets_database import DatabaseBudgets
from holdfast.gate.gate import Gate
from holdfast.gate.tally import DatabaseTally
from holdfast.guard import Costs, Guard, Provider, Sessions
from holdfast.guard.sessions import Database
from holdfast.work.spent import Database as Spent
from todo.database import dialect_of, rows, written
from todo.settings import Settings


def guard(settings: Settings, engine: Engine) -> Guard:
    """Return the guard: sessions and budgets lie in the application's own database."""
    dialect, asked = dialect_of(engine), partial(rows, engine)
    gate = Gate(
        settings.key,
        settings.origin,
        budgets=DatabaseBudgets(asked, dialect),
        spent=Spent(partial(written, engine), dialect),
        tally=DatabaseTally(asked, dialect),
    )
    return Guard(
        settings.origin,
        settings.key,
        Sessions(Database(asked)),
        provider=Provider.holdfast(settings.issuer, settings.client_id, settings.client_secret),
        costs=Costs(gate, actions={"POST /todos": "post"}),
        proxies=settings.proxies,
    )
