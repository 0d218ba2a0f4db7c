"""Mail that waits to be sent."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class QueuedMail(models.Model):
    """A message as it will be sent, until the mail server has taken it.

    A page never waits for a mail server, so its time tells nobody whether an address is known; a
    server that is down loses no mail.
    """

    message = models.BinaryField()
    recipient = models.TextField()
    created = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    due = models.DateTimeField(default=timezone.now, db_index=True)
    """When it is tried next; whoever takes it moves this on first, so that nobody else does."""

    def __str__(self) -> str:
        return f"mail of {self.created:%F %T}, tried {self.attempts} times"
