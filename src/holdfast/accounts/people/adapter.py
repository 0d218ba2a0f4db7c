"""What allauth asks the project: addresses, links, who may sign up, how long a sign-in lasts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.stagekit import clear_login
from allauth.account.utils import get_next_redirect_url
from allauth.core import context as allauth_context
from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from holdfast.accounts.connections import domains
from holdfast.accounts.gate import outcome, running
from holdfast.accounts.headless import asking
from holdfast.accounts.people import invitations
from holdfast.accounts.people.flows import step_up
from holdfast.accounts.people.flows.mailed_code import code_for
from holdfast.accounts.people.models import Handle, Person
from holdfast.accounts.people.names import RESERVED, folded_address, folded_name
from holdfast.accounts.people.session_limits import BEGAN, REMEMBERING, SEEN

ASKED_FOR_BY_ANYBODY = frozenset(
    (
        "account/email/login_code",
        "account/email/unknown_account",
        "account/email/account_already_exists",
        "account/email/password_reset_key",
        "people/email/sign_in_link",
        "people/email/step_up_code",
    )
)
"""A code that is sent again is the same, and so is what a link does. (Codes that confirm an address
are not here: each is another one.)"""
SHOWN_ANYWAY = ("account/messages/logged_in.txt", "account/messages/logged_out.txt")


@dataclass(frozen=True)
class Service:
    """What allauth's mails call a site."""

    name: str
    domain: str


class Adapter(DefaultAccountAdapter):
    """allauth's hooks, one rule each."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        mode: str = settings.HOLDFAST.sign_up.mode
        return mode == "open" or (mode == "invite" and invitations.held(request) is not None)

    def populate_username(self, request: HttpRequest, user: Person) -> None:
        """Nobody needs a user name, and none is made up."""
        user.username = user.username or None

    def clean_username(self, username: str, shallow: bool = False) -> str:
        name = folded_name(username)
        if name in RESERVED:
            raise self.validation_error("username_blacklisted")
        if not shallow and Handle.objects.filter(name=name).exists():
            raise self.validation_error("username_taken")
        return name

    def clean_email(self, email: str) -> str:
        return folded_address(email)

    def generate_login_code(self) -> str:
        """Return the code of the address that the request in hand asks for one for."""
        request = allauth_context.request
        email = asking.sent(request).get("email", "") if request is not None else ""
        email = folded_address(email) if email else ""
        return code_for(email) if email else str(super().generate_login_code())

    def is_reauthentication_required(self, *, app: str, **rest: Any) -> bool:
        """allauth asks nothing of who has neither password nor factor; they are asked here."""
        if step_up.is_due(allauth_context.request):
            raise ReauthenticationRequired
        return bool(super().is_reauthentication_required(app=app, **rest))

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        known: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        return known or (step_up.ways(user) if user.is_authenticated else [])

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address of whoever visits: an application's server asks for somebody."""
        return asking.visitor(request) or str(super().get_client_ip(request))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail that names the service as its owner does, whatever the request's host is.

        What a stranger can have sent to somebody goes to them a few times a minute at most.
        """
        if template_prefix in ASKED_FOR_BY_ANYBODY and not running.may_mail(template_prefix, email):
            return
        chosen = settings.HOLDFAST
        named = {
            "request": allauth_context.request,  # none where a command sends it
            "email": email,
            "service_name": chosen.look.name,
            "current_site": Service(chosen.look.name, chosen.hostname),
        }
        self.render_mail(template_prefix, email, named | context).send()

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Person | None:
        person: Person | None = super().authenticate(request, **credentials)
        if person is not None:
            outcome.is_right(request)
        return person

    def pre_login(
        self, request: HttpRequest, user: Person, *, signal_kwargs: Any, **rest: Any
    ) -> HttpResponse | None:
        """Let nobody in by another way whose addresses belong to one provider alone."""
        barred: HttpResponse | None
        barred = super().pre_login(request, user, signal_kwargs=signal_kwargs, **rest)
        alone = domains.alone(user) if barred is None else None
        came = (signal_kwargs or {}).get("sociallogin")
        if alone is None or (came is not None and came.account.provider == alone.slug):
            return barred
        clear_login(request)
        messages.info(request, _("People with your address sign in with %s.") % alone.name)
        following = get_next_redirect_url(request)
        query = f"?{urlencode({'next': following})}" if following else ""
        return redirect(reverse("connection_begin", args=[alone.slug]) + query)

    def login(self, request: HttpRequest, user: Person) -> None:
        super().login(request, user)
        request.session[BEGAN] = request.session[SEEN] = int(time.time())
        if REMEMBERING not in request.session:  # set already where a second factor was asked for
            request.session.set_expiry(0)  # ends with the browser, unless somebody wants otherwise

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        *rest: Any,
        **options: Any,
    ) -> None:
        """Say nothing where the page itself shows it: that somebody is signed in, or out."""
        if message_template not in SHOWN_ANYWAY:
            super().add_message(request, level, message_template, *rest, **options)

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: object) -> str:
        return self._from_origin(super().get_email_confirmation_url(request, emailconfirmation))

    def get_reset_password_from_key_url(self, key: str) -> str:
        return self._from_origin(super().get_reset_password_from_key_url(key))

    def _from_origin(self, url: str) -> str:
        """Return a link with the configured origin, whatever the request said its host was."""
        parts = urlsplit(url)
        query = f"?{parts.query}" if parts.query else ""
        return f"{settings.HOLDFAST.origin}{parts.path}{query}"
