"""What programs ask many times a second goes past what is for browsers: session, language, forms.

Nothing of a browser counts there, so nothing of one is looked at: no cookie is read or set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIRequest
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse
from django.middleware.security import SecurityMiddleware
from django.urls import resolve, reverse

from holdfast.accounts.requests import BoundedBody, ContentSecurity, Requests

ROUTES = ("idp:oidc:token", "idp:oidc:introspect", "idp:oidc:revoke")
View = Callable[[HttpRequest], HttpResponse]


class Direct:
    """A WSGI application in front of Django's: answers these routes itself.

    What bounds, logs and secures every answer there stands in front of these too.
    """

    def __init__(self, django: Callable[..., Iterable[bytes]]) -> None:
        self.django = django
        self.matches = {path: resolve(path) for path in map(reverse, ROUTES)}
        self.answers = {path: _bounded(match.func) for path, match in self.matches.items()}

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path not in self.answers:
            return self.django(environ, start)
        request = WSGIRequest(environ)
        request.resolver_match = self.matches[path]
        request.user = AnonymousUser()
        try:
            response = self.answers[path](request)
        finally:
            close_old_connections()
        response.headers["Content-Length"] = str(len(response.content))
        start(f"{response.status_code} {response.reason_phrase}", [*response.items()])
        return [response.content]


def _bounded(view: View) -> View:
    def unframed(request: HttpRequest) -> HttpResponse:
        response = view(request)
        response.headers.setdefault("X-Frame-Options", settings.X_FRAME_OPTIONS)
        return response

    answer: Any = convert_exception_to_response(unframed)
    secured: Any = SecurityMiddleware(ContentSecurity(answer))
    return Requests(BoundedBody(secured))
