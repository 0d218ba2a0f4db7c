"""The gate of this process, made once, and how its house is kept."""

from __future__ import annotations

import functools
import time

from django.conf import settings
from django.db import connection

from holdfast.accounts import sealed
from holdfast.accounts.gate import stores
from holdfast.gate.budgets import Budget
from holdfast.gate.budgets_database import DatabaseBudgets
from holdfast.gate.gate import Gate
from holdfast.gate.load import PERIOD_S
from holdfast.gate.rules import PRICES, RULES, generous
from holdfast.work.puzzle import Kind

MAILS = Budget(free=3, every_s=60.0, priced=0)
KEPT_S = 30 * 86_400


@functools.cache
def gate() -> Gate:
    """Return the gate of this service."""
    chosen = settings.HOLDFAST
    return Gate(
        sealed.key("gate"),
        chosen.origin,
        budgets=stores.budgets(),
        spent=stores.spent(),
        tally=stores.tally(),
        rules=generous(RULES, chosen.gate.generous),
        tolerated=chosen.gate.tolerated * chosen.gate.generous,
        price=PRICES[Kind(chosen.gate.work)],
    )


def may_mail(what: str, to: str) -> bool:
    """Whether a mail of a kind may go to an address now that a stranger could have asked for."""
    return gate().allowed("mail", f"{what} {to}", MAILS)


def forget_old() -> None:
    """Remove budgets that are whole again, and what was counted a month ago."""
    now = time.time()
    DatabaseBudgets(stores.rows, stores.dialect(connection.vendor)).forget(now)
    stores.tally().forget(int((now - KEPT_S) // PERIOD_S))
