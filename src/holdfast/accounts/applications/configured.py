"""Applications as the configuration names them, brought into the database at start."""

from __future__ import annotations

from dataclasses import dataclass

from allauth.idp.oidc.models import Client
from django.conf import settings
from django.db import transaction

from holdfast.accounts.applications import grants
from holdfast.accounts.applications.models import Grant
from holdfast.accounts.configuration import OFFLINE, STANDARD_SCOPES, Application

SCOPES = (*STANDARD_SCOPES, OFFLINE)


@dataclass(frozen=True)
class Named:
    """An application: its client id, and what the configuration says of it."""

    id: str
    known: Application

    @property
    def name(self) -> str:
        """What people are told that it is called."""
        return self.known.name or self.id

    @property
    def is_public(self) -> bool:
        return not self.known.secret.get_secret_value()


def bring() -> None:
    """Make the clients what the configuration says; nobody signs in to one that it does not name.

    Such a one is kept, with who has which roles there, until it is named again. Several processes
    may start at once: each brings the same. No secret is kept: the configuration has it.
    """
    wanted = settings.HOLDFAST.applications
    with transaction.atomic():
        gone = Client.objects.exclude(id__in=wanted)
        grants.end(Grant.objects.filter(application__in=gone))
        gone.update(redirect_uris="", grant_types="", secret="", data=None)
        for name, application in wanted.items():
            _bring(Named(name, application))


def _bring(named: Named) -> None:
    application = named.known
    client = Client.objects.filter(id=named.id).first() or Client(id=named.id)
    client.secret = ""
    client.name = named.name
    client.type = Client.Type.PUBLIC if named.is_public else Client.Type.CONFIDENTIAL
    client.skip_consent = application.first_party
    client.allow_uri_wildcards = False
    client.set_redirect_uris(list(application.redirect))
    client.set_post_logout_redirect_uris(list(application.signed_out))
    client.set_scopes([*SCOPES, *application.scopes])
    client.set_grant_types(list(application.grants))
    client.set_response_types(["code"])
    client.save()


def application(client_id: str) -> Application | None:
    """Return what the configuration says of a client."""
    found: Application | None = settings.HOLDFAST.applications.get(client_id)
    return found
