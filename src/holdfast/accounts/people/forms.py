"""The forms that allauth does not have."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from holdfast.accounts.people.models import Person
from holdfast.accounts.people.names import folded_address

LONGEST_PASSWORD = 256


class NewPassword(forms.CharField):
    """A password to be: never stripped, never shown, bounded."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
        super().__init__(
            label=_("Password"), strip=False, max_length=LONGEST_PASSWORD, widget=widget, **kwargs
        )


class AddressForm(forms.Form):
    """One e-mail address."""

    email = forms.EmailField(
        label=_("Email"), widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )

    def clean_email(self) -> str:
        return folded_address(self.cleaned_data["email"])


class FirstAdminForm(AddressForm):
    """Who the first administrator is."""

    name = forms.CharField(
        label=_("Name"),
        max_length=150,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = NewPassword()
    field_order = ("name", "email", "password")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "password" in data:
            somebody = Person(email=data.get("email", ""), name=data.get("name", ""))
            _check(self, data["password"], somebody)
        return data


class NewPasswordForm(forms.Form):
    """A new password for somebody who is known."""

    password = NewPassword()

    def __init__(self, person: Person | None, data: Any = None) -> None:
        super().__init__(data)
        self.person = person

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "password" in data:
            _check(self, data["password"], self.person)
        return data


def _check(form: forms.Form, password: str, person: Person | None) -> None:
    try:
        validate_password(password, person)
    except forms.ValidationError as error:
        form.add_error("password", error)
