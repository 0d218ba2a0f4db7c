"""Events wait in the database, in the transaction of what they tell of, until they were taken."""

from __future__ import annotations

import ipaddress
import json
import logging
import time
from datetime import timedelta

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from holdfast.accounts import background, sealed
from holdfast.accounts.trail import store
from holdfast.accounts.webhooks import sending
from holdfast.accounts.webhooks.models import Delivery, State, Webhook
from holdfast.trail.entry import Entry

log = logging.getLogger(__name__)
PURPOSE = "webhook"
LOOKS_EVERY_S = 1.0
LAST_RETRY = timedelta(hours=2)
AT_ONCE = 20
TURN_S = 2.0
"""So long events are sent to one receiver before the next has its turn."""
KEPT_SENT_FOR, KEPT_DEAD_FOR = timedelta(days=7), timedelta(days=90)
EVERYTHING = "*"


def wants(webhook: Webhook, what: str) -> bool:
    """Whether a webhook wants to know of that."""
    return any(one in (EVERYTHING, what) or what.startswith(f"{one}.") for one in webhook.events)


def put(number: int, entry: Entry) -> None:
    """Queue an entry of the trail for every webhook that wants it."""
    person = (entry.on or entry.who)[:64]
    body = ""
    for webhook in Webhook.objects.filter(active=True):
        if not wants(webhook, entry.what):
            continue
        body = body or _body(number, entry)
        Delivery.objects.create(webhook=webhook, person=person, what=entry.what, body=body)


def follow(**_: object) -> None:
    """Have the trail tell of its entries while there is a webhook."""
    store.listen(Webhook.objects.filter(active=True).exists)


def _body(number: int, entry: Entry) -> str:
    told = json.loads(entry.encoded())
    data = {name: told[name] for name in ("who", "on", "where", "result", "details")}
    return json.dumps(
        {"type": told["what"], "timestamp": told["at"], "number": number, "data": data}
    )


def due() -> QuerySet[Delivery]:
    """What may be sent now: nothing of a person who has something waiting before it."""
    before = Delivery.objects.filter(
        webhook=OuterRef("webhook"), person=OuterRef("person"), state=State.WAITING
    ).filter(id__lt=OuterRef("id"))
    waiting = Delivery.objects.filter(state=State.WAITING, due__lte=timezone.now())
    active = waiting.filter(webhook__active=True)
    return active.exclude(Exists(before.exclude(person=""))).order_by("id")


def deliver_due() -> int:
    """Send some of what is due, a few for each webhook in turn; return how much was taken."""
    taken = 0
    for webhook in list(Webhook.objects.filter(active=True).order_by("?")):
        began = time.monotonic()
        for delivery in due().filter(webhook=webhook)[:AT_ONCE]:
            if not _claim(delivery):
                continue
            taken += _send(webhook, delivery)
            if delivery.state != State.SENT or time.monotonic() - began > TURN_S:
                break  # whoever is slow or away holds nobody else up
    return taken


def _claim(delivery: Delivery) -> bool:
    """Move on when it is tried next, so that nobody else tries it now."""
    first = timedelta(seconds=settings.HOLDFAST.webhooks.first_retry_s)
    wait = max(min(first * 2 ** min(delivery.attempts, 16), LAST_RETRY), first)
    lease = max(wait, timedelta(seconds=2 * sending.TIMEOUT_S))
    mine = Delivery.objects.filter(pk=delivery.pk, due=delivery.due, state=State.WAITING)
    delivery.attempts += 1
    if mine.update(due=timezone.now() + lease, attempts=delivery.attempts) != 1:
        return False
    delivery.due = timezone.now() + wait
    return True


def _send(webhook: Webhook, delivery: Delivery) -> bool:
    chosen = settings.HOLDFAST.webhooks
    allowed = [ipaddress.ip_network(one) for one in chosen.allow]
    try:
        secret = sealed.opened(webhook.secret, PURPOSE)
        status = sending.send(webhook.url, secret, str(delivery.pk), delivery.body, allowed)
        delivery.state, delivery.answer = State.SENT, str(status)
    except InvalidToken:
        delivery.state, delivery.answer = State.DEAD, "its secret cannot be read: make it anew"
        log.error("a webhook's secret cannot be read", extra={"webhook": webhook.pk})
    except sending.NotSent as error:
        delivery.answer = str(error)
        if delivery.attempts >= chosen.attempts:
            delivery.state = State.DEAD
        log.warning(
            "event not sent",
            extra={"delivery": delivery.pk, "webhook": webhook.pk, "state": delivery.state},
        )
    told = {"state": delivery.state, "answer": delivery.answer, "due": delivery.due}
    Delivery.objects.filter(pk=delivery.pk).update(**told)  # it may be gone with its webhook
    return delivery.state == State.SENT


def replay(deliveries: QuerySet[Delivery]) -> int:
    """Have these sent again, from the beginning; return how many there are."""
    return deliveries.update(state=State.WAITING, attempts=0, due=timezone.now())


def forget_sent() -> None:
    """Remove what was taken a week ago, and what has been dead for three months."""
    now = timezone.now()
    for state, kept_for in ((State.SENT, KEPT_SENT_FOR), (State.DEAD, KEPT_DEAD_FOR)):
        Delivery.objects.filter(state=state, created__lt=now - kept_for).delete()


def courier() -> None:
    """Deliver what is due, as long as the process runs."""
    while True:
        if not background.attempt(deliver_due, "what waits for webhooks cannot be sent"):
            time.sleep(LOOKS_EVERY_S)
