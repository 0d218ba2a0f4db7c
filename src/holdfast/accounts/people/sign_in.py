"""The form to sign in with."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import LoginForm
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from holdfast.accounts.connections import domains
from holdfast.accounts.connections.models import Connection
from holdfast.accounts.gate import outcome


class SignInForm(LoginForm):
    """allauth's form, whose field says what goes into it.

    Whoever leaves the password out, and has an address of a provider's domains, is led there.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.leading: Connection | None = None
        self.fields["login"].label = _("Email or user name")
        self.fields["login"].widget.attrs["autocomplete"] = "username webauthn"
        self.fields["login"].widget.attrs["autocapitalize"] = "none"
        self.fields["password"].required = False

    def _clean_without_password(self, email: str | None, phone: str | None) -> dict[str, Any]:
        """Decide by the domain alone, whoever has the address."""
        self.leading = domains.leading(self.cleaned_data["login"])
        if self.leading is None:
            required = self.fields["password"].error_messages["required"]
            self.add_error("password", required)
        given: dict[str, Any] = self.cleaned_data
        return given

    def login(self, request: HttpRequest, redirect_url: str | None = None) -> HttpResponse:
        if self.leading is None:
            signed_in: HttpResponse = super().login(request, redirect_url)
            return signed_in
        from holdfast.accounts.connections.provider import ConnectionProvider
        from holdfast.accounts.connections.views import lead

        outcome.is_untried(request)
        provider = ConnectionProvider(request, self.leading)
        return lead(request, provider, next_url=redirect_url)
