"""How many people an agent looks at: each counts once in an hour, however often they are seen."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import override

from holdfast.accounts.gate.running import gate
from holdfast.accounts.people.models import Person
from holdfast.accounts.support.models import Look
from holdfast.accounts.trail import events
from holdfast.gate.budgets import Budget

HOUR = timedelta(hours=1)
ONE_ALERT = Budget(free=1, every_s=HOUR.total_seconds(), priced=0)


class TooMany(Exception):
    """An agent has looked at as many people as an hour allows."""


def look(request: HttpRequest, agent: Person, people: Collection[UUID], *, opened: bool) -> None:
    """Count that an agent sees these people. Raises TooMany, and counts none of them then."""
    limits, now = settings.HOLDFAST.support, timezone.now()
    with transaction.atomic():
        list(Person.objects.select_for_update().filter(pk=agent.pk).values_list("pk"))
        mine = Look.objects.filter(agent=agent)
        mine.filter(opened=opened, person__in=people).delete()
        Look.objects.bulk_create(
            [Look(agent=agent, person=one, opened=opened, at=now) for one in set(people)]
        )
        recent = mine.filter(at__gt=now - HOUR)
        seen = recent.values("person").distinct().count()
        if seen > limits.looks_an_hour:
            raise TooMany
        if opened and recent.filter(opened=True).count() > limits.views_an_hour:
            raise TooMany
        if seen >= limits.alert_at:
            transaction.on_commit(lambda: _alert(request, agent, seen))


def _alert(request: HttpRequest, agent: Person, seen: int) -> None:
    """Tell every administrator, once in an hour."""
    if not gate().allowed("support alert", str(agent.pk), ONE_ALERT):
        return
    with transaction.atomic():
        for admin in Person.objects.filter(is_superuser=True, is_active=True):
            with override(admin.language or settings.LANGUAGE_CODE):
                context = {"agent": agent, "seen": seen}
                get_adapter().send_mail("support/email/alert", admin.email, context)
        events.note("support.alert", request, on=str(agent.pk), details={"people": str(seen)})


def forget_old() -> None:
    """Remove what no limit reckons with any more."""
    Look.objects.filter(at__lt=timezone.now() - HOUR).delete()
