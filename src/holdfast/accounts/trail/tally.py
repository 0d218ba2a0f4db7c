"""What happened is counted by the day, so that a chart needs no look at every entry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from holdfast.accounts.trail.models import LONGEST_WHAT, Tally

_ADD = "INSERT INTO trail_tally (day, what, count) VALUES (%s, %s, 1) "
_ONE_MORE = "ON CONFLICT (day, what) DO UPDATE SET count = trail_tally.count + 1"
_ONE_MORE_MARIADB = "ON DUPLICATE KEY UPDATE count = count + 1"


def add(what: str) -> None:
    """Count one more of something today."""
    with connection.cursor() as cursor:
        cursor.execute(*one_more(what, f"{timezone.now():%Y-%m-%d}"))


def one_more(what: str, day: str) -> tuple[str, list[Any]]:
    """Return the statement that counts one more of something on a day (`2026-11-25`)."""
    more = _ONE_MORE_MARIADB if connection.vendor == "mysql" else _ONE_MORE
    return _ADD + more, [day, what[:LONGEST_WHAT]]


def between(first: date, names: Sequence[str]) -> dict[tuple[date, str], int]:
    """Return how often these happened on each day since the first."""
    kept = Tally.objects.filter(day__gte=first, what__in=names)
    return {(one.day, one.what): one.count for one in kept}


def kinds(start: str) -> list[str]:
    """Return what has ever happened of a kind: `sign-in` is every `sign-in.…`."""
    wanted = Q(what=start) | Q(what__startswith=f"{start}.")
    return list(Tally.objects.filter(wanted).values_list("what", flat=True).distinct()[:100])
