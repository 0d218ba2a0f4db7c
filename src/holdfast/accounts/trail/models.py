"""What the trail keeps in the database. Nothing here is ever changed but the head."""

from __future__ import annotations

from django.db import models

LONGEST_WHAT, LONGEST_WHO = 130, 64


class TrailEntry(models.Model):
    """One entry. Its bytes and signature count; the rest is a copy of them to search by."""

    number = models.BigIntegerField(primary_key=True)
    data = models.TextField()
    signature = models.CharField(max_length=88)
    at = models.DateTimeField()
    what = models.CharField(max_length=LONGEST_WHAT)
    who = models.CharField(max_length=LONGEST_WHO)
    on = models.CharField(max_length=LONGEST_WHO, db_column="object")

    class Meta:
        verbose_name = "entry"
        verbose_name_plural = "entries of the trail"
        indexes = (
            models.Index(fields=["what", "number"], name="trail_by_what"),
            models.Index(fields=["who", "number"], name="trail_by_who"),
            models.Index(fields=["on", "number"], name="trail_by_on"),
        )

    def __str__(self) -> str:
        return f"{self.number}: {self.what}"


class Tally(models.Model):
    """How often something happened on a day; what charts are drawn of, and no proof of anything."""

    day = models.DateField()
    what = models.CharField(max_length=LONGEST_WHAT)
    count = models.BigIntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["day", "what"], name="tallied_once"),)

    def __str__(self) -> str:
        return f"{self.what} on {self.day}: {self.count}"


class TrailHead(models.Model):
    """The one row that writers take in turn: how many entries there are, and their tree's parts."""

    id = models.IntegerField(primary_key=True, default=1)
    size = models.BigIntegerField(default=0)
    parts = models.TextField(default="", blank=True)
    listened = models.BooleanField(default=False)
    """Whether anybody wants to be told of entries."""

    def __str__(self) -> str:
        return f"{self.size} entries"
