"""Invitations: who may sign up where sign-up is by invitation only."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from django.http import HttpRequest

from holdfast.accounts.people.flows import links
from holdfast.accounts.people.models import OneTimeLink, Purpose

IN_SESSION = "invitation"


def hold(request: HttpRequest, token: str) -> None:
    """Remember in this session that it came with an invitation."""
    request.session[IN_SESSION] = token


def held(request: HttpRequest) -> OneTimeLink | None:
    """Return the open invitation that this session came with."""
    token = request.session.get(IN_SESSION)
    return links.find(Purpose.INVITATION, token) if token else None


def send(request: HttpRequest, email: str) -> None:
    """Mail an invitation. Whoever has an account gets one too, and no word of that is said here."""
    link = links.make(Purpose.INVITATION, email=email)
    get_adapter(request).send_mail("people/email/invitation", email, {"link": link})


def used(sender: object, request: HttpRequest, **rest: Any) -> None:
    """Use the invitation up once its holder has signed up."""
    link = held(request)
    if link is not None:
        links.use(link)
        del request.session[IN_SESSION]
