"""What programs ask many times a second goes past what is for browsers: session, language, forms.

Nothing of a browser counts there, so nothing of one is looked at: no cookie is read or set.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.urls import resolve, reverse

ROUTES = ("idp:oidc:token", "idp:oidc:introspect", "idp:oidc:revoke")


class Direct:
    """Answers these routes itself; stands behind what bounds, logs and secures every answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.matches = {path: resolve(path) for path in map(reverse, ROUTES)}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        match = self.matches.get(request.path)
        if match is None:
            return self.get_response(request)
        request.resolver_match = match
        request.user = AnonymousUser()
        answer: HttpResponse = match.func(request, *match.args, **match.kwargs)
        answer.headers.setdefault("X-Frame-Options", settings.X_FRAME_OPTIONS)
        return answer
