"""What allauth asks about identities of other providers."""

from __future__ import annotations

import secrets
from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.internal.flows.signup import prevent_enumeration
from allauth.account.utils import setup_user_email
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from holdfast.accounts.connections import linking
from holdfast.accounts.connections.models import Connection
from holdfast.accounts.connections.provider import ConnectionProvider, NoConnection
from holdfast.accounts.people import handles
from holdfast.accounts.people.models import Person


class Adapter(DefaultSocialAccountAdapter):
    """allauth's hooks: connections are its apps, and identities are linked by our rules."""

    def list_providers(self, request: HttpRequest) -> list[ConnectionProvider]:
        """Those that people may choose from."""
        enabled = Connection.objects.filter(enabled=True).order_by("name")
        return [ConnectionProvider(request, one) for one in enabled]

    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> ConnectionProvider:
        found = Connection.objects.filter(slug=provider).first()
        if found is None:
            raise NoConnection
        return ConnectionProvider(request, found)

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        found = Connection.objects.filter(**({"slug": provider} if provider else {}))
        return [ConnectionProvider(request, one).app for one in found]

    def generate_state_param(self, state: dict[str, Any]) -> str:
        return secrets.token_urlsafe(32)

    def is_email_verified(self, provider: Any, email: str) -> bool:
        return False  # `identity` has said already which addresses count

    def authenticate_by_email(self, sociallogin: SocialLogin) -> tuple[Person, str] | None:
        return linking.by_address(self.request, sociallogin)

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: Any) -> Person:
        person: Person = sociallogin.user
        person.email, person.name = data.get("email") or "", data.get("name") or ""
        person.username = ""  # nobody is called as somebody is elsewhere
        return person

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> Person:
        """Make an account, whole or not at all.

        The identity is linked as its person is signed in, and not before: until they have shown
        that the address is theirs, nobody has a way into the account.
        """
        person: Person = sociallogin.user
        person.pk = Person._meta.pk.to_python(person.pk)  # a session keeps it as a text
        try:
            with transaction.atomic():
                if form is not None:
                    get_account_adapter().save_user(request, person, form)
                else:
                    person.username, person.language = None, request.LANGUAGE_CODE
                    person.set_unusable_password()
                    person.save()
                setup_user_email(request, person, sociallogin.email_addresses)
                handles.claim(person, person.email)
        except IntegrityError:  # somebody else was just quicker with that address
            raise ImmediateHttpResponse(prevent_enumeration(request, person.email)) from None
        sociallogin.state["new"] = True
        return person
