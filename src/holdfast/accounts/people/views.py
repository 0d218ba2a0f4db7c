"""Pages that allauth does not have; the rules are in `flows`."""

from __future__ import annotations

import json
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from allauth.account.views import BaseReauthenticateView
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from holdfast.accounts.connections.models import Connection
from holdfast.accounts.people import invitations, sessions
from holdfast.accounts.people.flows import (
    breaking_glass,
    first_admin,
    links,
    magic_link,
    own_data,
)
from holdfast.accounts.people.flows import step_up as step_up_flow
from holdfast.accounts.people.forms import AddressForm, FirstAdminForm, NewPasswordForm
from holdfast.accounts.people.models import Person, Purpose
from holdfast.accounts.trail import events

form_page = require_http_methods(["GET", "HEAD", "POST"])


def me(request: HttpRequest) -> Person:
    """Return who is signed in."""
    if not isinstance(request.user, Person):
        raise PermissionDenied
    return request.user


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Lead to where somebody wants to be: their own account, or signing in."""
    return redirect("own_account" if request.user.is_authenticated else "account_login")


@require_safe
@login_required
def own_account(request: HttpRequest) -> HttpResponse:
    """Show what a person can see and change of their own account."""
    person = me(request)
    factors = Authenticator.objects.filter(user=person).order_by("created_at")
    linked = SocialAccount.objects.filter(user=person).values("provider")
    names = Connection.objects.filter(slug__in=linked).values_list("name", flat=True)
    context = {
        "person": person,
        "factors": [str(one) for one in factors],
        "connections": Connection.objects.filter(enabled=True).exists(),
        "connected": list(names),
    }
    return render(request, "people/own_account.html", context)


@require_POST
@login_required
def end_session(request: HttpRequest, number: int) -> HttpResponse:
    """Sign another browser of one's own out."""
    session = UserSession.objects.filter(user=me(request), pk=number).first()
    if session is None:
        raise Http404
    sessions.end(session)
    events.note("session.ended", request, on=str(request.user.pk))
    messages.success(request, _("That session has ended."))
    return redirect("usersessions_list")


@require_safe
def session(request: HttpRequest) -> HttpResponse:
    """Say whether this session is signed in, and who it is."""
    if not request.user.is_authenticated:
        return JsonResponse({"signed_in": False}, status=401)
    return JsonResponse({"signed_in": True, "person": str(request.user.pk)})


@form_page
@login_required
@reauthentication_required
def my_data(request: HttpRequest) -> HttpResponse:
    """Hand a person everything that is kept about them."""
    if request.method != "POST":
        return render(request, "people/my_data.html")
    events.note("data.taken", request, on=str(request.user.pk))
    text = json.dumps(own_data.collected(me(request)), indent=2, ensure_ascii=False)
    response = HttpResponse(text, content_type="application/json; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return response


@form_page
@login_required
@reauthentication_required
def delete_me(request: HttpRequest) -> HttpResponse:
    """Remove a person who says so, and sign them out."""
    if request.method != "POST":
        return render(request, "people/delete_me.html")
    person, email = me(request), me(request).email
    try:
        own_data.delete(person)
    except own_data.LastAdmin:
        messages.error(request, _("You are the only administrator: name another one first."))
        return redirect("own_account")
    logout(request)
    if email:
        get_adapter(request).send_mail("people/email/deleted", email, {})
    messages.success(request, _("Your account and everything in it was deleted."))
    return redirect("account_login")


def _gone(request: HttpRequest) -> HttpResponse:
    return render(request, "people/link_gone.html", status=410)


@form_page
def first_admin_page(request: HttpRequest, token: str) -> HttpResponse:
    """Let whoever has the link from the terminal become the first administrator."""
    link = links.find(Purpose.FIRST_ADMIN, token)
    if link is None or first_admin.there_is_one():
        return _gone(request)
    form = FirstAdminForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            person = first_admin.become(link, data["email"], data["name"], data["password"])
        except IntegrityError:
            form.add_error("email", _("Somebody has this address already."))
        else:
            if person is None:
                return _gone(request)
            return first_admin.sign_in(request, person)
    return render(request, "people/first_admin.html", {"form": form})


@form_page
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Take an invitation along to sign-up."""
    link = links.find(Purpose.INVITATION, token)
    if link is None:
        return _gone(request)
    if request.method == "POST":
        invitations.hold(request, token)
        return redirect("account_signup")
    return render(request, "people/invitation.html", {"email": link.email})


@form_page
@login_required
@reauthentication_required
def invite(request: HttpRequest) -> HttpResponse:
    """Let an administrator invite somebody."""
    if not me(request).is_superuser:
        raise PermissionDenied
    form = AddressForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        invitations.send(request, form.cleaned_data["email"])
        events.note("invitation.sent", request)
        messages.success(request, _("The invitation is on its way."))
        return redirect("invite")
    return render(request, "people/invite.html", {"form": form})


@form_page
def ask_for_link(request: HttpRequest) -> HttpResponse:
    """Send a link to sign in with; the page is the same whether the address is known or not."""
    form = AddressForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        magic_link.ask(request, form.cleaned_data["email"])
        return render(request, "people/link_sent.html", {"email": form.cleaned_data["email"]})
    return render(request, "people/ask_for_link.html", {"form": form})


@form_page
def sign_in_link(request: HttpRequest, token: str) -> HttpResponse:
    """Sign in by a link: with a button, since programs that look at mail follow links."""
    link = links.find(Purpose.SIGN_IN, token)
    if link is None:
        return _gone(request)
    if request.method == "POST":
        return magic_link.follow(request, link) or _gone(request)
    return render(request, "people/sign_in_link.html", {"email": link.email})


class StepUp(BaseReauthenticateView):
    """Ask who is signed in for a mailed code, where nothing else shows that it is them.

    Who has no address either signs in once more, as they did before.
    """

    form_class = step_up_flow.StepUpForm
    template_name = "people/step_up.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if me(request).email:
            response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
            return response
        following = self.passthrough_next_url(reverse("account_login"))
        logout(request)
        return redirect(following)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        step_up_flow.send(request, me(request))
        response: HttpResponse = super().get(request, *args, **kwargs)
        return response

    def get_form_kwargs(self) -> dict[str, Any]:
        return {
            **super().get_form_kwargs(),
            "request": self.request,
            "person": me(self.request),
        }

    def get_context_data(self, **given: Any) -> dict[str, Any]:
        return {**super().get_context_data(**given), "email": me(self.request).email}

    def form_valid(self, form: Any) -> HttpResponse:
        step_up_flow.done(self.request, me(self.request))
        response: HttpResponse = super().form_valid(form)
        return response


step_up = form_page(login_required(StepUp.as_view()))


@form_page
def break_glass(request: HttpRequest, token: str) -> HttpResponse:
    """Give an administrator a new password, by a link from the server's shell."""
    link = links.find(Purpose.BREAK_GLASS, token)
    if link is None:
        return _gone(request)
    form = NewPasswordForm(link.person, request.POST or None)
    if request.method == "POST" and form.is_valid():
        if breaking_glass.break_in(link, form.cleaned_data["password"]) is None:
            return _gone(request)
        messages.success(request, _("The new password is set: sign in with it."))
        return redirect("account_login")
    return render(request, "people/break_glass.html", {"form": form})
