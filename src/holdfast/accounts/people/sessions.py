"""Whose session is whose: what the list shows that a person sees of their own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.models import Session
from django.dispatch import Signal
from django.http import HttpRequest
from django.utils import timezone

from holdfast.accounts.headless import asking

LONGEST_BROWSER = 200
ended = Signal()
"""A session was ended on purpose, which is `session_key`; what was signed in with it ends, too."""
ended_everywhere = Signal()
"""All sessions of a `person` were ended on purpose."""
SURELY_WRITTEN = timedelta(hours=1)  # a session is written at the end of its first request


def began(sender: object, request: HttpRequest, user: AbstractBaseUser, **rest: Any) -> None:
    """Note a session as somebody signs in, which gives it a new key.

    It takes the place of allauth's own receiver, which looks through all sessions of that person
    at each sign-in; the list does that when it is shown.
    """
    application = asking.application(request)
    UserSession.objects.create(
        session_key=request.session.session_key,
        user=user,
        ip=get_adapter(request).get_client_ip(request),
        user_agent=request.headers.get("user-agent", "")[:LONGEST_BROWSER],
        data={"application": application} if application else {},
    )


def end(session: UserSession) -> None:
    """Sign a browser out."""
    ended.send(sender=UserSession, session_key=session.session_key)
    session.end()


def forget_ended() -> int:
    """Remove what is left of sessions that have ended; return how many there were."""
    now = timezone.now()
    Session.objects.filter(expire_date__lt=now).delete()
    known = Session.objects.values("session_key")
    ended = UserSession.objects.filter(created_at__lt=now - SURELY_WRITTEN)
    return int(ended.exclude(session_key__in=known).delete()[0])
