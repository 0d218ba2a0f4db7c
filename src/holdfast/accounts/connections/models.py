"""Which identity providers people may sign in with."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone

from holdfast.accounts import sealed

PURPOSE = "connection"


class Kind(models.TextChoices):
    """How a provider is spoken to."""

    GOOGLE = "google", "Google"
    GITHUB = "github", "GitHub"
    APPLE = "apple", "Apple"
    OPENID = "openid", "OpenID Connect"
    SAML = "saml", "SAML 2.0"


ISSUERS = {
    Kind.GOOGLE: "https://accounts.google.com",
    Kind.GITHUB: "https://github.com",
    Kind.APPLE: "https://appleid.apple.com",
}
"""Where those providers are that everybody knows."""


class Connection(models.Model):
    """One identity provider.

    Identities are kept under its slug, so slug, kind and issuer stay what they are: another
    provider is another connection.
    """

    slug = models.SlugField(max_length=40, unique=True)
    """Its part of the addresses that the provider is told."""
    name = models.CharField(max_length=40)
    """What the button says."""
    kind = models.CharField(max_length=10, choices=Kind)
    enabled = models.BooleanField(default=True)
    issuer = models.CharField(max_length=500, blank=True)
    """The issuer of OpenID, the entity id of SAML; the address of a GitHub server of one's own."""
    client_id = models.CharField(max_length=255, blank=True)
    secret = models.TextField(blank=True)
    """Sealed: the client secret, or Apple's private key."""
    team_id = models.CharField(max_length=20, blank=True)
    key_id = models.CharField(max_length=20, blank=True)
    sso_url = models.CharField(max_length=500, blank=True)
    certificates = models.TextField(blank=True)
    """What a SAML provider signs with, in PEM; two while it changes from one to the other."""
    domains: models.JSONField[Any, Any] = models.JSONField(default=list, blank=True)
    """Whose addresses the provider gives out: `example.com`."""
    trusts_addresses = models.BooleanField(default=False)
    """Whether an address that it says to be verified counts as shown."""
    only = models.BooleanField(default=False)
    """Whether people of these domains sign in by it alone."""
    created = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name

    def keep_secret(self, text: str) -> None:
        """Take a new secret, which is read again only to be used."""
        self.secret = sealed.seal(text, PURPOSE) if text else ""

    def revealed(self) -> str:
        """Return the secret. Raises cryptography's InvalidToken."""
        return sealed.opened(self.secret, PURPOSE) if self.secret else ""
