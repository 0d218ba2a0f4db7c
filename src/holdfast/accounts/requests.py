"""What every request passes: counted, logged, bounded, and told what a browser may load."""

from __future__ import annotations

import functools
import logging
import random
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from holdfast.accounts import metrics
from holdfast.accounts.gate import outcome
from holdfast.accounts.headless.answers import unavailable
from holdfast.accounts.passwords.queue import Overloaded

log = logging.getLogger("holdfast.requests")
Handler = Callable[[HttpRequest], HttpResponse]
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
    "style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
CONSOLE_POLICY = POLICY.replace("'wasm-unsafe-eval'", "'unsafe-eval'").replace(
    "style-src 'self'", "style-src 'self' 'unsafe-inline'"
)
"""unfold evaluates attributes and sets styles; what a page itself holds as a script never runs."""
PERMISSIONS = "camera=(), microphone=(), geolocation=(), payment=()"
LARGEST_BODY = 64 * 1024
UTF_8 = frozenset({"utf-8", "utf8"})
LARGER = {"/api/v1/people/import": 16 * 1024 * 1024}
QUIET = ("healthz", "readyz", "metrics")


class Requests:
    """Counts and logs each request by its route, with a number that its errors carry too."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        number = f"{random.getrandbits(64):016x}"
        request.META["HOLDFAST_REQUEST"] = number
        response = self.get_response(request)
        seconds = time.perf_counter() - began
        match = request.resolver_match
        route = (match.view_name or "unnamed") if match is not None else "none"
        metrics.request(route, request.method or "", response.status_code, seconds)
        if route not in QUIET:
            log.info(
                "request",
                extra={
                    "request": number,
                    "route": route,
                    "method": request.method,
                    "status": response.status_code,
                    "ms": round(seconds * 1000, 1),
                },
            )
        response.headers["X-Request-Id"] = number
        return response


class BoundedBody:
    """Refuses a body before it is read: too large, of a length not told, or not in UTF-8."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if "HTTP_TRANSFER_ENCODING" in request.META:
            return _refused("Say how long it is.", 411)
        most = LARGER.get(request.path, LARGEST_BODY)
        if not length.isdecimal() or len(length) > 20 or int(length) > most:
            return _refused("That is too much.", 413)
        if _charset(request) not in UTF_8:
            return _refused("Write it in UTF-8.", 415)
        return self.get_response(request)


def _charset(request: HttpRequest) -> str:
    """Return what a body says that it is written in; Django would believe any codec of Python."""
    said = (request.content_params or {}).get("charset", "utf-8")
    return said.strip("\"' ").lower()


def _refused(text: str, status: int) -> HttpResponse:
    response = HttpResponse(text, content_type="text/plain", status=status)
    response.headers["Connection"] = "close"
    return response


class Busy:
    """Says that too many wait to have a password hashed, instead of having them wait longer."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, Overloaded):
            return None
        outcome.is_untried(request)
        response = unavailable(request)
        response.headers["Retry-After"] = "60"
        return response


@functools.cache
def _policy() -> str:
    """The policy of pages for people: forms of theirs may lead on to an application."""
    origins = {
        origin for known in settings.HOLDFAST.applications.values() for origin in known.origins
    }
    return POLICY.replace("form-action 'self'", " ".join(("form-action 'self'", *sorted(origins))))


class ContentSecurity:
    """Lets a browser load nothing but what this service itself serves; pages are not kept."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        policy = CONSOLE_POLICY if request.path.startswith("/console/") else _policy()
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        response.headers.setdefault("Cache-Control", "no-store")
        return response
