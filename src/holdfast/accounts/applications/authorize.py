"""Signing somebody in to an application: who they are, whether they may, whether they allow it."""

from __future__ import annotations

import time
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.mfa.utils import is_mfa_enabled
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render, resolve_url
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from holdfast.accounts.applications import grants, registration, signed_in, tokens
from holdfast.accounts.applications.asked import Asked, SentBack, Unregistered, read
from holdfast.accounts.applications.claims import subject
from holdfast.accounts.applications.configured import Named
from holdfast.accounts.configuration import OFFLINE

AGAIN = frozenset({"login", "select_account"})


@csrf_exempt  # it changes nothing; a consent goes to a page of its own
@require_http_methods(["GET", "HEAD", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    """Send somebody back to an application with a code, after all that has to be done before."""
    if request.method == "POST":  # OpenID Connect Core, 3.1.2.1
        at = f"{request.path}?{request.POST.urlencode()}"
        return HttpResponseRedirect(at, status=303)
    return _answer(request)


@require_POST
def consent(request: HttpRequest) -> HttpResponse:
    """Take what a person says about an application that wants to know who they are."""
    return _answer(request, request.POST.get("answer", "decline"))


def _answer(request: HttpRequest, consent: str = "") -> HttpResponse:
    """Answer a request; `consent` is what its person said, where they were asked."""
    try:
        asked = read(request.GET)
        if consent not in ("", "allow"):
            raise SentBack(asked.asker, "access_denied")
        return _demanded(request, asked) or _allowed(request, asked, consent == "allow")
    except Unregistered:
        return render(request, "idp/oidc/error.html", status=400)
    except SentBack as back:
        return HttpResponseRedirect(back.to)


def _demanded(request: HttpRequest, asked: Asked) -> HttpResponse | None:
    """Return the page that somebody has to pass first; None where nothing is missing."""
    if not request.user.is_authenticated:
        if asked.is_silent:
            raise SentBack(asked.asker, "login_required")
        return _led_to("account_login", asked_again(request))
    now = signed_in.of(request)
    if asked.hint:
        hinted = tokens.read_id_token(asked.hint, asked.asker.application.id)
        if hinted is None or hinted.get("sub") != subject(request.user):
            raise SentBack(asked.asker, "login_required", "somebody else is signed in")
    is_old = asked.max_age_s is not None and time.time() - now.at > asked.max_age_s
    if OFFLINE in asked.scopes:  # it outlives the session: a stolen one is not enough
        is_old = is_old or now.is_late
    if is_old or asked.prompts & AGAIN:
        if asked.is_silent:
            raise SentBack(asked.asker, "login_required")
        return shown_again(request, asked_again(request))
    if asked.asker.application.known.second_factor and not now.twice:
        if asked.is_silent:
            raise SentBack(asked.asker, "interaction_required", "a second factor is needed")
        return second_factor(request, asked.asker.application, asked_again(request))
    return None


def asked_again(request: HttpRequest) -> str:
    """Return the address that goes on with a request once somebody has shown who they are."""
    kept = []
    for name in request.GET:
        value = request.GET.get(name, "")
        if name == "prompt":
            value = " ".join(one for one in value.split() if one not in AGAIN)
        if value and name != "max_age":
            kept.append((name, value))
    return f"{resolve_url('idp:oidc:authorization')}?{urlencode(kept)}"


def _led_to(name: str, following: str) -> HttpResponse:
    return HttpResponseRedirect(f"{resolve_url(name)}?{urlencode({'next': following})}")


def shown_again(request: HttpRequest, following: str) -> HttpResponse:
    """Have somebody show once more that it is them."""
    ways = get_adapter(request).get_reauthentication_methods(request.user)
    return _led_to(ways[0]["url"], following)


def second_factor(request: HttpRequest, application: Named, following: str) -> HttpResponse:
    """Have somebody show a second factor, or say that they need one first."""
    if is_mfa_enabled(request.user):
        return _led_to("mfa_reauthenticate", following)
    context = {"application": application.name, "again": following}
    return render(request, "idp/oidc/second_factor.html", context)


def _allowed(request: HttpRequest, asked: Asked, consented: bool) -> HttpResponse:
    """Return the code where the person and the application may have each other."""
    asker, person = asked.asker, request.user
    application = asker.application
    if not registration.may_enter(application, person):
        raise SentBack(asker, "access_denied", "not registered in this application")
    if consented:
        registration.consent(application.id, person, asked.scopes)
    elif _must_ask(asked, person):
        if asked.is_silent:
            raise SentBack(asker, "consent_required")
        context = {
            "application": application.name,
            "scopes": asked.scopes,
            "query": request.META["QUERY_STRING"],
        }
        return render(request, "idp/oidc/consent.html", context)
    now = signed_in.of(request)
    pending = {
        "redirect": asker.redirect,
        "challenge": asked.challenge,
        "nonce": asked.nonce,
    }
    code = grants.begin_by_code(person, application.id, asked.scopes, now, pending)
    return HttpResponseRedirect(asker.leads_back(code=code))


def _must_ask(asked: Asked, person: object) -> bool:
    if "consent" in asked.prompts:
        return True
    application = asked.asker.application
    if application.known.first_party:
        return False
    return not registration.has_consented(application.id, person, asked.scopes)


def led_from(following: str) -> Named | None:
    """Return the application that a page leads on to; None where it does not."""
    path, _, query = following.partition("?")
    if path != resolve_url("idp:oidc:authorization"):
        return None
    try:
        return read(QueryDict(query)).asker.application
    except (Unregistered, SentBack):
        return None
