"""What a code that was read back allows, and a reset, which needs none."""

from __future__ import annotations

from allauth.account.internal.flows import password_reset
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import override

from holdfast.accounts.gate.places import typed
from holdfast.accounts.gate.running import gate
from holdfast.accounts.people.flows import magic_link
from holdfast.accounts.people.models import Handle, Person
from holdfast.accounts.support import removals
from holdfast.accounts.support.codes import Task
from holdfast.accounts.support.models import Action
from holdfast.accounts.support.rules import must_be_helped, must_not_be_flooded
from holdfast.accounts.trail import events


def tasks(person: Person) -> list[Task]:
    """Return what there is to be done for somebody."""
    found = [Task(Action.UNLOCK)]
    if _unverified(person):
        found.append(Task(Action.RESEND))
    kinds = Authenticator.objects.filter(user=person, type__in=removals.KINDS)
    waiting = {one.factor for one in removals.waiting(person)}
    held = sorted(set(kinds.values_list("type", flat=True)) - waiting)
    return found + [Task(Action.REMOVE_FACTOR, kind) for kind in held]


def perform(request: HttpRequest, person: Person, task: Task) -> None:
    """Do it."""
    if task.action is Action.UNLOCK:
        unlock(request, person)
    elif task.action is Action.RESEND:
        resend(request, person)
    else:
        removals.start(request, person, task.factor)


def is_locked(person: Person) -> bool:
    """Whether attempts at somebody's account are asked for more than usual. Raises StoreDown."""
    return any(gate().is_over(action, account) for action, account in _accounts(person))


def unlock(request: HttpRequest, person: Person) -> None:
    """Give an account back what wrong guesses have used up; budgets of networks stay used."""
    for action, account in _accounts(person):
        gate().forgive(action, account)
    events.note("support.unlocked", request, on=str(person.pk))


def _accounts(person: Person) -> list[tuple[str, str]]:
    """How the gate calls somebody's account: by each of their names, and by their id."""
    names = Handle.objects.filter(person=person).order_by("name").values_list("name", flat=True)
    own = str(person.pk)
    return [*(("sign-in", typed(name)) for name in names), ("factor", own), ("step-up", own)]


def resend(request: HttpRequest, person: Person) -> None:
    """Send who has not shown their address yet a link that signs them in, which shows it.

    A code to verify it would only be taken in the browser that signed up. Whoever comes by the link
    sets a password anew: the first may be of somebody who prepared the account.
    """
    for address in _unverified(person):
        with override(person.language or settings.LANGUAGE_CODE):
            magic_link.ask(request, address)
    events.note("support.resent", request, on=str(person.pk))


def _unverified(person: Person) -> list[str]:
    pending = EmailAddress.objects.filter(user=person, verified=False, primary=True)
    return list(pending.values_list("email", flat=True))


def send_reset(request: HttpRequest, agent: Person, person: Person) -> None:
    """Send somebody the ordinary mail to set a new password. Raises NotHelped and TooOften."""
    must_be_helped(person)
    must_not_be_flooded(agent, person)
    with override(person.language or settings.LANGUAGE_CODE):
        password_reset.request_password_reset(request, person.email, [person], None)
    events.note("reset.sent", request, on=str(person.pk))
