"""Keys, and answers that were given."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone


class ApiKey(models.Model):
    """Lets a program in. Only a digest of its secret is kept."""

    name = models.CharField(max_length=60, unique=True)
    digest = models.CharField(max_length=64)
    scopes: models.JSONField[Any, Any] = models.JSONField(default=list)
    created = models.DateTimeField(default=timezone.now)
    expires = models.DateTimeField(null=True, blank=True)
    used = models.DateTimeField(null=True, blank=True)
    """When it was last used, to a minute."""

    class Meta:
        verbose_name = "key"

    def __str__(self) -> str:
        return self.name


class Answer(models.Model):
    """What a write was answered, so that the same one sent again is not done again."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, db_constraint=False)
    """Not held by the database: a key that writes and one who removes it would wait in turn."""
    name = models.CharField(max_length=100)
    request = models.CharField(max_length=64)
    """The digest of what was asked."""
    status = models.PositiveSmallIntegerField(default=0)
    body: models.JSONField[Any, Any] = models.JSONField(null=True)
    created = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["key", "name"], name="answered_once"),)

    def __str__(self) -> str:
        return f"answer {self.name}"
