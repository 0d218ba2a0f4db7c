"""Somebody is created whole, or not at all."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from django.db import transaction

from holdfast.accounts.people.models import Person
from holdfast.accounts.people.names import folded_address


def create(email: str, password: str | None, *, verified: bool = True, **fields: Any) -> Person:
    """Create a person with one address.

    Raises ValidationError for what is no address, IntegrityError where somebody has it already.
    """
    address = folded_address(email)
    with transaction.atomic():
        person = Person(email=address, **fields)
        person.set_password(password)
        person.save()
        EmailAddress.objects.create(user=person, email=address, primary=True, verified=verified)
    return person
