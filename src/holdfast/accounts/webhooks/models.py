"""Where events are sent, and what waits to be sent there."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone


class Webhook(models.Model):
    """A program of somebody else that wants to know."""

    name = models.CharField(max_length=60, unique=True)
    url = models.CharField(max_length=500)
    events: models.JSONField[Any, Any] = models.JSONField(default=list)
    """What it wants to know: `sign-in`, `person.created`, or `*`."""
    secret = models.TextField()
    """Encrypted: signing needs it as it is."""
    active = models.BooleanField(default=True)
    created = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name


class State(models.TextChoices):
    """What became of a delivery."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"


class Delivery(models.Model):
    """One event for one webhook.

    Those of one person are sent in their order: one waits for all before it. A dead one was tried
    as often as it is worth, holds nobody up, and can be sent again.
    """

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    person = models.CharField(max_length=64, blank=True)
    what = models.CharField(max_length=130)
    body = models.TextField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due = models.DateTimeField(default=timezone.now)
    answer = models.CharField(max_length=200, blank=True)
    """What came of the last attempt."""
    created = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = (
            models.Index(fields=["state", "id"], name="deliveries_by_state"),
            models.Index(fields=["webhook", "state", "id"], name="deliveries_in_order"),
            models.Index(
                fields=["webhook", "state", "person", "id"], name="deliveries_of_a_person"
            ),
        )

    def __str__(self) -> str:
        return f"{self.what}, {self.state}"
