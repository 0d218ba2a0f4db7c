"""What every page of the console has in common: who may do what, and pages of large tables."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin

from holdfast.accounts.console.site import role_of
from holdfast.accounts.people.models import Person, Role
from holdfast.accounts.support import looking
from holdfast.accounts.trail import events

COUNTED = 2000
"""As many rows are counted and paged through; beyond that one looks for something."""


ASKED = ("p", "o", "all", "role", "inactive")
"""What the trail keeps of how a list was asked for: pages, order, filters."""

OF_AN_ACTION = {
    *("csrfmiddlewaretoken", "action", ACTION_CHECKBOX_NAME, "index", "select_across"),
}
"""What the form of a list holds."""


def agent(request: HttpRequest) -> Person:
    """Return who is signed in to the console."""
    if not isinstance(request.user, Person):
        raise PermissionDenied
    return request.user


class FirstRows(Paginator):  # type: ignore[type-arg]
    """Counts no further than somebody would page, so that a table may have any size."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows[:COUNTED].count()) if isinstance(rows, QuerySet) else len(rows)


class Page(ModelAdmin):
    """A model in the console. Auditors see, and change nothing whatever `changes` says."""

    noun = ""
    """What the trail calls one of these."""
    seen_by: tuple[str, ...] = (Role.ADMIN, Role.AUDITOR)
    changes: tuple[str, ...] = ()
    """Which of `add`, `change` and `delete` administrators may."""
    paginator = FirstRows
    show_full_result_count = False
    list_per_page = 50
    list_fullwidth = True

    # What the support desk looks at is recorded, whichever way it is led there.

    def about(self, obj: Any) -> str:
        """Return the id of the person that something is about."""
        return str(getattr(obj, "user_id", ""))

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        found = super().get_object(request, object_id, from_field)
        seen = role_of(request) == Role.SUPPORT and self.has_view_permission(request)
        if found is not None and seen:
            looking.look(request, agent(request), [UUID(self.about(found))], opened=True)
            events.note("support.viewed", request, on=self.about(found))
        return found

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show a list, or take an action; an agent sends nothing but an action that is theirs."""
        if role_of(request) == Role.SUPPORT and request.method == "POST":
            theirs = request.POST.get("action") in self.get_actions(request)
            if not theirs or set(request.POST) - OF_AN_ACTION:
                raise PermissionDenied
        response: HttpResponse = super().changelist_view(request, extra_context)
        if role_of(request) == Role.SUPPORT and isinstance(response, TemplateResponse):
            self._note_list(request, (response.context_data or {}).get("cl"))
        return response

    def _note_list(self, request: HttpRequest, shown: Any) -> None:
        """Record that a list was shown, and how many; never what was looked for."""
        if shown is None:
            return
        people = [UUID(self.about(one)) for one in shown.result_list]
        looking.look(request, agent(request), people, opened=False)
        asked = {name: request.GET[name][:40] for name in ASKED if name in request.GET}
        what = "support.searched" if shown.query else "support.listed"
        details = {**asked, "found": str(len(people))}
        events.note(what, request, on=self.opts.model_name or "", details=details)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return role_of(request) in self.seen_by

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return role_of(request) in self.seen_by

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return "add" in self.changes and role_of(request) == Role.ADMIN

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return "change" in self.changes and role_of(request) == Role.ADMIN

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return "delete" in self.changes and role_of(request) == Role.ADMIN

    def has_administering_permission(self, request: HttpRequest) -> bool:
        """For actions that administrators alone may take."""
        return role_of(request) == Role.ADMIN

    def has_helping_permission(self, request: HttpRequest, key: Any = None) -> bool:
        """For actions that the support desk may take too."""
        return role_of(request) in (Role.ADMIN, Role.SUPPORT)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Filter by what is offered alone: a hash or a key could be guessed letter by letter."""
        name, _, how = lookup.partition("__")
        offered = {getattr(one, "parameter_name", one) for one in self.list_filter}
        return name in offered and how in ("", "exact")

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Do what was chosen, with what can be a key, and never with everybody at once."""
        try:
            for key in request.POST.getlist(ACTION_CHECKBOX_NAME):
                self.opts.pk.to_python(key)
        except ValidationError:
            messages.error(request, "Nothing here has that key.")
            return None
        if request.POST.get("select_across", "0") != "0":
            messages.error(request, "Choose those of one page.")
            return None
        return super().response_action(request, queryset)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *rest: Any, **options: Any
    ) -> HttpResponse:
        """One button saves: what is shown once would be missed behind the others."""
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        response: HttpResponse = super().render_change_form(request, context, *rest, **options)
        return response

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Name what would be removed; what hangs on it goes with it, and is nobody's to keep."""
        names = [str(one) for one in objs]
        stays = [one for one in objs if not self.has_delete_permission(request, one)]
        kind = str(self.opts.verbose_name_plural)
        return names, {kind: len(names)}, {kind} if stays else set(), []

    # Django keeps a list of its own of what was done; ours is the trail.

    def recorded_as(self, obj: Any) -> str:
        """What an entry of the trail calls it: as the API does."""
        return f"{self.noun}:{obj.pk}"

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:
        events.note(f"{self.noun}.made", request, on=self.recorded_as(obj))

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:
        on, told = self.recorded_as(obj), _fields(message)
        events.note(f"{self.noun}.changed", request, on=on, details=told)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """What removes something records it, after it has: see holdfast.accounts.trail.store."""

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for obj in queryset:
            self.delete_model(request, obj)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic():
            on = self.recorded_as(obj)
            obj.delete()
            events.note(f"{self.noun}.removed", request, on=on)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        raise Http404  # it is in the trail


def _fields(message: Any) -> dict[str, str]:
    changed = [
        name
        for one in (message if isinstance(message, list) else [])
        for name in one.get("changed", {}).get("fields", [])
    ]
    return {"fields": ", ".join(map(str, changed))}


def shown_once(
    request: HttpRequest, page: Page, title: str, told: str, secret: str
) -> HttpResponse:
    """Show a secret that nobody will see again, in the answer to what made it."""
    opts = page.model._meta
    back = reverse(f"console:{opts.app_label}_{opts.model_name}_changelist")
    context = {**page.admin_site.each_context(request), "opts": opts}
    context |= {"title": title, "told": told, "secret": secret, "back": back}
    return TemplateResponse(request, "console/made.html", context)
