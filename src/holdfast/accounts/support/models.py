"""What the support desk keeps: who was looked at, codes that are out, removals that wait."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class Action(models.TextChoices):
    """The one thing that a code allows."""

    UNLOCK = "unlock"
    RESEND = "resend"
    REMOVE_FACTOR = "remove-factor"


class Outcome(models.TextChoices):
    """How the removal of a factor ended."""

    DONE = "done"
    CANCELLED = "cancelled"
    USED = "used"
    """The factor was used meanwhile, so it was not lost."""
    IN_OFFICE = "in-office"
    """Its owner has a role by now, and whoever has one is not helped here."""


class Look(models.Model):
    """That an agent saw somebody: in a list, or opened. Kept for an hour, which limits reckon with.

    The person is no foreign key: agents look at one another, and would wait for each other's rows.
    """

    agent = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    person = models.UUIDField()
    opened = models.BooleanField()
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["agent", "opened", "person"], name="looked_at_once"),
        )

    def __str__(self) -> str:
        return f"a look at {self.person}"


class ReadBackCode(models.Model):
    """A code that a person reads to an agent. Only a digest is kept, which binds it to both and to
    its action.

    It is *open* until it is spent, has expired, or was guessed at too often; spending it is one
    conditional update, so that of two at the same time only one succeeds.
    """

    agent = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    salt = models.CharField(max_length=32)
    action = models.CharField(max_length=20, choices=Action)
    factor = models.CharField(max_length=20, blank=True)
    """The kind that is to be removed, where that is the action."""
    expires = models.DateTimeField(db_index=True)
    guesses = models.PositiveSmallIntegerField(default=0)
    spent = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"a code for {self.action} until {self.expires:%F %T}"


class Removal(models.Model):
    """The removal of a lost second factor. It waits until it is due, is cancelled by its owner, or
    is found to be needless; it ends once.
    """

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    factor = models.CharField(max_length=20)
    digest = models.CharField(max_length=64, unique=True)
    """Of the token in the link that cancels it."""
    started = models.DateTimeField(default=timezone.now)
    due = models.DateTimeField(db_index=True)
    outcome = models.CharField(max_length=10, blank=True, choices=Outcome)
    """"" while it waits."""

    def __str__(self) -> str:
        return f"removal of {self.factor}, due {self.due:%F %R}"
