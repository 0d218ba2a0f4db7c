"""People in the console: found and looked at, changed by administrators, helped by support."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget

from holdfast.accounts.console import desk
from holdfast.accounts.console.pages import Page, agent
from holdfast.accounts.console.site import site
from holdfast.accounts.people.flows import changing, own_data
from holdfast.accounts.people.models import Person, Role
from holdfast.accounts.search.find import MOST_AT_ONCE, Wanted, find
from holdfast.accounts.support import actions
from holdfast.accounts.support.rules import NotHelped, TooOften
from holdfast.accounts.trail import events


class PersonForm(forms.ModelForm):  # type: ignore[type-arg]
    """What an administrator may change of somebody."""

    language = forms.ChoiceField(
        choices=[("", "as their browser says"), *settings.LANGUAGES],
        required=False,
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = Person
        fields = ("name", "username", "language", "role", "is_active")

    def clean_username(self) -> str | None:
        name = changing.username(self.cleaned_data.get("username"))
        if changing.is_taken(self.instance, name):
            raise ValidationError("Somebody has this user name already.")
        return name

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        before = Person.objects.get(pk=self.instance.pk)
        if changing.steps_down(before, cleaned) and own_data.is_last_admin(before):
            raise ValidationError(str(own_data.LastAdmin()))
        return cleaned


class HasRole(admin.SimpleListFilter):
    """Who has a role, by the index of the few who do."""

    title = parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in Role.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        role = self.value()
        return queryset.filter(role=role).exclude(role="") if role in Role.values else queryset


class IsInactive(admin.SimpleListFilter):
    """Who may not sign in."""

    title = parameter_name = "inactive"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Only who may not sign in")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(is_active=False) if self.value() == "yes" else queryset


@admin.register(Person, site=site)
class People(Page):
    """Everybody."""

    noun = "person"
    seen_by = (Role.ADMIN, Role.SUPPORT, Role.AUDITOR)
    changes = ("change", "delete")
    form = PersonForm
    list_display = ("shown", "email", "username", "role", "is_active", "created", "last_login")
    list_filter = (HasRole, IsInactive)
    sortable_by = ("email", "created")
    ordering = ("-created",)
    search_fields = ("text",)  # see get_search_results
    search_help_text = "Any part of a name or an address, from three letters on; or an id"
    fields = (
        *("id", "email", "name", "username", "language", "role", "is_active"),
        *("created", "last_login", "addresses", "factors", "sessions", "attempts"),
    )
    readonly_fields = (
        *("id", "email", "created", "last_login", "addresses", "factors", "sessions", "attempts"),
    )
    actions = ("end_sessions", "send_reset")
    actions_detail = ("help",)

    @admin.display(description="person", ordering="name")
    def shown(self, person: Person) -> str:
        return person.name or str(person.pk)

    @admin.display
    def addresses(self, person: Person) -> str:
        kept = EmailAddress.objects.filter(user=person).order_by("email")
        return ", ".join(f"{one.email}{'' if one.verified else ' (not verified)'}" for one in kept)

    @admin.display
    def factors(self, person: Person) -> str:
        kinds = Authenticator.objects.filter(user=person).order_by("pk")
        return ", ".join(kinds.values_list("type", flat=True)) or "none"

    @admin.display
    def sessions(self, person: Person) -> str:
        return str(UserSession.objects.filter(user=person).count())

    @admin.display(description="attempts to sign in")
    def attempts(self, person: Person) -> str:
        return desk.told_of_attempts(person)

    @action(description="Help this person", url_path="help", permissions=["helping"])
    def help(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what the support desk does for somebody, and do it."""
        person = self.get_object(request, unquote(object_id))
        if person is None:
            raise Http404
        return desk.page(request, self, person)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Look as the API does, for the newest two hundred."""
        term = search_term.replace("\0", "").strip()
        if not term:
            return queryset, False
        found = find(Wanted(term, limit=MOST_AT_ONCE))
        return queryset.filter(pk__in=[one.pk for one in found.people]), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show somebody, or change them as long as nobody else was quicker."""
        try:
            shown: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
        except (IntegrityError, own_data.LastAdmin):  # somebody else was quicker
            messages.error(request, "That had just become impossible: look once more.")
            return redirect(request.path)
        return shown

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        fields = {name: form.cleaned_data[name] for name in form.changed_data}
        changing.change(Person.objects.select_for_update().get(pk=obj.pk), fields)
        if "role" in fields:
            told = {"role": fields["role"] or "none"}
            events.note("role.given", request, on=str(obj.pk), details=told)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and obj.is_superuser:
            admins = Person.objects.filter(is_superuser=True, is_active=True)
            if not admins.exclude(pk=obj.pk).exists():
                return False
        return super().has_delete_permission(request, obj)

    def recorded_as(self, obj: Any) -> str:
        return str(obj.pk)

    def about(self, obj: Any) -> str:
        return str(obj.pk)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        try:
            own_data.delete(obj, by=str(request.user.pk))
        except own_data.LastAdmin as error:
            messages.error(request, str(error))

    @admin.action(description="Sign out everywhere", permissions=["administering"])
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for person in queryset:
            with transaction.atomic():
                told = {"count": str(own_data.end_sessions(person))}
                events.note("session.ended", request, on=str(person.pk), details=told)
        messages.success(request, "They are signed out.")

    @admin.action(description="Send a mail to set a new password", permissions=["helping"])
    def send_reset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for person in queryset:
            if not person.email:
                continue
            try:
                actions.send_reset(request, agent(request), person)
            except (NotHelped, TooOften) as error:
                messages.error(request, f"{person.pk}: {error}")
                events.note("support.refused", request, on=str(person.pk), result="refused")
            else:
                messages.success(request, f"{person.pk}: the mail is on its way.")
