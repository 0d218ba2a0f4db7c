"""The pages where somebody signs a device in: what does it show, and may it?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import require_http_methods

from holdfast.accounts.applications import authorize, devices, grants, registration, signed_in
from holdfast.accounts.applications.configured import Named, application

HELD = "device"


def page_after_step_up(view: Callable[[HttpRequest], HttpResponse]) -> Any:
    """Show a page after a step-up alone: what is allowed there outlives the session."""
    return require_http_methods(["GET", "HEAD", "POST"])(
        login_required(reauthentication_required(view))
    )


@page_after_step_up
def typed(request: HttpRequest) -> HttpResponse:
    """Ask for what the device shows. A link may bring it; somebody still has to say that it is so.

    The gate stands in front: another one's device could be guessed at (RFC 8628, 5.1).
    """
    if request.method != "POST":
        return render(request, "idp/oidc/device.html", {"code": request.GET.get("code", "")})
    code = request.POST.get("code", "")
    found = devices.waiting(code)
    if found is None:
        return render(request, "idp/oidc/device.html", {"code": code, "unknown": True})
    request.session[HELD] = found.pk
    return redirect("device_allow")


@page_after_step_up
def allow(request: HttpRequest) -> HttpResponse:
    """Ask whether the device may be signed in, and do what is answered."""
    found = devices.still_waiting().filter(pk=request.session.get(HELD, "")).first()
    known = application(found.application_id) if found is not None else None
    if found is None or known is None:
        return redirect("device")
    named = Named(found.application_id, known)
    if known.second_factor and not signed_in.of(request).twice:
        return authorize.second_factor(request, named, resolve_url("device_allow"))
    context = {"application": named.name, "scopes": found.scopes.split()}
    answer = request.POST.get("answer") if request.method == "POST" else None
    if answer is None:
        return render(request, "idp/oidc/device_allow.html", context)
    del request.session[HELD]
    is_in = answer == "allow" and registration.may_enter(named, request.user)
    is_done = _decide(request, found, named, is_in=is_in)
    return render(request, "idp/oidc/device_done.html", {**context, "allowed": is_in and is_done})


def _decide(request: HttpRequest, found: Any, named: Named, *, is_in: bool) -> bool:
    """Write down what a person said of a device; return whether it still waited."""
    if not is_in:
        return devices.decide(found, None)
    shown = signed_in.of(request)
    scopes = found.scopes.split()
    with transaction.atomic():
        grant = grants.begin(request.user, named.id, named.known, scopes, shown)
        is_done = devices.decide(found, grant)
        if is_done:
            registration.roles(named.id, request.user)  # it is on their page from now on
        else:
            grant.delete()
    return is_done
