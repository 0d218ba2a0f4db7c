"""Which routes the gate stands in front of. One that takes a guess and is not here fails a test.

The account of a sign-in is what was typed, whoever is called so: that a person's address and user
name shared a budget would tell that they are one person's, and that there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from allauth.account.internal.stagekit import unstash_login
from django.conf import settings
from django.http import HttpRequest

from holdfast.accounts.headless import asking
from holdfast.accounts.people.models import Handle
from holdfast.accounts.people.names import folded
from holdfast.accounts.trail.events import address
from holdfast.gate.gate import Visit

LONGEST_NAME = 512
FIELD = "work"
"""The field of a form that an answer comes in."""
COOKIE = "__Host-device" if settings.SECURE else "device"


@dataclass(frozen=True)
class Place:
    """One route: what is done there, at whose account, and whether that is a guess.

    A guess that was right is given back. What costs a mail or makes an account is not.
    """

    action: str
    account: Callable[[HttpRequest], str]
    guess: bool
    field: str = ""
    """The field of its form that says at whose account, for the page's script."""


def _nobody(request: HttpRequest) -> str:
    return ""


def typed(text: str) -> str:
    """Return how an account is called by what somebody typed, or "" where that is nothing."""
    name = folded(text.strip()[:LONGEST_NAME])  # in this order, as the form strips all of it
    return f"?{name}" if name else ""


def _login(request: HttpRequest) -> str:
    return typed(request.POST.get("login", ""))


def _login_sent(request: HttpRequest) -> str:
    return typed(asking.login(asking.sent(request)))


def _owner(account: str) -> str:
    """Return whose devices count at what was typed."""
    name = account.removeprefix("?").encode(errors="replace").decode().replace("\0", "?")
    person = Handle.objects.filter(name=name).values_list("person_id", flat=True).first()
    return str(person or "")


def _pending(request: HttpRequest) -> str:
    """Return whose password was right, while their second factor is asked for."""
    login = unstash_login(request, peek=True)
    return str(login.user.pk) if login is not None and login.user is not None else ""


def _own(request: HttpRequest) -> str:
    return str(request.user.pk) if request.user.is_authenticated else ""


PLACES: Mapping[str, Place] = {
    "account_login": Place("sign-in", _login, guess=True, field="login"),
    "account_signup": Place("sign-up", _nobody, guess=False),
    "socialaccount_signup": Place("sign-up", _nobody, guess=False),
    "account_reset_password": Place("reset", _nobody, guess=False),
    "account_request_login_code": Place("code", _nobody, guess=False),
    "ask_for_link": Place("code", _nobody, guess=False),
    "account_confirm_login_code": Place("code-entry", _nobody, guess=True),
    "account_email_verification_sent": Place("code-entry", _nobody, guess=True),
    "mfa_authenticate": Place("factor", _pending, guess=True),
    "account_reauthenticate": Place("step-up", _own, guess=True),
    "mfa_reauthenticate": Place("step-up", _own, guess=True),
    "step_up": Place("step-up", _own, guess=True),
    "account_change_password": Place("step-up", _own, guess=True),
    "device": Place("code-entry", _own, guess=True),
    "headless_login": Place("sign-in", _login_sent, guess=True),
    "headless_signup": Place("sign-up", _nobody, guess=False),
    "headless_request_password_reset": Place("reset", _nobody, guess=False),
    "headless_request_code": Place("code", _nobody, guess=False),
    "headless_confirm_code": Place("code-entry", _nobody, guess=True),
    "headless_verify_email": Place("code-entry", _nobody, guess=True),
    "headless_reset_password": Place("code-entry", _nobody, guess=True),
    "headless_authenticate": Place("factor", _pending, guess=True),
    "headless_reauthenticate": Place("step-up", _own, guess=True),
}


def visit(request: HttpRequest, place: Place, account: str = "") -> Visit:
    """Return the attempt that a request is; at whose account, where its own form does not say."""
    account = account or place.account(request)
    kept = tokens(request)
    owner = _owner(account) if kept and account.startswith("?") else ""
    through = asking.application(request)
    return Visit(place.action, address(request), account, kept, owner, through)


def tokens(request: HttpRequest) -> str:
    """Return what a device keeps that somebody has signed in with, however it is brought."""
    if asking.application(request):
        return request.headers.get(asking.DEVICE_HEADER, "")
    return request.COOKIES.get(COOKIE, "")
