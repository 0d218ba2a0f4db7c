"""Answers in the shape of allauth's: a status, and errors that have codes."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from holdfast.accounts.headless import asking


def refusal(
    status: int, code: str, message: str, meta: Mapping[str, object] | None = None
) -> HttpResponse:
    """Return why a request is refused; programs go by the code, people read the message."""
    said: dict[str, object] = {"status": status, "errors": [{"code": code, "message": message}]}
    return JsonResponse({**said, "meta": meta} if meta else said, status=status)


def unavailable(request: HttpRequest) -> HttpResponse:
    """Say that there is too much to do, as whoever asks can read it."""
    if asking.application(request):
        return refusal(503, "unavailable", "Try again later.")
    return render(request, "503.html", status=503)
