"""The removal of a lost second factor: begun with a code, told of at once, done a day later."""

from __future__ import annotations

import logging
from datetime import timedelta

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.mfa.base.internal.flows import delete_dangling_recovery_codes
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from holdfast.accounts.people.flows import links
from holdfast.accounts.people.models import Person
from holdfast.accounts.support import channels
from holdfast.accounts.support.models import Outcome, Removal
from holdfast.accounts.trail import events

log = logging.getLogger(__name__)
WAITS = timedelta(hours=24)
KEPT = timedelta(days=30)
KINDS = ("totp", "webauthn")


def waiting(person: Person) -> QuerySet[Removal]:
    """Return what waits to be removed of somebody."""
    return Removal.objects.filter(person=person, outcome="").order_by("due")


def start(request: HttpRequest, person: Person, factor: str) -> None:
    """Have a kind of factor removed in a day, and tell its owner; one that waits goes on."""
    list(Person.objects.select_for_update().filter(pk=person.pk).values_list("pk"))
    if waiting(person).filter(factor=factor).exists():
        return
    token, now = links.new_token(), timezone.now()
    removal = Removal.objects.create(
        person=person, factor=factor, digest=links.digest(token), started=now, due=now + WAITS
    )
    on, told = str(person.pk), {"factor": factor}
    events.note("support.removal-started", request, on=on, details=told)
    link = f"{settings.HOLDFAST.origin}{reverse('stop_removal', args=[token])}"
    _mail(removal, "started", link=link)
    transaction.on_commit(lambda: _message(removal, link))


def find(token: str) -> Removal | None:
    """Return the removal that a link cancels, while it waits; looking at it changes nothing."""
    found = Removal.objects.filter(digest=links.digest(token), outcome="", due__gt=timezone.now())
    return found.select_related("person").first()


def cancel(request: HttpRequest, removal: Removal) -> bool:
    """Keep the factor; False where it was removed or cancelled meanwhile."""
    with transaction.atomic():
        if not _ends(removal, Outcome.CANCELLED):
            return False
        on, told = str(removal.person_id), {"factor": removal.factor, "why": Outcome.CANCELLED}
        events.note("support.removal-cancelled", request, on=on, details=told)
        _mail(removal, "cancelled")
    return True


def do_due() -> int:
    """Remove what has waited a day; return how many removals have ended."""
    ended = 0
    for removal in Removal.objects.filter(outcome="", due__lte=timezone.now()).order_by("due"):
        try:
            with transaction.atomic():
                ended += _do(removal)
        except Exception:  # one that fails holds no other up; it is tried again
            log.exception("a factor could not be removed")
    Removal.objects.filter(due__lt=timezone.now() - KEPT).exclude(outcome="").delete()
    return ended


def _do(removal: Removal) -> bool:
    person = Person.objects.select_for_update().get(pk=removal.person_id)
    lost = Authenticator.objects.filter(
        user=person, type=removal.factor, created_at__lte=removal.started
    )
    outcome = Outcome.DONE
    if person.role:
        outcome = Outcome.IN_OFFICE
    elif lost.filter(last_used_at__gt=removal.started).exists():
        outcome = Outcome.USED
    if not _ends(removal, outcome):
        return False
    on, told = str(person.pk), {"factor": removal.factor, "why": outcome.value}
    if outcome is not Outcome.DONE:
        events.note("support.removal-cancelled", on=on, details=told)
        _mail(removal, "cancelled")
        return True
    lost.delete()
    delete_dangling_recovery_codes(person)
    needs_password = _is_left_with_too_little(person)
    if needs_password:
        person.set_unusable_password()
        person.save(update_fields=["password"])
    events.note("factor.removed", on=on, details={"factor": removal.factor})
    events.note("support.removal-done", on=on, details={"factor": removal.factor})
    _mail(removal, "done", needs_password=needs_password)
    return True


def _is_left_with_too_little(person: Person) -> bool:
    """Whether a password that is too short to stand alone would stand alone."""
    if person.password_stands_alone or not person.has_usable_password():
        return False
    return not Authenticator.objects.filter(user=person).exists()


def _ends(removal: Removal, outcome: Outcome) -> bool:
    return Removal.objects.filter(pk=removal.pk, outcome="").update(outcome=outcome) == 1


def _mail(removal: Removal, what: str, **context: object) -> None:
    """Write to every address that its owner has shown to be theirs."""
    person = removal.person
    addresses = EmailAddress.objects.filter(user=person, verified=True).order_by("pk")
    with override(person.language or settings.LANGUAGE_CODE):
        for address in addresses:
            told = {"removal": removal, "person": person, **context}
            get_adapter().send_mail(f"support/email/removal_{what}", address.email, told)


def _message(removal: Removal, link: str) -> None:
    person = removal.person
    with override(person.language or settings.LANGUAGE_CODE):
        context = {"removal": removal, "link": link, "service_name": settings.HOLDFAST.look.name}
        text = render_to_string("support/message_removal.txt", context).strip()
    for name in channels.of(person):
        channels.send(name, person, settings.HOLDFAST.look.name, text)
