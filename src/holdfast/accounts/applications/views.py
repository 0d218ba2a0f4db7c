"""What applications ask of the provider, each shown to be the one it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from allauth.idp.oidc.forms import RPInitiatedLogoutForm
from allauth.idp.oidc.views import LogoutView
from allauth.idp.oidc.views import jwks as allauth_jwks
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import resolve_url
from django.utils.http import urlencode
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from holdfast.accounts.applications import (
    claims,
    clients,
    devices,
    exchange,
    grants,
    registration,
    tokens,
)
from holdfast.accounts.applications.clients import Refused
from holdfast.accounts.applications.configured import Named, application
from holdfast.accounts.applications.models import Grant
from holdfast.accounts.configuration import STANDARD_SCOPES
from holdfast.accounts.gate import running
from holdfast.accounts.people.embedded_cache import is_spent, spend
from holdfast.accounts.trail.events import address, note
from holdfast.gate.budgets import Budget
from holdfast.work.spent import StoreDown

DEVICES = Budget(free=60, every_s=10.0, priced=0)
"""So many codes for devices are shown in a network: each is a row for ten minutes."""
Answers = Callable[[HttpRequest, Named, dict[str, str]], dict[str, object]]


def asked_by_an_application(answers: Answers) -> Callable[[HttpRequest], HttpResponse]:
    """Have a view asked by nobody but an application that shows which one it is."""

    @csrf_exempt  # no cookie counts here
    @require_POST
    def view(request: HttpRequest) -> HttpResponse:
        try:
            fields = clients.fields_of(request)
            client = clients.authenticated(request, fields)
            response = clients.answer(answers(request, client, fields))
        except StoreDown:
            down = Refused("temporarily_unavailable", "try again in a while", 503)
            return clients.refusal(down)
        except Refused as refused:
            return clients.refusal(refused)
        _share(request, client, response)
        return response

    return view


def _share(request: HttpRequest, client: Named, response: HttpResponse) -> None:
    """Let pages of an application that runs in the browser read what they are answered."""
    origin = request.META.get("HTTP_ORIGIN", "")
    if client.is_public and origin in client.known.origins:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Vary"] = "Origin"


@asked_by_an_application
def token(request: HttpRequest, client: Named, fields: dict[str, str]) -> dict[str, object]:
    """Give tokens (RFC 6749, 3.2)."""
    return exchange.exchange(client, fields)


@asked_by_an_application
def revoke(request: HttpRequest, client: Named, fields: dict[str, str]) -> dict[str, object]:
    """Have a token be good no more (RFC 7009). A refresh token ends its whole sign-in."""
    text = _token(fields)
    said = tokens.read_access_token(text)
    if said is not None:
        if said.get("client_id") == client.id:
            spend(_of_access(said), lives_s=tokens.LONGEST_LIFE_S)
        return {}
    found = Grant.objects.filter(
        refresh_tokens__digest=tokens.digest(text), application_id=client.id
    ).first()
    if found is not None:
        grants.end(Grant.objects.filter(pk=found.pk))
        note("application.signed-out", on=str(found.person_id), details={"by": client.id})
    return {}


@asked_by_an_application
def introspect(request: HttpRequest, client: Named, fields: dict[str, str]) -> dict[str, object]:
    """Say whether a token is good, to whom it is for (RFC 7662)."""
    if client.is_public:
        raise Refused("invalid_client", "only for an application with a secret", 401)
    text = _token(fields)
    said = tokens.read_access_token(text)
    if said is not None:
        takers = said["aud"] if isinstance(said["aud"], list) else [said["aud"]]
        if client.id not in takers or not _is_good(said):
            return {"active": False}
        told = ("scope", "client_id", "sub", "aud", "iss", "exp", "iat", "jti", "roles")
        shown = {name: said[name] for name in told if name in said}
        return {"active": True, "token_type": "Bearer", **shown}
    found = grants.find(text, client.id)
    if found is None or found.used is not None:
        return {"active": False}
    return {
        "active": True,
        "client_id": client.id,
        "sub": str(found.grant.person_id),
        "scope": found.grant.scopes,
        "exp": int(found.expires.timestamp()),
        "iss": str(settings.HOLDFAST.origin),
    }


def _token(fields: dict[str, str]) -> str:
    if "token" not in fields:
        raise Refused("invalid_request", "token is missing")
    return fields["token"]


def _of_access(said: dict[str, Any]) -> str:
    return f"access token {said['jti']}"


def _is_good(said: dict[str, Any]) -> bool:
    """Whether an access token's sign-in goes on, and nobody took the token back."""
    if application(str(said["client_id"])) is None:
        return False
    if "grant" not in said:
        return not is_spent(_of_access(said))
    return grants.goes_on(str(said["grant"]), unless_spent=_of_access(said))


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def userinfo(request: HttpRequest) -> HttpResponse:
    """Say who somebody is (OpenID Connect Core, 5.3), to whoever has their access token."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        text = request.POST.get("access_token", "") if request.method == "POST" else ""
    if not text:
        return _challenge("", 401)
    said = tokens.read_access_token(text)
    if said is None or "grant" not in said or not _is_good(said):
        return _challenge("invalid_token", 401)
    scopes = str(said.get("scope", "")).split()
    if "openid" not in scopes:
        return _challenge("insufficient_scope", 403)
    roles = registration.roles(str(said["client_id"]), said["sub"])
    return JsonResponse(claims.of_person(said["sub"], scopes, roles))


def _challenge(error: str, status: int) -> HttpResponse:
    """Refuse as RFC 6750, 3 says."""
    response = HttpResponse(status=status)
    rest = f', error="{error}"' if error else ""
    response.headers["WWW-Authenticate"] = f'Bearer realm="accounts"{rest}'
    return response


@require_safe
def jwks(request: HttpRequest) -> HttpResponse:
    """Show the public keys, each with what it is for (RFC 7517, 4.2 and 4.4)."""
    response: HttpResponse = allauth_jwks(request)
    keys = json.loads(response.content)["keys"]
    for key in keys:
        key |= {"use": "sig", "alg": tokens.ALGORITHM}
    response.content = json.dumps({"keys": keys}).encode()
    return response


class LogoutForm(RPInitiatedLogoutForm):
    """Where somebody is led is compared to the letter."""

    def clean_post_logout_redirect_uri(self) -> str:
        named = str(self.cleaned_data["post_logout_redirect_uri"])
        known = settings.HOLDFAST.applications.values()
        return named if any(named in one.signed_out for one in known) else ""


class Logout(LogoutView):
    """allauth's page, which also ends what we keep of the application."""

    form_class = LogoutForm

    def _handle(self, form: Any, op_logout: bool) -> HttpResponse:
        client = form.cleaned_data["client"]
        known = application(client.id) if client is not None else None
        if known is None or form.cleaned_data["post_logout_redirect_uri"] not in known.signed_out:
            form.cleaned_data["post_logout_redirect_uri"] = ""  # to the letter
        if self.request.user.is_authenticated and client is not None:
            grants.end_all(self.request.user, client.id)
        answer: HttpResponse = super()._handle(form, op_logout)
        return answer


@asked_by_an_application
def device(request: HttpRequest, client: Named, fields: dict[str, str]) -> dict[str, object]:
    """Give a device a code to show (RFC 8628, 3.2)."""
    if "device_code" not in client.known.grants:
        raise Refused("unauthorized_client", "device_code is none of its grants")
    allowed = [*STANDARD_SCOPES, *client.known.scopes]
    if client.is_public and not running.gate().allowed("device code", address(request), DEVICES):
        raise Refused("temporarily_unavailable", "too many devices at once: wait", 429)
    scopes = fields.get("scope", "").split()
    if not scopes or set(scopes) - set(allowed):
        raise Refused("invalid_scope", "ask for what the application is registered for")
    kept, shown = devices.begin(client.id, scopes)
    at = f"{settings.HOLDFAST.origin}{resolve_url('device')}"
    return {
        "device_code": kept,
        "user_code": shown,
        "verification_uri": at,
        "verification_uri_complete": f"{at}?{urlencode({'code': shown})}",
        "expires_in": int(devices.LIVES.total_seconds()),
        "interval": devices.EVERY_S,
    }
