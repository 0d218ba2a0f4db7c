"""Devices without a keyboard: they show a code, which somebody types elsewhere (RFC 8628)."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from holdfast.accounts.applications.models import Device, Grant
from holdfast.accounts.applications.tokens import digest

LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so no words; eight of them are 34 bits (RFC 8628, 6.1)."""
LENGTH = 8
LIVES = timedelta(minutes=10)
EVERY_S = 5
LONGEST = 200  # characters


def begin(client_id: str, scopes: list[str]) -> tuple[str, str]:
    """Return the code that a device keeps, and the one that it shows."""
    Device.objects.filter(expires__lt=timezone.now()).delete()
    kept = secrets.token_urlsafe(32)
    while True:
        shown = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
        try:
            with transaction.atomic():
                Device.objects.create(
                    digest=digest(kept),
                    user_code=_typed_digest(shown),
                    application_id=client_id,
                    scopes=" ".join(scopes),
                    expires=timezone.now() + LIVES,
                )
        except IntegrityError:
            continue  # another device shows the same one now
        return kept, f"{shown[:4]}-{shown[4:]}"


def _typed_digest(text: str) -> str:
    """What is kept of a code that is typed: its letters alone count. The key is not in the table,
    as it is short.
    """
    letters = "".join(one for one in text[:LONGEST].upper() if one in LETTERS)
    return digest(f"{settings.SECRET_KEY} device {letters}")


def waiting(typed: str) -> Device | None:
    """Return the device that shows a code and was neither allowed nor declined."""
    return still_waiting().filter(user_code=_typed_digest(typed)).first()


def still_waiting() -> QuerySet[Device]:
    """Return the devices that were neither allowed nor declined, and have not given up."""
    return Device.objects.filter(grant=None, declined=False, expires__gt=timezone.now())


def decide(device: Device, grant: Grant | None) -> bool:
    """Allow a device with a sign-in, or decline it; return whether it still waited."""
    held = still_waiting().filter(pk=device.pk)
    return bool(held.update(grant=grant, declined=grant is None))


def take(code: str, client_id: str) -> Grant | str:
    """Return the sign-in that a device was allowed, once; else an error of RFC 8628, 3.5.

    Within a transaction.
    """
    device = (
        Device.objects.select_for_update()
        .filter(digest=digest(code[:LONGEST]), application_id=client_id)
        .first()
    )
    now = timezone.now()
    if device is None:
        return "invalid_grant"
    if device.expires < now:
        return "expired_token"
    if device.declined:
        return "access_denied"
    if device.grant is None:
        is_soon = device.asked is not None and now - device.asked < timedelta(seconds=EVERY_S)
        Device.objects.filter(pk=device.pk).update(asked=now)
        return "slow_down" if is_soon else "authorization_pending"
    grant = device.grant
    device.delete()
    return grant if grant.person.is_active else "access_denied"
