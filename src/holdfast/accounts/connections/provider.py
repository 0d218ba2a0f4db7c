"""A connection as allauth knows it: its provider, whose answer is an `Identity`."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.base import Provider, ProviderAccount
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from holdfast.accounts.connections.identity import Identity, uid
from holdfast.accounts.connections.models import Connection
from holdfast.accounts.connections.saml import Ours


class NoConnection(SocialApp.DoesNotExist, ValueError):
    """There is no such connection, or no more; a sign-in that waits for it is over."""


class ConnectionProvider(Provider):
    """One connection."""

    id = "connection"
    account_class = ProviderAccount
    supports_redirect = True

    def __init__(self, request: HttpRequest, connection: Connection) -> None:
        app = SocialApp(
            provider=connection.kind,
            provider_id=connection.slug,
            name=connection.name,
            client_id=connection.client_id,
        )
        super().__init__(request, app=app)
        self.connection = connection
        self.name = connection.name

    def get_login_url(self, request: HttpRequest, **rest: Any) -> str:
        return reverse("connection_begin", args=[self.connection.slug])

    def serialize(self) -> dict[str, Any]:
        return {"id": self.connection.slug}

    def extract_uid(self, data: Identity) -> str:
        return uid(data.subject)

    def extract_extra_data(self, data: Identity) -> dict[str, str]:
        """What its owner knows it by; nothing else that was said is kept."""
        return {"email": data.email, "name": data.name}

    def extract_common_fields(self, data: Identity) -> dict[str, str]:
        return {"email": data.email, "name": data.name}

    def extract_email_addresses(self, data: Identity) -> list[EmailAddress]:
        if not data.email:
            return []
        return [EmailAddress(email=data.email, verified=data.proven, primary=True)]


def back(connection: Connection) -> str:
    """Return where the provider sends people back to: from the configured origin alone."""
    return f"{settings.HOLDFAST.origin}{reverse('connection_back', args=[connection.slug])}"


def ours(connection: Connection) -> Ours:
    """Return what a SAML provider knows this service by."""
    described = reverse("connection_metadata", args=[connection.slug])
    return Ours(f"{settings.HOLDFAST.origin}{described}", back(connection))
