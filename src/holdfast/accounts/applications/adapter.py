"""The OpenID provider that allauth is, in our terms: its issuer, its offer, its keys."""

from __future__ import annotations

from typing import Any, Literal

from allauth.idp.oidc.adapter import DefaultOIDCAdapter
from allauth.idp.oidc.internal.private_keys import filter_keys
from allauth.idp.oidc.models import PrivateKey
from django.conf import settings
from django.urls import reverse

from holdfast.accounts.applications.asked import PROMPTS
from holdfast.accounts.applications.claims import SUPPORTED
from holdfast.accounts.applications.clients import METHODS
from holdfast.accounts.applications.configured import SCOPES
from holdfast.accounts.applications.exchange import EXCHANGES
from holdfast.accounts.applications.signing_key import signing_keys

ALWAYS = ("authorization_code", "refresh_token")


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

    def populate_server_metadata(self, data: dict[str, Any]) -> None:
        """Say what is offered here, and nothing more (Discovery 3, RFC 8414, RFC 9207)."""
        origin = self.get_issuer()
        applications = settings.HOLDFAST.applications.values()
        grants = {grant for known in applications for grant in known.grants} | set(ALWAYS)
        if any(known.own_form for known in applications):
            grants.add("token_exchange")
        data["grant_types_supported"] = [
            name for name, (called, _) in EXCHANGES.items() if called in grants
        ]
        if "device_code" not in grants:
            data.pop("device_authorization_endpoint", None)
        data |= {
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "scopes_supported": list(SCOPES),
            "claims_supported": list(SUPPORTED),
            "claims_parameter_supported": False,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
            "authorization_response_iss_parameter_supported": True,
            "token_endpoint_auth_methods_supported": METHODS,
            "revocation_endpoint_auth_methods_supported": METHODS,
            "introspection_endpoint": f"{origin}{reverse('idp:oidc:introspect')}",
            "introspection_endpoint_auth_methods_supported": METHODS[:2],
            "prompt_values_supported": sorted(PROMPTS),
        }
