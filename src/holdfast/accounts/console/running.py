"""What the service runs with: sessions, the trail, keys, webhooks and what they were sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, TypeVar
from uuid import UUID

from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from holdfast.accounts.api import keys
from holdfast.accounts.api.models import ApiKey
from holdfast.accounts.console.pages import COUNTED, Page, shown_once
from holdfast.accounts.console.site import site
from holdfast.accounts.people import sessions
from holdfast.accounts.people.models import Role
from holdfast.accounts.trail import events, tally
from holdfast.accounts.trail.models import LONGEST_WHAT, TrailEntry
from holdfast.accounts.webhooks import making, queue
from holdfast.accounts.webhooks.models import Delivery, Webhook
from holdfast.accounts.webhooks.sending import NotSent

T = TypeVar("T")


@admin.register(UserSession, site=site)
class Sessions(Page):
    """Where people are signed in."""

    seen_by = (Role.ADMIN, Role.SUPPORT, Role.AUDITOR)
    list_display = ("user", "ip", "browser", "created_at", "last_seen_at")
    sortable_by = ()
    list_select_related = ("user",)
    fields = readonly_fields = list_display
    ordering = ("-pk",)
    search_fields = ("ip",)
    search_help_text = "An address, or the id of a person"
    actions = ("end",)

    @admin.display(description="browser")
    def browser(self, session: Any) -> str:
        return str(session.user_agent)[:80]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        person, address = parsed(UUID, term), parsed(ip_address, term)
        if person is not None:
            return queryset.filter(user_id=person), False
        return (queryset.filter(ip=str(address)) if address else queryset.none()), False

    @admin.action(description="End these sessions", permissions=["administering"])
    def end(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for session in queryset:
            with transaction.atomic():
                sessions.end(session)
                events.note("session.ended", request, on=str(session.user_id))
        messages.success(request, "They have ended.")


def parsed(read: Callable[[str], T], text: str) -> T | None:
    """Return what a text means, if it means anything."""
    try:
        return read(text)
    except ValueError:
        return None


@admin.register(TrailEntry, site=site)
class Trail(Page):
    """What happened, the newest first; `holdfast trail verify` shows that it is whole."""

    list_display = ("number", "when", "what", "who", "on")
    sortable_by = ("number",)
    fields = readonly_fields = (*list_display, "data", "signature")
    ordering = ("-number",)
    search_fields = ("what",)
    search_help_text = "What happened, such as sign-in or sign-in.failed, or who: an id, key:NAME"

    @admin.display(description="when (UTC)", ordering="number")
    def when(self, entry: TrailEntry) -> str:
        return f"{entry.at:%Y-%m-%d %H:%M:%S}"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()[:LONGEST_WHAT].replace("\0", "")
        if not term:
            return queryset, False
        someone = str(parsed(UUID, term) or term)
        if ":" in term or someone != term or len(term) == len(str(UUID(int=0))):
            return queryset.filter(number__in=self._numbers(someone)), False
        return queryset.filter(what__in=tally.kinds(term)), False

    def _numbers(self, someone: str) -> set[int]:
        """The newest of what somebody did and of what was done to them, each by its index."""
        newest = TrailEntry.objects.order_by("-number").values_list("number", flat=True)
        by, on = newest.filter(who=someone), newest.filter(on=someone)
        return {*by[:COUNTED], *on[:COUNTED]}


class KeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new key of the API."""

    scopes = forms.MultipleChoiceField(
        choices=[(name, f"{name}: {what}") for name, what in keys.SCOPES.items()],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = ApiKey
        fields = ("name", "scopes", "expires")


@admin.register(ApiKey, site=site)
class Keys(Page):
    """Keys of the API."""

    noun = "key"
    changes = ("add", "delete")
    form = KeyForm
    list_display = ("name", "allowed", "created", "expires", "used")
    ordering = ("name",)

    @admin.display(description="scopes")
    def allowed(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    def recorded_as(self, obj: Any) -> str:
        return f"key:{obj.name}"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.list_display if obj is not None else ("name", "scopes", "expires")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.list_display if obj is not None else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        wanted = (form.cleaned_data[name] for name in ("name", "scopes", "expires"))
        made, obj.shown_once = keys.make(*wanted)
        obj.pk = made.pk

    def response_add(self, request: HttpRequest, obj: Any, *rest: Any) -> HttpResponse:
        told = "This is the key. Keep it where only the program can read it: it is shown only now."
        return shown_once(request, self, obj.name, told, obj.shown_once)


class WebhookForm(forms.ModelForm):  # type: ignore[type-arg]
    """Where events are to be sent."""

    events = forms.CharField(
        widget=UnfoldAdminTextInputWidget,
        help_text="* for all of them, or some with commas between: sign-in, person.deleted",
    )

    class Meta:
        model = Webhook
        fields = ("name", "url", "events")

    def clean_events(self) -> list[str]:
        wanted = [one.strip() for one in self.cleaned_data["events"].split(",")]
        for one in wanted:
            if re.fullmatch(making.EVENT, one) is None:
                raise ValidationError(f"{one!r} is no event.")
        return wanted

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            making.check(url)
        except NotSent as error:
            raise ValidationError(str(error)) from None
        return url


@admin.register(Webhook, site=site)
class Webhooks(Page):
    """Where events are sent."""

    noun = "webhook"
    changes = ("add", "change", "delete")
    list_display = ("name", "url", "wanted", "active", "created")
    ordering = ("name",)

    @admin.display(description="events")
    def wanted(self, webhook: Webhook) -> str:
        return ", ".join(webhook.events)

    def get_form(self, request: HttpRequest, obj: Any = None, **options: Any) -> Any:
        return super().get_form(request, obj, **({"form": WebhookForm} if obj is None else {}))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.list_display if obj is not None else ("name", "url", "events")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("name", "url", "wanted", "created") if obj is not None else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            making.switch(obj)
            return
        wanted = (form.cleaned_data[name] for name in ("name", "url", "events"))
        made, obj.shown_once = making.make(*wanted)
        obj.pk = made.pk

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Remove what waits first, by itself; Django has one transaction around the rest."""
        if request.method == "POST" and self.has_delete_permission(request):
            number = parsed(int, object_id[:18]) or 0
            Delivery.objects.filter(webhook=number).delete()
        response: HttpResponse = super().delete_view(request, object_id, extra_context)
        return response

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        on = self.recorded_as(obj)
        making.remove(obj, lambda: events.note("webhook.removed", request, on=on))

    def response_add(self, request: HttpRequest, obj: Any, *rest: Any) -> HttpResponse:
        told = "Events are signed with this secret. Give it to the receiver: it is shown only now."
        return shown_once(request, self, obj.name, told, obj.shown_once)


@admin.register(Delivery, site=site)
class Deliveries(Page):
    """What was sent, waits, or is dead and can be sent again."""

    list_display = ("id", "webhook", "what", "state", "attempts", "answer", "due")
    sortable_by = ("id",)
    list_select_related = ("webhook",)
    list_filter = ("state",)
    fields = readonly_fields = (*list_display, "person", "body", "created")
    ordering = ("-id",)
    actions = ("replay",)

    @admin.action(description="Send these again", permissions=["administering"])
    def replay(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with transaction.atomic():
            count = queue.replay(queryset.order_by())
            events.note("webhook.replayed", request, details={"count": str(count)})
        messages.success(request, f"{count} will be sent again.")
