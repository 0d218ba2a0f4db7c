"""Applications as the configuration names them, brought into the database at start."""

from __future__ import annotations

from allauth.idp.oidc.models import Client
from django.conf import settings
from django.db import transaction

from holdfast.accounts.applications.models import Grant
from holdfast.accounts.configuration import Application

SCOPES = ("openid", "profile", "email", "offline_access")


def bring() -> None:
    """Make the clients what the configuration says; nobody signs in to one that it does not name.

    Such a one is kept, with who has which roles there, until it is named again. Several processes
    may start at once: each brings the same. No secret is kept: the configuration has it.
    """
    wanted = settings.HOLDFAST.applications
    with transaction.atomic():
        gone = Client.objects.exclude(id__in=wanted)
        Grant.objects.filter(application__in=gone).delete()
        gone.update(redirect_uris="", grant_types="", secret="", data=None)
        for name, application in wanted.items():
            _bring(name, application)


def _bring(name: str, application: Application) -> None:
    client = Client.objects.filter(id=name).first() or Client(id=name)
    secret = application.secret.get_secret_value()
    client.secret = ""
    client.name = application.name or name
    client.type = Client.Type.CONFIDENTIAL if secret else Client.Type.PUBLIC
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
