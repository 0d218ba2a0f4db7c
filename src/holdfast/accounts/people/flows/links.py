"""Links that work once: made, shown once, used once."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from holdfast.accounts.people.models import OneTimeLink, Person, Purpose

LIVES = {
    Purpose.FIRST_ADMIN: timedelta(hours=24),
    Purpose.INVITATION: timedelta(days=7),
    Purpose.SIGN_IN: timedelta(minutes=15),
    Purpose.BREAK_GLASS: timedelta(minutes=15),
}
ROUTES = {
    Purpose.FIRST_ADMIN: "first_admin",
    Purpose.INVITATION: "invitation",
    Purpose.SIGN_IN: "sign_in_link",
    Purpose.BREAK_GLASS: "break_glass",
}
TOKEN_BYTES = 32


def digest(token: str) -> str:
    """Return what is kept of a token: it is long and random, so one SHA-256 is enough."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def new_token() -> str:
    """Return what a link holds that nobody guesses."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def make(purpose: Purpose, person: Person | None = None, email: str = "") -> str:
    """Return the whole address of a new link, made from the configured origin alone."""
    OneTimeLink.objects.filter(expires__lt=timezone.now()).delete()
    token = new_token()
    expires = timezone.now() + LIVES[purpose]
    OneTimeLink.objects.create(
        digest=digest(token), purpose=purpose, person=person, email=email, expires=expires
    )
    return f"{settings.HOLDFAST.origin}{reverse(ROUTES[purpose], args=[token])}"


def find(purpose: Purpose, token: str) -> OneTimeLink | None:
    """Return the link if it is still open; looking at it does not use it."""
    return (
        OneTimeLink.objects.filter(
            digest=digest(token), purpose=purpose, used=None, expires__gt=timezone.now()
        )
        .select_related("person")
        .first()
    )


def use(link: OneTimeLink) -> bool:
    """Use a link up; False where somebody else has, or it has expired meanwhile."""
    now = timezone.now()
    still_open = OneTimeLink.objects.filter(pk=link.pk, used=None, expires__gt=now)
    return still_open.update(used=now) == 1
