"""The pages where somebody signs a device in: what does it show, and may it?"""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import require_http_methods

from holdfast.accounts.applications import authorize, devices, grants, registration, signed_in
from holdfast.accounts.applications.asked import Asker
from holdfast.accounts.applications.configured import application

HELD = "device"
page = require_http_methods(["GET", "HEAD", "POST"])


@page
@login_required
@reauthentication_required
def typed(request: HttpRequest) -> HttpResponse:
    """Ask for what the device shows. A link may bring it; somebody still has to say that it is so.

    The gate stands in front: another one's device could be guessed at (RFC 8628, 5.1).
    """
    if authorize.is_late(signed_in.of(request)):
        return authorize.shown_again(request, request.get_full_path())
    if request.method != "POST":
        return render(request, "idp/oidc/device.html", {"code": request.GET.get("code", "")})
    code = request.POST.get("code", "")
    found = devices.waiting(code)
    if found is None:
        return render(request, "idp/oidc/device.html", {"code": code, "unknown": True})
    request.session[HELD] = found.pk
    return redirect("device_allow")


@page
@login_required
@reauthentication_required
def allow(request: HttpRequest) -> HttpResponse:
    """Ask whether the device may be signed in, and do what is answered."""
    if authorize.is_late(signed_in.of(request)):
        return authorize.shown_again(request, resolve_url("device_allow"))
    held = devices.still_waiting().filter(pk=request.session.get(HELD, ""))
    found = held.first()
    known = application(found.application_id) if found is not None else None
    if found is None or known is None:
        return redirect("device")
    asker = Asker(found.application_id, known, "", "")
    if known.second_factor and not signed_in.of(request).twice:
        return authorize.second_factor(request, asker, resolve_url("device_allow"))
    context = {"application": authorize.name_of(asker), "scopes": found.scopes.split()}
    answer = request.POST.get("answer") if request.method == "POST" else None
    if answer is None:
        return render(request, "idp/oidc/device_allow.html", context)
    del request.session[HELD]
    is_in = answer == "allow" and _may(request, asker)
    is_done = _decide(request, found, asker, is_in=is_in)
    return render(request, "idp/oidc/device_done.html", {**context, "allowed": is_in and is_done})


def _may(request: HttpRequest, asker: Asker) -> bool:
    is_open = not asker.known.members_only
    return is_open or registration.is_registered(asker.client_id, request.user)


def _decide(request: HttpRequest, found: Any, asker: Asker, *, is_in: bool) -> bool:
    """Write down what a person said of a device; return whether it still waited."""
    if not is_in:
        return devices.decide(found, None)
    shown = signed_in.of(request)
    scopes = found.scopes.split()
    with transaction.atomic():
        grant = grants.begin(request.user, asker.client_id, asker.known, scopes, shown)
        is_done = devices.decide(found, grant)
        if is_done:
            registration.roles(asker.client_id, request.user)  # it is on their page from now on
        else:
            grant.delete()
    return is_done
