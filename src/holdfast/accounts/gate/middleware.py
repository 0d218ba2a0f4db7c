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
from holdfast.accounts.gate.places import COOKIE, FIELD, PLACES, Place, tokens, visit
from holdfast.accounts.gate.running import gate
from holdfast.accounts.headless import asking
from holdfast.accounts.headless.answers import refusal, unavailable
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
        # An application's views ask by themselves, once its visitor's session is known.
        return None if asking.application(request) else asked(request)

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


def asked(request: HttpRequest) -> HttpResponse | None:
    """Let an attempt pass, or return what is asked of it."""
    match = request.resolver_match
    place = PLACES.get(match.view_name) if match is not None else None
    if place is None or request.method != "POST":
        return None
    try:
        entered = gate().enter(visit(request, place), asking.sent(request).get(FIELD, ""))
    except StoreDown as error:
        return down(request, error)
    if isinstance(entered, Passed):
        request.META[PASSED] = entered
        way = "known" if entered.known else Way.WORK if entered.paid else Way.FREE
        metrics.gate(place.action, f"passed.{way}", entered.paid)
        return None
    metrics.gate(place.action, f"asked.{entered.way}", 0)
    told = _told_in_json if asking.application(request) else _told
    response = told(request, place, entered)
    if entered.way is Way.WAIT:
        response.headers["Retry-After"] = str(entered.wait_s)
    return response


def _remember(request: HttpRequest, response: HttpResponse, person: str) -> None:
    """Have the device keep what says that this person has signed in with it."""
    kept = gate().known_from_now(tokens(request), person)
    if asking.application(request):
        response.headers[asking.DEVICE_HEADER] = kept
        return
    response.set_cookie(
        COOKIE,
        kept,
        max_age=LIVES_S,
        secure=settings.SECURE,
        httponly=True,
        samesite="Lax",
    )


def _told(request: HttpRequest, place: Place, entered: Asked) -> HttpResponse:
    context = {"asked": entered, "place": place, "way": entered.way.value}
    return render(request, "gate/asked.html", context, status=429)


def _told_in_json(request: HttpRequest, place: Place, entered: Asked) -> HttpResponse:
    if entered.way is Way.WORK:
        message = f"Have the puzzle solved, and send all of it again with the answer as {FIELD!r}."
        return refusal(429, "work", message, {"puzzle": entered.puzzle})
    if entered.way is Way.ELSEWHERE:
        return refusal(403, "elsewhere", "Sign in by a mailed code, or on the pages.")
    return refusal(429, "wait", "Try again later.", {"wait": entered.wait_s})


def down(request: HttpRequest, error: StoreDown) -> HttpResponse:
    """Say that nobody can be let in at the moment: what cannot be counted is refused."""
    log.error("%s", error)
    metrics.gate("", "down", 0)
    response = unavailable(request)
    response.headers["Retry-After"] = "10"
    return response
