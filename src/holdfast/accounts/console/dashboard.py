"""The first page of the console: what happened in the last two weeks, and what waits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from django.db.models import Count
from django.http import HttpRequest
from django.utils import timezone

from holdfast.accounts.console.site import role_of
from holdfast.accounts.mail.models import QueuedMail
from holdfast.accounts.people.models import Role
from holdfast.accounts.trail import tally
from holdfast.accounts.trail.models import TrailEntry
from holdfast.accounts.webhooks.models import Delivery, State

DAYS = 14
NEWEST = 10
COUNTED = 10_000
KINDS = {"totp": "authenticator app", "webauthn": "passkey", "recovery_codes": "recovery codes"}
SIGN_INS = {"sign-in.good": "good", "sign-in.failed": "refused", "factor.failed": "wrong code"}
MAIL = {"mail.sent": "sent", "mail.given-up": "given up"}
CHANGES = {"factor.added": "added", "factor.removed": "removed", "password.reset": "reset"}
COLOURS = ("var(--color-primary-600)", "#c2410c", "#a16207")
GREY = "#717c8d"  # read on white and on black
OPTIONS = {
    "animation": False,
    "responsive": True,
    "maintainAspectRatio": False,
    "maxBarThickness": 14,
    "color": GREY,
    "plugins": {"legend": {"position": "top", "align": "end", "labels": {"boxWidth": 12}}},
    "scales": {
        "x": {"grid": {"display": False}, "ticks": {"color": GREY}},
        "y": {"beginAtZero": True, "ticks": {"precision": 0, "maxTicksLimit": 6, "color": GREY}},
    },
}


@dataclass(frozen=True)
class Row:
    """One group of bars."""

    label: str
    values: list[int]


@dataclass(frozen=True)
class Chart:
    """Bars, and the same as a table: a name for each column, a row for each group."""

    title: str
    names: list[str]
    rows: list[Row]

    @property
    def data(self) -> str:
        """The bars as Chart.js reads them."""
        sets = [
            {
                "label": name,
                "data": [row.values[column] for row in self.rows],
                "backgroundColor": colour,
            }
            for column, (name, colour) in enumerate(zip(self.names, COLOURS, strict=False))
        ]
        return json.dumps({"labels": [row.label for row in self.rows], "datasets": sets})


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what the page shows to its context; unfold asks for it."""
    today = timezone.now().date()
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    names = (*SIGN_INS, *CHANGES, *MAIL)
    counts = tally.between(days[0], names)
    context["cards"] = [
        ("Sign-ins today", counts.get((today, "sign-in.good"), 0)),
        ("Refused today", counts.get((today, "sign-in.failed"), 0)),
        ("Mails that wait", QueuedMail.objects.all()[:COUNTED].count()),
        ("Dead events", Delivery.objects.filter(state=State.DEAD)[:COUNTED].count()),
    ]
    context["charts"] = [
        _by_day("Sign-ins", SIGN_INS, days, counts),
        _factors(),
        _by_day("Second factors and passwords", CHANGES, days, counts),
        _by_day("Mail", MAIL, days, counts),
    ]
    context["chart_options"] = json.dumps(OPTIONS)
    sees_trail = role_of(request) in (Role.ADMIN, Role.AUDITOR)
    context["newest"] = TrailEntry.objects.order_by("-number")[:NEWEST] if sees_trail else None
    return context


def _by_day(
    title: str,
    shown: Mapping[str, str],
    days: Sequence[date],
    counts: Mapping[tuple[date, str], int],
) -> Chart:
    rows = [Row(f"{day:%d %b}", [counts.get((day, what), 0) for what in shown]) for day in days]
    return Chart(title, list(shown.values()), rows)


def _factors() -> Chart:
    held = dict(Authenticator.objects.values_list("type").annotate(Count("pk")))
    rows = [Row(name, [held.get(kind, 0)]) for kind, name in KINDS.items()]
    return Chart("Second factors that people have", ["how many"], rows)
