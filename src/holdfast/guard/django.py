"""The guard in a project of Django, behind WSGI or ASGI.

# wsgi.py
application = GuardedWsgi(get_wsgi_application(), guard)
# asgi.py
application = GuardedAsgi(get_asgi_application(), guard)
# settings.py, without Django's CsrfViewMiddleware
MIDDLEWARE = ["holdfast.guard.django.Raised", …]

@require(role="WRITER")
def add(request): …
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from holdfast.guard.asgi import KEY
from holdfast.guard.visitor import Visitor, required, visitor_in

View = TypeVar("View", bound=Callable[..., Any])
Response = Callable[[HttpRequest], Any]


def visitor(request: HttpRequest) -> Visitor:
    """Return who makes a request."""
    scope = getattr(request, "scope", None)
    return visitor_in(request.META if scope is None else scope, KEY)


def require(role: str = "") -> Callable[[View], View]:
    """Return a decorator for views that only who is signed in, and has the role, gets to."""

    def demanding(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            required(visitor(request), role)
            return view(request, *args, **kwargs)  # of an async view what is to be awaited

        if iscoroutinefunction(view):
            markcoroutinefunction(guarded)
        return cast(View, guarded)

    return demanding


@sync_and_async_middleware
class Raised:
    """Tells the guard what a view has raised: Django itself would answer it."""

    def __init__(self, get_response: Response) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        if isinstance(error, Http404 | PermissionDenied | SuspiciousOperation):
            return None  # these have pages of the project's own
        visitor(request).raised = error
        return HttpResponse(status=500)
