"""Showing once more who one is, for whom has neither password nor factor: by a mailed code.

allauth asks nothing of them, so that a stolen session of theirs could change their addresses.
"""

from __future__ import annotations

import time
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from django import forms
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from holdfast.accounts.applications import signed_in
from holdfast.accounts.people.flows.mailed_code import STEP_UP, code_for, take
from holdfast.accounts.people.models import Person
from holdfast.accounts.trail.events import note

SENT = "step-up sent"
BETWEEN_S = 60


class StepUpForm(forms.Form):
    """The code that was mailed; it is good once."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "characters"}
        ),
    )

    def __init__(self, request: HttpRequest, person: Person, **given: Any) -> None:
        super().__init__(**given)
        self.request, self.person = request, person

    def clean_code(self) -> str:
        typed = str(self.cleaned_data["code"])
        if not take(self.person.email or "", typed, STEP_UP):
            note("step-up.failed", self.request, result="refused")
            wrong: forms.ValidationError = get_adapter().validation_error("incorrect_code")
            raise wrong
        return typed


def ways(person: Person) -> list[dict[str, str]]:
    """Return the way, as allauth's adapter does, for whom it knows none."""
    about = {"id": "step_up", "description": _("Use a mailed code"), "url": reverse("step_up")}
    return [] if get_reauthentication_flows(person) else [about]


def is_due(request: HttpRequest | None) -> bool:
    """Whether somebody has to show by this way who they are."""
    if request is None or not isinstance(request.user, Person):
        return False
    return signed_in.of(request).is_late and bool(ways(request.user))


def send(request: HttpRequest, person: Person) -> None:
    """Send a code, unless this session had one sent a minute ago."""
    now = int(time.time())
    if now - int(request.session.get(SENT, 0)) < BETWEEN_S:
        return
    request.session[SENT] = now
    email = person.email or ""
    code = code_for(email, purpose=STEP_UP)
    get_adapter(request).send_mail("people/email/step_up_code", email, {"code": code})


def done(request: HttpRequest, person: Person) -> None:
    """Write down that who is signed in has just shown who they are."""
    request.session.pop(SENT, None)
    record_authentication(request, person, method="code", email=person.email, reauthenticated=True)
