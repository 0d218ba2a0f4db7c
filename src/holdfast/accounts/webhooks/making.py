"""A webhook is made: where events may be sent, and its secret, which is shown once."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence

from django.conf import settings
from django.db import transaction

from holdfast.accounts import sealed
from holdfast.accounts.trail import store
from holdfast.accounts.webhooks import queue, sending
from holdfast.accounts.webhooks.models import Delivery, Webhook

EVENT = r"^(\*|[a-z][a-z0-9-]{0,30}(\.[a-z0-9-]{1,31})?)$"
"""What a webhook may ask for: everything, a kind such as `sign-in`, or one thing that happens."""


def check(url: str) -> None:
    """Raise NotSent where nothing may be sent."""
    allowed = [ipaddress.ip_network(one) for one in settings.HOLDFAST.webhooks.allow]
    sending.target(url, allowed)


def make(name: str, url: str, events: Sequence[str]) -> tuple[Webhook, str]:
    """Make a webhook; return it, and its secret as text. Raises NotSent and IntegrityError."""
    check(url)
    secret = sending.new_secret()
    kept = sealed.seal(secret, queue.PURPOSE)
    return Webhook.objects.create(name=name, url=url, events=list(events), secret=kept), secret


def remove(webhook: Webhook, note: Callable[[], None]) -> None:
    """Have no more sent there; what waits is removed too, and `note` records it.

    Outside a transaction: deliveries may be many, and are removed before the head is held.
    """
    Delivery.objects.filter(webhook=webhook).delete()
    with transaction.atomic():
        note()
        webhook.delete()


def switch(webhook: Webhook) -> None:
    """Write whether events are sent there."""
    with transaction.atomic():
        store.hold()
        webhook.save(update_fields=["active"])
