"""Handles follow the names and addresses they stand for.

A verified address is its person's; so is the one they signed up with. One that was only added, and
not shown to be theirs, is not: nobody could otherwise use an address of their own that somebody
else has typed in.
"""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from django.db.models.signals import post_delete, post_save

from holdfast.accounts.people.models import Handle, Person


def claim(person: Person, name: str) -> None:
    """Take a handle for a person. Raises IntegrityError where somebody else has it."""
    held = Handle.objects.filter(name=name).first()
    if held is None or held.person_id != person.pk:
        Handle.objects.create(name=name, person=person)


def of_address(sender: object, instance: EmailAddress, **rest: Any) -> None:
    """Claim or release the handle of an address that was saved."""
    if instance.verified or instance.primary:
        claim(instance.user, instance.email)


def of_removed_address(sender: object, instance: EmailAddress, **rest: Any) -> None:
    """Release the handle of an address that was removed."""
    Handle.objects.filter(name=instance.email, person_id=instance.user_id).delete()


def of_person(sender: object, instance: Person, **rest: Any) -> None:
    """Keep the handle of the user name: there is at most one, and it holds no `@`."""
    if rest.get("raw") or rest.get("update_fields") == frozenset({"last_login"}):
        return
    names = Handle.objects.filter(person=instance).exclude(name__contains="@")
    names.exclude(name=instance.username or "").delete()
    if instance.username:
        claim(instance, instance.username)


def follow_addresses() -> None:
    """Connect the signals; once, as Django has loaded its apps."""
    post_save.connect(of_address, EmailAddress, dispatch_uid="handle of an address")
    post_delete.connect(of_removed_address, EmailAddress, dispatch_uid="handle of no address")
    post_save.connect(of_person, Person, dispatch_uid="handle of a name")
