"""Who is registered in which application, and groups, in the console."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminTextareaWidget

from holdfast.accounts.applications import grants
from holdfast.accounts.applications.groups import UnknownRole, checked, known_roles
from holdfast.accounts.applications.models import Group, Registration
from holdfast.accounts.console.pages import Page
from holdfast.accounts.console.running import parsed
from holdfast.accounts.console.site import site
from holdfast.accounts.people.models import Person
from holdfast.accounts.people.names import folded
from holdfast.accounts.trail import events

MOST = 500


class RegistrationForm(forms.ModelForm):  # type: ignore[type-arg]
    """The roles of one person in one application, one on each line."""

    roles = forms.CharField(
        required=False, widget=UnfoldAdminTextareaWidget, help_text="One on each line"
    )

    class Meta:
        model = Registration
        fields = ("person", "application", "roles")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            self.initial["roles"] = "\n".join(self.instance.roles)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        application = cleaned.get("application")
        if application is None and self.instance.pk:
            application = self.instance.application
        if application is None:
            return cleaned
        self.instance.invited = True
        try:
            cleaned["roles"] = known_roles(application.pk, cleaned.get("roles", "").split())
        except UnknownRole as error:
            raise ValidationError({"roles": str(error)}) from None
        return cleaned


@admin.register(Registration, site=site)
class Registrations(Page):
    """Who may do what in which application."""

    noun = "registration"
    changes = ("add", "change", "delete")
    form = RegistrationForm
    list_display = ("person", "application", "held", "made")
    list_select_related = ("person", "application")
    list_filter = ("application",)
    sortable_by = ()
    ordering = ("-pk",)
    fields = ("person", "application", "roles", "made")
    raw_id_fields = ("person",)
    search_fields = ("person",)
    search_help_text = "The id of a person"

    @admin.display(description="roles")
    def held(self, one: Registration) -> str:
        return ", ".join(one.roles) or "none of their own"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("made",) if obj is None else ("person", "application", "made")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset, False
        person = parsed(UUID, search_term.strip())
        return (queryset.filter(person=person) if person else queryset.none()), False

    def recorded_as(self, obj: Any) -> str:
        return str(obj.person_id)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        details = {"application": str(obj.application_id)}
        with transaction.atomic():
            person = obj.person
            obj.delete()
            grants.end_all(person, details["application"])
        events.note("application.unregistered", request, on=str(obj.person_id), details=details)


class GroupForm(forms.ModelForm):  # type: ignore[type-arg]
    """A group's roles are JSON: by application, a list. Its members are addresses or user names."""

    roles = forms.CharField(
        widget=UnfoldAdminTextareaWidget,
        initial="{}",
        help_text='By application, as in {"todo": ["CREATE_TODO"]}',
    )
    members = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget,
        help_text=f"Addresses, user names or ids, one on each line; the API takes more than {MOST}",
    )

    class Meta:
        model = Group
        fields = ("name", "roles")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            self.initial["roles"] = json.dumps(self.instance.roles, indent=2)
            held = self.instance.members.order_by("email")[: MOST + 1]
            self.initial["members"] = "\n".join(one.email or str(one.pk) for one in held)

    def clean_members(self) -> list[Person]:
        """Return who is named; nobody is left out without a word."""
        names = list(dict.fromkeys(self.cleaned_data["members"].split()))
        if len(names) > MOST:
            raise ValidationError(f"More than {MOST}: use the API.")
        found = []
        for name in names:
            number = parsed(UUID, name)
            person = (
                Person.objects.filter(pk=number).first()
                if number is not None
                else Person.objects.filter(handles__name=folded(name)).first()
            )
            if person is None:
                raise ValidationError(f"{name}: nobody is called so.")
            found.append(person)
        return found

    def clean_roles(self) -> dict[str, list[str]]:
        try:
            return checked(json.loads(self.cleaned_data["roles"]))
        except UnknownRole as error:
            raise ValidationError(str(error)) from None
        except (ValueError, RecursionError):
            raise ValidationError('Write JSON, as in {"todo": ["CREATE_TODO"]}') from None


@admin.register(Group, site=site)
class Groups(Page):
    """People who have the same roles."""

    noun = "group"
    changes = ("add", "change", "delete")
    form = GroupForm
    list_display = ("name", "held")
    sortable_by = ("name",)
    ordering = ("name",)
    fields = ("name", "roles", "members")
    search_fields = ("name",)

    @admin.display(description="roles")
    def held(self, group: Group) -> str:
        return "; ".join(f"{name}: {', '.join(roles)}" for name, roles in group.roles.items())

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        form.instance.members.set(form.cleaned_data["members"])

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        number = obj.pk
        obj.delete()
        events.note("group.removed", request, on=f"group:{number}")
