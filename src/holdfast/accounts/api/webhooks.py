"""Where events are sent, and what became of each."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from ninja import Field, Query, Router, Schema
from pydantic import StringConstraints

from holdfast.accounts.api.keys import Scope
from holdfast.accounts.api.once import once, repeatable
from holdfast.accounts.api.people import PROBLEMS, noted
from holdfast.accounts.api.problems import Problem
from holdfast.accounts.api.shapes import Counted, Line, Taken
from holdfast.accounts.webhooks import making, queue, sending
from holdfast.accounts.webhooks.models import Delivery, State, Webhook

router = Router(tags=["webhooks"])
LARGEST_NUMBER = 2**62
Event = Annotated[str, StringConstraints(pattern=making.EVENT)]


class WebhookOut(Schema):
    id: int
    name: str
    url: str
    events: list[str]
    active: bool
    created: datetime


class MadeWebhook(WebhookOut):
    secret: str
    """Shown now and never again; it begins with `whsec_`."""


class NewWebhook(Taken):
    name: Annotated[Line, StringConstraints(min_length=1, max_length=60)]
    url: Annotated[str, StringConstraints(min_length=8, max_length=500)]
    events: Annotated[list[Event], Field(min_length=1, max_length=50)]


class DeliveryOut(Schema):
    id: int
    what: str
    person: str
    state: str
    attempts: int
    due: datetime
    answer: str
    created: datetime


class Asked(Schema):
    state: Literal["waiting", "sent", "dead"] | None = None
    after: int = Field(0, ge=0, le=LARGEST_NUMBER)
    limit: int = Field(100, ge=1, le=1000)


def _plain(webhook: Webhook) -> dict[str, Any]:
    fields = ("id", "name", "url", "events", "active", "created")
    return {name: getattr(webhook, name) for name in fields}


def _webhook(number: int) -> Webhook:
    webhook = Webhook.objects.filter(pk=number).first() if 0 < number < LARGEST_NUMBER else None
    if webhook is None:
        raise Problem(404, "There is no such webhook.")
    return webhook


@router.get("", response={200: list[WebhookOut], **PROBLEMS}, auth=Scope("webhooks:write"))
def all_webhooks(request: HttpRequest) -> Any:
    """See where events are sent."""
    return 200, [_plain(one) for one in Webhook.objects.order_by("pk")[:1000]]


@router.post("", response={201: MadeWebhook, **PROBLEMS}, auth=Scope("webhooks:write"))
def make_webhook(request: HttpRequest, new: NewWebhook) -> Any:
    """Have events sent to a URL; its secret is shown once, so never twice."""
    try:
        with transaction.atomic():
            webhook, secret = making.make(new.name, new.url, new.events)
            noted(request, "webhook.made", f"webhook:{webhook.pk}")
    except sending.NotSent as error:
        raise Problem(422, f"url: {error}") from None
    except IntegrityError:
        raise Problem(409, "A webhook has this name already.") from None
    return 201, {**_plain(webhook), "secret": secret}


@router.delete("/{webhook_id}", response={204: None, **PROBLEMS}, auth=Scope("webhooks:write"))
@repeatable
def remove_webhook(request: HttpRequest, webhook_id: int) -> Any:
    """Have no more sent there; what waits is removed too."""
    webhook, name = _webhook(webhook_id), f"webhook:{webhook_id}"
    making.remove(webhook, lambda: noted(request, "webhook.removed", name))
    return 204, None


@router.get(
    "/{webhook_id}/deliveries",
    response={200: list[DeliveryOut], **PROBLEMS},
    auth=Scope("webhooks:write"),
)
def deliveries(request: HttpRequest, webhook_id: int, asked: Annotated[Asked, Query()]) -> Any:
    """See what became of each event, in order."""
    kept = Delivery.objects.filter(webhook=_webhook(webhook_id), pk__gt=asked.after)
    if asked.state:
        kept = kept.filter(state=asked.state)
    fields = ("id", "what", "person", "state", "attempts", "due", "answer", "created")
    return 200, list(kept.order_by("pk").values(*fields)[: asked.limit])


@router.post(
    "/{webhook_id}/replay", response={200: Counted, **PROBLEMS}, auth=Scope("webhooks:write")
)
@once
def replay(request: HttpRequest, webhook_id: int, delivery: int | None = None) -> Any:
    """Send one delivery again, whatever became of it, or all dead ones."""
    kept = Delivery.objects.filter(webhook=_webhook(webhook_id))
    if delivery is None:
        kept = kept.filter(state=State.DEAD)
    else:
        kept = kept.filter(pk=delivery if 0 < delivery < LARGEST_NUMBER else 0)
    count = queue.replay(kept)
    noted(request, "webhook.replayed", f"webhook:{webhook_id}", count=count)
    return 200, {"count": count}
