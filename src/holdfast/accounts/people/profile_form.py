"""What sign-up asks for beside what allauth does; allauth builds its own form on this one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from holdfast.accounts.people.models import Person

LONGEST_FIELD = 200


class ProfileForm(forms.Form):
    """A name, and the fields of this service's own."""

    name = forms.CharField(label=_("Name"), max_length=150, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in settings.HOLDFAST.sign_up.fields:
            label = field.replace("_", " ").capitalize()
            self.fields[f"profile_{field}"] = forms.CharField(
                max_length=LONGEST_FIELD, required=False, label=label
            )

    def signup(self, request: HttpRequest, user: Person) -> None:
        """Keep what was asked for; allauth calls it as it has saved the person."""
        user.name = self.cleaned_data["name"]
        user.profile = {
            field: value
            for field in settings.HOLDFAST.sign_up.fields
            if (value := self.cleaned_data[f"profile_{field}"])
        }
        user.language = request.LANGUAGE_CODE
        user.save()
