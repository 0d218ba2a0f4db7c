"""Break-glass: an administrator who lost everything gets in from the server's own shell.

It is made to be noticed: it is logged, and every administrator is told by mail.
"""

from __future__ import annotations

import logging

from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.db import transaction

from holdfast.accounts.people.flows import links, own_data
from holdfast.accounts.people.models import Handle, OneTimeLink, Person, Purpose
from holdfast.accounts.people.names import folded
from holdfast.accounts.trail import events

log = logging.getLogger("holdfast.break_glass")


class NoSuchAdmin(Exception):
    """Nobody who administers the service signs in with that."""


def offer(name: str) -> str:
    """Return a link that gives an administrator a new password; everybody is told.

    Raises NoSuchAdmin.
    """
    held = Handle.objects.select_related("person").filter(name=folded(name)).first()
    if held is None or not (held.person.is_superuser and held.person.is_active):
        raise NoSuchAdmin(f"no administrator signs in with {name!r:.80}")
    link = links.make(Purpose.BREAK_GLASS, held.person)
    events.note_from_shell("break-glass.made", on=str(held.person.pk))
    _tell("asked", held.person)
    return link


def break_in(link: OneTimeLink, password: str) -> Person | None:
    """Set the password and drop the second factors; None where the link was used meanwhile.

    Every session of that person ends, since sessions depend on the password.
    """
    person = link.person
    with transaction.atomic():
        if person is None or not links.use(link):
            return None
        Authenticator.objects.filter(user=person).delete()
        person.set_password(password)
        person.save()
        own_data.end_sessions(person)
        events.note("break-glass.used", who=str(person.pk), on=str(person.pk))
        _tell("used", person)
    return person


def _tell(what: str, person: Person) -> None:
    log.warning("break-glass", extra={"what": what, "person": str(person.pk)})
    admins = Person.objects.filter(is_superuser=True, is_active=True)
    for admin in admins:
        context = {"what": what, "whose": person.email, "person": admin}
        get_adapter().send_mail("people/email/break_glass", admin.email, context)
