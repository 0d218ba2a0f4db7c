"""How long a sign-in lasts: a whole life and an idle time, kept on the server."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse

BEGAN, SEEN = "began", "seen"
REMEMBERING = "_session_expiry"  # Django's own: 0 where a session ends with the browser
WRITTEN_EVERY_S = 60.0  # being seen is no reason to write each request


def goes_on(session: SessionBase, life: timedelta, idle: timedelta) -> bool:
    """Whether a session has not ended; every now and then it is noted that it was used."""
    now = int(time.time())
    began, seen = session.get(BEGAN), session.get(SEEN)
    if began is None or seen is None:
        session[BEGAN] = session[SEEN] = now
        return True
    if now - began > life.total_seconds() or now - seen > idle.total_seconds():
        return False
    if now - seen > min(WRITTEN_EVERY_S, idle.total_seconds() / 10):
        session[SEEN] = now
    return True


class SessionLimits:
    """Ends a session that is too old, or was not used for too long."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.limits = settings.HOLDFAST.sessions

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            self._limit(request)
        return self.get_response(request)

    def _limit(self, request: HttpRequest) -> None:
        remembered = request.session.get(REMEMBERING, 0) != 0
        life = self.limits.remembered if remembered else self.limits.lifetime
        idle = self.limits.remembered if remembered else self.limits.idle
        if not goes_on(request.session, life, idle):
            logout(request)
