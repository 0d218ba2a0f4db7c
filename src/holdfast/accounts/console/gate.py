"""The console's page of the gate: what got in and what it paid, what was asked, what load adds."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from holdfast.accounts.console.dashboard import OPTIONS, Chart, Row
from holdfast.accounts.console.site import role_of, site
from holdfast.accounts.gate import stores
from holdfast.accounts.gate.places import PLACES
from holdfast.accounts.gate.running import gate
from holdfast.accounts.people.models import Role
from holdfast.gate.load import EFFORT, PERIOD_S
from holdfast.gate.rules import Rule
from holdfast.work.spent import StoreDown

HOURS = 24
ACTIONS = tuple(dict.fromkeys(place.action for place in PLACES.values()))
Amounts = Mapping[str, float]
WORDS = {
    "free": "for nothing",
    "known": "known device",
    "paid": "for work",
    "made": "made something",
    "work": "asked to work",
    "elsewhere": "sent elsewhere",
    "wait": "asked to wait",
    "failed": "wrong guesses",
}
"""What is counted of each action, and the head of its column."""


@site.page("gate")
@require_safe
def gate_page(request: HttpRequest) -> HttpResponse:
    """Show the last day, hour by hour."""
    if role_of(request) not in (Role.ADMIN, Role.AUDITOR):
        raise PermissionDenied
    hours = _by_hour(time.time())
    price = gate().price
    core_hour = price.core_rate * 3600
    failed = sum(_sum(amounts, "failed") for _, amounts in hours)
    wasted = sum(_sum(amounts, "failed.hashes") for _, amounts in hours)
    try:
        effort = gate().effort("sign-in")
    except StoreDown:
        effort = 0.0
    unit = 1_000_000 if price.core_rate > 1000 else 1
    context = {
        **site.each_context(request),
        "title": "Gate",
        "cards": [
            ("Wrong guesses in 24 hours", f"{failed:.0f}"),
            ("What they paid, in core hours", f"{wasted / core_hour:.2f}"),
            (
                "Asked of everybody unknown who signs in",
                f"{effort / price.core_rate * 1000:.0f} ms of a core",
            ),
            ("Kind of work", str(price.kind)),
        ],
        "charts": [
            _chart("Attempts that were let in", hours, ("free", "known", "paid")),
            _chart("Attempts that were asked for something", hours, ("work", "elsewhere", "wait")),
            _measured(f"Work paid, {_unit(unit)}", hours, "hashes", unit),
            _efforts(f"Work asked of everybody unknown, {_unit(unit)}", hours, unit),
        ],
        "chart_options": json.dumps(OPTIONS),
        "actions": _actions(hours),
        "words": list(WORDS.values()),
        "rules": [_told(action, gate().rules[action]) for action in ACTIONS],
    }
    return TemplateResponse(request, "console/gate.html", context)


def _unit(unit: int) -> str:
    return "million hashes" if unit > 1 else "hashes"


def _by_hour(now: float) -> list[tuple[str, Amounts]]:
    """Return what was counted in each of the last hours, the newest last."""
    first = int(now // 3600) - HOURS + 1
    told = stores.tally().read(first * 3600 // PERIOD_S, int(now // PERIOD_S))
    hours: list[dict[str, float]] = [{} for _ in range(HOURS)]
    for period, amounts in told.items():
        hour = hours[min(period * PERIOD_S // 3600 - first, HOURS - 1)]
        for name, amount in amounts.items():
            before = hour.get(name, 0.0)
            hour[name] = max(before, amount) if name.endswith(EFFORT) else before + amount
    labels = (datetime.fromtimestamp((first + hour) * 3600, UTC) for hour in range(HOURS))
    return list(zip((f"{at:%H}:00" for at in labels), hours, strict=True))


def _sum(amounts: Amounts, what: str) -> float:
    return sum(amount for name, amount in amounts.items() if name.partition(".")[2] == what)


def _rows(hours: list[tuple[str, Amounts]], values: Callable[[Amounts], list[int]]) -> list[Row]:
    return [Row(label, values(amounts)) for label, amounts in hours]


def _chart(title: str, hours: list[tuple[str, Amounts]], whats: tuple[str, ...]) -> Chart:
    rows = _rows(hours, lambda amounts: [round(_sum(amounts, what)) for what in whats])
    return Chart(title, [WORDS[what] for what in whats], rows)


def _measured(title: str, hours: list[tuple[str, Amounts]], what: str, unit: int) -> Chart:
    def values(amounts: Amounts) -> list[int]:
        return [round(_sum(amounts, one) / unit) for one in (what, f"failed.{what}")]

    return Chart(title, ["in all", "by wrong guesses"], _rows(hours, values))


def _efforts(title: str, hours: list[tuple[str, Amounts]], unit: int) -> Chart:
    """Show the most within each hour, of each action that load counts for."""
    crowds = [action for action in ACTIONS if gate().rules[action].crowd]

    def values(amounts: Amounts) -> list[int]:
        return [round(amounts.get(f"{action}.{EFFORT}", 0.0) / unit) for action in crowds]

    return Chart(title, crowds, _rows(hours, values))


def _actions(hours: list[tuple[str, Amounts]]) -> list[tuple[str, list[int]]]:
    """Return a row for each action: what was counted of it in all these hours."""
    total: dict[str, float] = {}
    for _, amounts in hours:
        for name, amount in amounts.items():
            total[name] = total.get(name, 0.0) + amount
    return [
        (action, [round(total.get(f"{action}.{what}", 0.0)) for what in WORDS])
        for action in ACTIONS
    ]


def _told(action: str, rule: Rule) -> tuple[str, list[str]]:
    """Return what an action allows, in words: an account, an address, a wide network, a device,
    and an application that asks for its visitors.
    """
    budgets = (rule.account, rule.narrow, rule.wide, rule.device, rule.application)
    return action, [
        f"{one.free}, one more in {one.every_s:.3g} s" if one is not None else "–"
        for one in budgets
    ]
