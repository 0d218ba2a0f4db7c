"""Who is registered in which application, and what they may do there."""

from __future__ import annotations

from typing import Any

from allauth.idp.oidc.models import Client
from django.conf import settings
from django.db import models
from django.utils import timezone


class Registration(models.Model):
    """One person in one application: made when they first sign in to it."""

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="registrations"
    )
    application = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="+")
    roles: models.JSONField[Any, Any] = models.JSONField(default=list)
    """What they may do there; roles that the application does not have count for nothing."""
    made = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["person", "application"], name="registered_once"),
        )

    def __str__(self) -> str:
        return f"{self.person_id} in {self.application_id}"


class Kept(models.Model):
    """What a code stands for until it is exchanged, where no Redis keeps that."""

    digest = models.CharField(max_length=64, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"kept until {self.expires:%F %T}"
