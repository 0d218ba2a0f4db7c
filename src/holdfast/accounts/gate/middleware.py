"""Stands in front of the views of `places`, and tells the gate how each attempt ended."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from holdfast.accounts import metrics
from holdfast.accounts.gate import outcome
from holdfast.accounts.gate.places import COOKIE, FIELD, PLACES, Place, visit
from holdfast.accounts.gate.running import gate
from holdfast.gate.devices import LIVES_S
from holdfast.gate.gate import Asked, Passed
from holdfast.gate.rules import Way
from holdfast.work.spent import StoreDown

log = logging.getLogger(__name__)
Handler = Callable[[HttpRequest], HttpResponse]
PASSED = "HOLDFAST_PASSED"


class GateMiddleware:
    """Lets an attempt pass to its view, or answers with what is asked of it."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        passed = request.META.get(PASSED)
        if passed is not None:
            self._tell(request, passed, response)
        person = outcome.signed_in(request)
        if person:
            _remember(request, response, person)
        return response

    def process_view(
        self, request: HttpRequest, view: Any, arguments: Any, given: Any
    ) -> HttpResponse | None:
        match = request.resolver_match
        place = PLACES.get(match.view_name) if match is not None else None
        if place is None or request.method != "POST":
            return None
        try:
            entered = gate().enter(visit(request, place), request.POST.get(FIELD, ""))
        except StoreDown as error:
            return down(request, error)
        if isinstance(entered, Passed):
            request.META[PASSED] = entered
            way = "known" if entered.known else Way.WORK if entered.paid else Way.FREE
            metrics.gate(place.action, f"passed.{way}", entered.paid)
            return None
        metrics.gate(place.action, f"asked.{entered.way}", 0)
        return _asked(request, place, entered)

    def _tell(self, request: HttpRequest, passed: Passed, response: HttpResponse) -> None:
        place = PLACES[request.resolver_match.view_name]  # type: ignore[union-attr]
        try:
            if outcome.was_not_tried(request):
                gate().back(passed)
            elif not place.guess:
                gate().made(passed)
            elif outcome.was_right(request, passed, response):
                gate().good(passed)
            elif not outcome.led_past(request, passed, response):
                gate().failed(passed)
        except StoreDown as error:  # whoever is in stays in; the budget comes back by itself
            log.error("the gate could not be told: %s", error)


def _remember(request: HttpRequest, response: HttpResponse, person: str) -> None:
    """Have the browser keep what says that this person has signed in with it."""
    kept = gate().known_from_now(request.COOKIES.get(COOKIE, ""), person)
    response.set_cookie(
        COOKIE,
        kept,
        max_age=LIVES_S,
        secure=settings.SECURE,
        httponly=True,
        samesite="Lax",
    )


def _asked(request: HttpRequest, place: Place, asked: Asked) -> HttpResponse:
    context = {"asked": asked, "place": place, "way": asked.way.value}
    response = render(request, "gate/asked.html", context, status=429)
    if asked.way is Way.WAIT:
        response.headers["Retry-After"] = str(asked.wait_s)
    return response


def down(request: HttpRequest, error: StoreDown) -> HttpResponse:
    """Say that nobody can be let in at the moment: what cannot be counted is refused."""
    log.error("%s", error)
    metrics.gate("", "down", 0)
    response = render(request, "503.html", status=503)
    response.headers["Retry-After"] = "10"
    return response
