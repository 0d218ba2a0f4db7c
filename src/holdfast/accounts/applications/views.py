"""The provider's pages, where they ask for more than allauth does."""

from __future__ import annotations

import re

from allauth.idp.oidc import views as allauth
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_deny
from django.views.decorators.csrf import csrf_exempt

from holdfast.accounts.applications import configured
from holdfast.accounts.people.embedded_cache import spend

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


@csrf_exempt  # allauth's own view sees to that, for a consent
@xframe_options_deny
def authorize(request: HttpRequest) -> HttpResponse:
    """Begin a sign-in to an application that shows by PKCE, method S256, that it goes on with it.

    Confidential clients too (RFC 9700, 2.1.1): the challenge is what ties a code to its browser.
    """
    asked = request.GET
    known = configured.application(asked.get("client_id", ""))
    if request.method == "GET" and known and asked.get("redirect_uri") not in known.redirect:
        # To the letter (RFC 9700, 2.1): allauth would let a query be added.
        return render(request, "idp/oidc/error.html", status=400)
    is_bound = asked.get("code_challenge_method") == "S256" and _CHALLENGE.fullmatch(
        asked.get("code_challenge", "")
    )
    if request.method == "GET" and not is_bound:
        return render(request, "idp/oidc/unbound.html", status=400)
    answer: HttpResponse = allauth.authorization(request)
    return answer


@csrf_exempt
def token(request: HttpRequest) -> HttpResponse:
    """Exchange a code or a refresh token. A code counts once, whoever brings it at the same moment.

    Also where the exchange fails: whoever has somebody's code has no second try (RFC 6749, 10.5).
    """
    code = request.POST.get("code", "")
    if request.POST.get("grant_type") == "authorization_code" and not spend(f"code {code}"):
        return JsonResponse({"error": "invalid_grant"}, status=400)
    answer: HttpResponse = allauth.token(request)
    return answer


def not_offered(request: HttpRequest) -> HttpResponse:
    """What allauth has an address for and we do not offer."""
    raise Http404
