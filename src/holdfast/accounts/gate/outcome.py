"""How an attempt ended that the gate let pass: what Django and allauth say of its request."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from holdfast.gate.gate import Passed

WRONG, IN = "HOLDFAST_WRONG", "HOLDFAST_IN"


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


def was_right(request: HttpRequest, passed: Passed, response: HttpResponse) -> bool:
    """Whether an attempt led on. Pages that show their form again do not, nor do they lead back."""
    if request.META.get(WRONG) or response.status_code != 302:
        return False
    return passed.visit.action == "sign-in" or not response["Location"].startswith(
        reverse("account_login")
    )
