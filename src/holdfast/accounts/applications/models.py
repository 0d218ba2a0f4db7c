"""Who is registered in which application, what they may do there, and who is signed in to it."""

from __future__ import annotations

from typing import Any

from allauth.idp.oidc.models import Client
from django.conf import settings
from django.db import models
from django.utils import timezone

from holdfast.accounts.people.ids import new_id


class Registration(models.Model):
    """One person in one application: made when they first sign in to it."""

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="registrations"
    )
    application = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="+")
    roles: models.JSONField[Any, Any] = models.JSONField(default=list, blank=True)
    """What they may do there; roles that the application does not have count for nothing."""
    invited = models.BooleanField(default=False)
    """Whether an administrator has registered them: into what is for members only."""
    consented: models.JSONField[Any, Any] = models.JSONField(default=list, blank=True)
    """The scopes that its person has allowed it."""
    made = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["person", "application"], name="registered_once"),
        )

    def __str__(self) -> str:
        return f"{self.person_id} in {self.application_id}"


class Group(models.Model):
    """People who have the same roles."""

    name = models.CharField(max_length=60, unique=True)
    roles: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)
    """By application, what its members may do there."""
    members: models.ManyToManyField[Any, Any] = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="in_groups", blank=True
    )

    def __str__(self) -> str:
        return self.name


class Grant(models.Model):
    """One sign-in of a person to an application: what all its tokens hang on.

    Where it ends, they end. It outlives its browser's session only where `session` is empty.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="grants"
    )
    application = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="+")
    scopes = models.TextField()
    signed_in = models.DateTimeField()
    """When the person last showed who they are."""
    methods: models.JSONField[Any, Any] = models.JSONField(default=list)
    """How they did: values of RFC 8176."""
    session = models.CharField(max_length=64, blank=True, db_index=True)
    """A digest of the key of the browser's session."""
    code = models.CharField(max_length=64, unique=True, null=True)
    """A digest of the code that it was begun with: brought again, that ends it."""
    pending: models.JSONField[Any, Any] = models.JSONField(null=True)
    """What that code has to be exchanged with; nothing once it was."""
    began = models.DateTimeField(default=timezone.now)
    ends = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.person_id} in {self.application_id} until {self.ends:%F %T}"


class RefreshToken(models.Model):
    """What an application gets its next access token with. Only a digest of it is kept."""

    digest = models.CharField(max_length=64, primary_key=True)
    grant = models.ForeignKey(Grant, on_delete=models.CASCADE, related_name="refresh_tokens")
    used = models.DateTimeField(null=True)
    expires = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"of {self.grant_id} until {self.expires:%F %T}"


class Device(models.Model):
    """A device without a keyboard that waits for somebody to sign it in (RFC 8628)."""

    digest = models.CharField(max_length=64, primary_key=True)
    user_code = models.CharField(max_length=64, unique=True)
    """A digest of what is typed."""
    application = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="+")
    scopes = models.TextField()
    grant = models.ForeignKey(Grant, on_delete=models.CASCADE, null=True, related_name="+")
    """What the person allowed it."""
    declined = models.BooleanField(default=False)
    asked = models.DateTimeField(null=True)
    expires = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"of {self.application_id} until {self.expires:%F %T}"
