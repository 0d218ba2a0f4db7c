"""The OpenID provider that allauth is, in our terms: one issuer, roles, keys of the data folder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from allauth.idp.oidc.adapter import DefaultOIDCAdapter
from allauth.idp.oidc.internal.private_keys import filter_keys
from allauth.idp.oidc.models import Client, PrivateKey
from django.conf import settings

from holdfast.accounts.applications import registration
from holdfast.accounts.applications.signing_key import signing_keys

NOT_OFFERED = ("device_authorization_endpoint",)
GRANTS = ["authorization_code", "refresh_token"]


class Adapter(DefaultOIDCAdapter):
    """What allauth asks us."""

    def get_issuer(self) -> str:
        """The origin as it is configured: a Host header says nothing about who we are."""
        return str(settings.HOLDFAST.origin)

    def list_private_keys(
        self,
        *,
        did_activate: Literal[True] | None = None,
        is_active: Literal[True] | None = None,
    ) -> list[PrivateKey]:
        """The keys that lie in the data folder now: `holdfast keys rotate` needs no restart."""
        keys = [
            PrivateKey(
                pem=key.pem, issued_at=key.begins, not_before=key.begins, expires_at=key.ends
            )
            for key in signing_keys(settings.HOLDFAST.data)
        ]
        chosen: list[PrivateKey] = filter_keys(keys, did_activate=did_activate, is_active=is_active)
        return chosen

    def populate_access_token(
        self,
        access_token: dict[str, Any],
        *,
        client: Client,
        scopes: Iterable[str],
        user: Any,
        **kwargs: Any,
    ) -> None:
        """Say for whom a token is, and what its person may do there (RFC 9068)."""
        access_token["aud"] = client.id
        if user is not None:
            access_token["roles"] = registration.roles(client, user)

    def get_claims(
        self,
        purpose: Literal["id_token", "userinfo"],
        user: Any,
        client: Client,
        scopes: Iterable[str],
        email: str | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        claims = super().get_claims(purpose, user, client, scopes, email, **kwargs)
        if "profile" in scopes and user.name:
            claims["name"] = user.name
        return {**claims, "roles": registration.roles(client, user)}

    def populate_server_metadata(self, data: dict[str, Any]) -> None:
        """Say what is offered here, and nothing more (Discovery 3)."""
        for name in NOT_OFFERED:
            data.pop(name, None)
        data["grant_types_supported"] = GRANTS
        data["response_types_supported"] = ["code"]
        data["claims_supported"] = ["sub", "name", "email", "email_verified", "roles"]
