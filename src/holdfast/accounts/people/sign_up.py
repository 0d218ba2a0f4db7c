"""Signing up: one person an address, whoever types it at the same time."""

from __future__ import annotations

from allauth.account.forms import SignupForm
from allauth.account.internal import flows
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse

from holdfast.accounts.passwords.hashers import burn
from holdfast.accounts.people import handles
from holdfast.accounts.people.models import Person


class SignUpForm(SignupForm):
    """allauth's form, saved whole or not at all."""

    def try_save(self, request: HttpRequest) -> tuple[Person | None, HttpResponse | None]:
        """Where two sign up with one address at the same time, the second one is told by mail.

        Where somebody has it, a password is hashed as for somebody new.
        """
        if self.account_already_exists:
            burn(self.cleaned_data["password1"])
        try:
            with transaction.atomic():
                saved: tuple[Person | None, HttpResponse | None] = super().try_save(request)
                if saved[0] is not None:
                    # allauth does not make an address primary that somebody else is just taking
                    handles.claim(saved[0], saved[0].email)
                return saved
        except IntegrityError:
            email = self.cleaned_data.get("email")
            return None, flows.signup.prevent_enumeration(request, email=email)
