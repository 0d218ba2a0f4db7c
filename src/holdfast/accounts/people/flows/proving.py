"""Somebody shows that an account's address is theirs, and nobody ever had.

The account may have been prepared by somebody else, who waits for its owner: what was put into it
to get in by is removed.
"""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import transaction
from django.http import HttpRequest

from holdfast.accounts.people.flows.own_data import end_sessions
from holdfast.accounts.people.models import Person
from holdfast.accounts.trail import events


def clear(person: Person, email: str, request: HttpRequest, by: str) -> bool:
    """Remove every way into an account but this address; False where one was shown before."""
    with transaction.atomic():
        Person.objects.select_for_update().get(pk=person.pk)
        others = EmailAddress.objects.filter(user=person).exclude(email=email)
        if others.filter(verified=True).exists():
            return False
        held = Authenticator.objects.filter(user=person)
        if person.source_id and held.exists():
            return False  # it came with them from elsewhere, and is asked for
        held.delete()
        SocialAccount.objects.filter(user=person).delete()
        others.delete()
        end_sessions(person)
        person.set_unusable_password()
        fields = ["password", "password_stands_alone"]
        if not person.source_id:  # a number that codes are sent to may be the preparer's
            person.profile, person.name, person.username = {}, "", None
            fields += ["profile", "name", "username"]
        person.save(update_fields=fields)
        events.note("account.proven", request, on=str(person.pk), details={"by": by})
    return True


def by_code(sender: object, request: HttpRequest, email_address: EmailAddress, **rest: Any) -> None:
    """Clear an account that somebody gets into by a mailed code alone, for the first time."""
    person = email_address.user
    records = get_authentication_records(request, person)
    if records and records[-1].get("method") == "code":
        clear(person, email_address.email, request, "code")
