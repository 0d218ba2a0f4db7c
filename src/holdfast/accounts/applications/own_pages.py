"""The page where a person sees which applications they are signed in to, and leaves them."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from holdfast.accounts.applications import grants, registration
from holdfast.accounts.applications.configured import application
from holdfast.accounts.trail.events import note


@require_safe
@login_required
def own_applications(request: HttpRequest) -> HttpResponse:
    """Show what somebody has signed in to."""
    held = registration.of_person(request.user)
    return render(request, "idp/applications.html", {"applications": held})


@require_POST
@login_required
def leave(request: HttpRequest, client_id: str) -> HttpResponse:
    """Sign somebody out of an application, which has to ask them again."""
    if application(client_id) is None:
        raise Http404
    ended = grants.end_all(request.user, client_id)
    registration.take_back(client_id, request.user)
    details = {"application": client_id, "ended": str(ended)}
    note("application.left", request, on=str(request.user.pk), details=details)
    messages.success(request, _("You are signed out of it."))
    return redirect("own_applications")
