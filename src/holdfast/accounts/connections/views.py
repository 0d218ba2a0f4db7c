"""The way to a provider and back. What each answer is worth is said in `openid` and its like."""

from __future__ import annotations

import json
import logging
import time
from urllib.parse import urlencode

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.account.utils import get_next_redirect_url
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.helpers import complete_social_login
from allauth.socialaccount.internal import statekit
from allauth.socialaccount.providers.base.constants import AuthProcess
from cryptography.fernet import InvalidToken
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from holdfast.accounts import sealed
from holdfast.accounts.connections import github, openid, saml
from holdfast.accounts.connections.identity import Identity, Refused
from holdfast.accounts.connections.models import Connection, Kind
from holdfast.accounts.connections.provider import ConnectionProvider, back, ours
from holdfast.accounts.people.embedded_cache import spend
from holdfast.accounts.trail import events

log = logging.getLogger("holdfast.connections")
OAUTH = {Kind.GITHUB: github, Kind.GOOGLE: openid, Kind.APPLE: openid, Kind.OPENID: openid}
RETURNED = ("code", "state", "iss", "error")
LONGEST_PARAMETER = 4096
TICKET, TICKET_LIVES_S = "saml answer", 120


def _provider(request: HttpRequest, slug: str) -> ConnectionProvider:
    found = Connection.objects.filter(slug=slug, enabled=True).first()
    if found is None:
        raise Http404
    return ConnectionProvider(request, found)


@require_http_methods(["GET", "HEAD", "POST"])
def begin(request: HttpRequest, slug: str) -> HttpResponse:
    """Lead somebody to a provider, from a form of our own: to sign in, or to link an identity."""
    provider = _provider(request, slug)
    if request.method != "POST":
        context = {"provider": provider, "following": get_next_redirect_url(request)}
        return render(request, "connections/begin.html", context)
    process = AuthProcess.LOGIN
    if request.POST.get("process") == AuthProcess.CONNECT:
        if not request.user.is_authenticated:
            return redirect("account_login")
        raise_if_reauthentication_required(request, app="allauth.socialaccount")
        process = AuthProcess.CONNECT
    return lead(request, provider, process, get_next_redirect_url(request))


def lead(
    request: HttpRequest,
    provider: ConnectionProvider,
    process: str = AuthProcess.LOGIN,
    next_url: str | None = None,
) -> HttpResponse:
    """Return the page that leads on to a provider.

    It is a page, and no redirect: browsers let a form lead only to where the page with the form
    says, and where a provider leads on to nobody knows here.
    """
    connection = provider.connection
    try:
        if connection.kind == Kind.SAML:
            url, state = saml.begin(connection, ours(connection))
            provider.stash_redirect_state(request, process, next_url, state_id=state)
        else:
            state = get_adapter(request).generate_state_param({})
            url, kept = OAUTH[Kind(connection.kind)].begin(connection, back(connection), state)
            provider.stash_redirect_state(request, process, next_url, kept, state_id=state)
    except Refused as refused:
        return _refused(request, provider, refused)
    return render(request, "connections/lead.html", {"provider": provider, "url": url})


@csrf_exempt  # from another site; what is believed is bound to this session by `state`
def come_back(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a provider's answer."""
    provider = _provider(request, slug)
    kind = Kind(provider.connection.kind)
    if kind == Kind.SAML:
        return _assertion(request, provider)
    if kind == Kind.APPLE and request.method == "POST":
        # The session's cookie does not come with a form of another site: once more, as a link.
        sent = {name: request.POST[name] for name in RETURNED if name in request.POST}
        return redirect(f"{request.path}?{urlencode(_bounded(sent))}")
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET"])
    answer = _bounded({name: request.GET[name] for name in RETURNED if name in request.GET})
    state = statekit.unstash_state(request, provider_id=slug, state_id=answer.get("state", ""))
    if state is None:
        return _refused(request, provider, Refused("nobody here began this"))
    if "error" in answer or "code" not in answer:
        if answer.get("error") == "access_denied":
            messages.info(request, _("You did not sign in there."))
            return redirect("account_login")
        return _refused(request, provider, Refused("the provider refused"), began=True)
    try:
        found = OAUTH[kind].finish(
            provider.connection, back(provider.connection), answer, state["data"]
        )
    except Refused as refused:
        return _refused(request, provider, refused, began=True)
    return _complete(request, provider, found, state)


def _bounded(sent: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in sent.items() if len(value) <= LONGEST_PARAMETER}


def _assertion(request: HttpRequest, provider: ConnectionProvider) -> HttpResponse:
    """Take what a SAML provider says; whose session it is for, `finish` sees.

    The session's cookie does not come with a form of another site. What holds goes on as a link,
    sealed, and good for two minutes in the one session that asked for it.
    """
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    connection = provider.connection
    try:
        said = saml.answered(connection, ours(connection), request.POST.get("SAMLResponse", ""))
    except Refused as refused:
        return _refused(request, provider, refused)
    who = said.identity
    told = {
        "connection": connection.slug,
        "request": said.request,
        "assertion": said.assertion,
        "identity": [who.subject, who.email, who.proven, who.name],
        "at": time.time(),
    }
    ticket = sealed.seal(json.dumps(told), TICKET)
    return redirect(f"{request.path}finish/?{urlencode({'ticket': ticket})}")


@require_safe
def finish(request: HttpRequest, slug: str) -> HttpResponse:
    """Sign in whoever a SAML provider's answer is about, where this session asked for it."""
    provider = _provider(request, slug)
    try:
        told = json.loads(sealed.opened(request.GET.get("ticket", ""), TICKET))
    except (InvalidToken, ValueError):
        return _refused(request, provider, Refused("a ticket that is none"))
    if told["connection"] != slug or time.time() - told["at"] > TICKET_LIVES_S:
        return _refused(request, provider, Refused("a ticket that is too old, or another's"))
    state = statekit.unstash_state(request, provider_id=slug, state_id=told["request"])
    if state is None:
        return _refused(request, provider, Refused("nobody here asked for this"))
    if not spend(f"assertion {slug} {told['assertion']}"):
        return _refused(request, provider, Refused("it was used already"), began=True)
    return _complete(request, provider, Identity(*told["identity"]), state)


@require_safe
def metadata(request: HttpRequest, slug: str) -> HttpResponse:
    """Tell a SAML provider what it has to know of this service."""
    provider = _provider(request, slug)
    if provider.connection.kind != Kind.SAML:
        raise Http404
    text = saml.own_metadata(provider.connection, ours(provider.connection))
    return HttpResponse(text, content_type="application/samlmetadata+xml")


def _complete(
    request: HttpRequest, provider: ConnectionProvider, found: Identity, state: dict[str, object]
) -> HttpResponse:
    login = provider.sociallogin_from_response(request, found)
    login.state = {name: state[name] for name in ("process", "next") if name in state}
    response: HttpResponse = complete_social_login(request, login)
    return response


def _refused(
    request: HttpRequest, provider: ConnectionProvider, why: Refused, *, began: bool = False
) -> HttpResponse:
    """Say that it did not work. What was begun here is in the trail; anybody can send the rest."""
    slug = provider.connection.slug
    log.warning("refused", extra={"connection": slug, "why": str(why)})
    if began:
        details = {"connection": slug, "why": str(why)}
        events.note("sign-in.failed", request, result="refused", details=details)
    return render(request, "connections/refused.html", {"provider": provider}, status=400)
