"""Somebody is changed by somebody else: in the console, or by a program with a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from holdfast.accounts.people.flows.own_data import LastAdmin, end_sessions, is_last_admin
from holdfast.accounts.people.models import Handle, Person, Role
from holdfast.accounts.people.names import RESERVED, folded_name


def username(name: str | None) -> str | None:
    """Return a user name in the form it is kept in. Raises ValidationError."""
    if not name:
        return None
    folded = folded_name(name)
    if folded in RESERVED:
        raise ValidationError("Nobody can be called so.", code="reserved")
    return folded


def is_taken(person: Person, name: str | None) -> bool:
    """Whether a user name is somebody else's; the database has the last word."""
    return name is not None and Handle.objects.filter(name=name).exclude(person=person).exists()


def change(person: Person, fields: Mapping[str, Any]) -> None:
    """Give fields of a person new values: of `name`, `username`, `role`, `is_active` and others.

    Who may not sign in any more is signed out everywhere.
    Raises ValidationError for what is no user name, IntegrityError where somebody has it, and
    LastAdmin where nobody could administer the service any more.
    """
    wanted = dict(fields)
    if "username" in wanted:
        wanted["username"] = username(wanted["username"])
    with transaction.atomic():
        if steps_down(person, wanted) and is_last_admin(person):
            raise LastAdmin
        for field, value in wanted.items():
            setattr(person, field, value)
        person.save()
        if not person.is_active:
            end_sessions(person)


def steps_down(person: Person, fields: Mapping[str, Any]) -> bool:
    """Whether somebody would administer no more with these fields."""
    role = fields.get("role", person.role)
    return role != Role.ADMIN or not fields.get("is_active", person.is_active)
