"""How an attempt ended that the gate let pass: what Django and allauth say of its request."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from holdfast.accounts.headless import asking
from holdfast.gate.gate import Passed

ANSWERED = (200, 401)
"""An application is told 401 where a right guess is not all that a sign-in needs."""
WRONG, RIGHT, IN, UNTRIED = "HOLDFAST_WRONG", "HOLDFAST_RIGHT", "HOLDFAST_IN", "HOLDFAST_UNTRIED"


def was_wrong(sender: object, request: HttpRequest | None = None, **rest: Any) -> None:
    """Note that a guess was wrong."""
    if request is not None:
        request.META[WRONG] = True


def is_in(sender: object, request: HttpRequest, user: Any, **rest: Any) -> None:
    """Note that somebody is signed in: their device is known from now on."""
    request.META[IN] = str(user.pk)


def signed_in(request: HttpRequest) -> str:
    """Return who has signed in by this request, or ""."""
    return str(request.META.get(IN, ""))


def is_right(request: HttpRequest) -> None:
    """Note that a password was right, whatever else is asked for after it."""
    request.META[RIGHT] = True


def is_untried(request: HttpRequest) -> None:
    """Note that nobody has looked at the guess: there was too much to do."""
    request.META[UNTRIED] = True


def was_not_tried(request: HttpRequest) -> bool:
    """Whether an attempt never was one.

    An answer that says that something broke is no sign of it: whoever has the page break after
    their guess was looked at would guess for nothing.
    """
    return bool(request.META.get(UNTRIED)) and not request.META.get(WRONG)


def was_right(request: HttpRequest, passed: Passed, response: HttpResponse) -> bool:
    """Whether a guess was right.

    Of a password and of a sign-in it is told; other pages lead on, and neither show their form
    again nor lead back. Of what an application asks, it is told whenever it was.
    """
    if asking.application(request):
        told = request.META.get(RIGHT) and not request.META.get(WRONG)
        return bool(told) and response.status_code in ANSWERED
    if request.META.get(WRONG) or response.status_code != 302:
        return False
    if passed.visit.action == "sign-in":
        return bool(request.META.get(RIGHT) or request.META.get(IN))
    return not response["Location"].startswith(reverse("account_login"))


def led_past(request: HttpRequest, passed: Passed, response: HttpResponse) -> bool:
    """Whether a sign-in led on without a look at the password: somebody is in it already.

    It is neither good nor bad, and what it drew stays drawn.
    """
    past = response.status_code == 302 and passed.visit.action == "sign-in"
    return past and not request.META.get(WRONG)
