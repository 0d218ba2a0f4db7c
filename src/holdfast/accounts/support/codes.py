"""Codes that a person reads back to an agent: each is for one action, which is named beforehand."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import override

from holdfast.accounts import sealed
from holdfast.accounts.people.models import Person
from holdfast.accounts.support import channels
from holdfast.accounts.support.models import Action, ReadBackCode
from holdfast.accounts.support.rules import must_be_helped, must_not_be_flooded
from holdfast.accounts.trail import events

LIVES = timedelta(minutes=10)
DIGITS = 8
MOST_GUESSES = 5
MAIL = "mail"


class NotSent(Exception):
    """A code could not be sent; the message says why, and is shown to the agent."""


@dataclass(frozen=True)
class Task:
    """One action, and the kind of factor that it is about, if any."""

    action: Action
    factor: str = ""

    def __str__(self) -> str:
        return f"{self.action.value}:{self.factor}" if self.factor else self.action.value

    @property
    def details(self) -> dict[str, str]:
        """What the trail says of it."""
        told = {"action": self.action.value}
        return told | ({"factor": self.factor} if self.factor else {})


def ways(person: Person, task: Task) -> list[str]:
    """Return how a code for this can reach a person: by mail, or by a channel.

    An address that nobody has shown to be theirs gets codes for nothing but its own verification.
    """
    address = EmailAddress.objects.filter(user=person, email=person.email).first()
    mails = address is not None and (address.verified or task.action is Action.RESEND)
    return ([MAIL] if mails else []) + channels.of(person)


def ask(request: HttpRequest, agent: Person, person: Person, task: Task, way: str) -> None:
    """Send a person a code that allows this agent this one thing; it takes the place of others.

    Raises NotHelped, TooOften and NotSent.
    """
    must_be_helped(person)
    if way not in ways(person, task):
        raise NotSent("Nothing leads there: choose another way.")
    must_not_be_flooded(agent, person)
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    with transaction.atomic():
        ReadBackCode.objects.filter(agent=agent, person=person).delete()
        salt = secrets.token_hex(16)
        kept = ReadBackCode.objects.create(
            agent=agent,
            person=person,
            salt=salt,
            digest=_digest(salt, agent, person, task, code),
            action=task.action,
            factor=task.factor,
            expires=timezone.now() + LIVES,
        )
        shown = f"{code[:4]} {code[4:]}"
        context = {"task": task, "code": shown if way == MAIL else "", "way": way}
        context["minutes"] = int(LIVES.total_seconds() // 60)
        with override(person.language or settings.LANGUAGE_CODE):
            if MAIL in ways(person, task):
                get_adapter().send_mail("support/email/read_back_code", person.email, context)
            text = render_to_string("support/message_code.txt", {**context, "code": shown}).strip()
        events.note("support.code-sent", request, on=str(person.pk), details=_told(task, way))
    if way != MAIL and not channels.send(way, person, settings.HOLDFAST.look.name, text):
        kept.delete()
        events.note(
            "support.code-sent",
            request,
            on=str(person.pk),
            result="failed",
            details=_told(task, way),
        )
        raise NotSent("The message could not be sent: choose another way.")


def _told(task: Task, way: str) -> dict[str, str]:
    return {**task.details, "way": way}


def redeem(
    request: HttpRequest,
    agent: Person,
    person: Person,
    task: Task,
    code: str,
    act: Callable[[], None],
) -> bool:
    """Do the one thing that a code allows, once; False where it does not allow this.

    A guess counts before it is looked at, so that many at once are no more than some. What is done
    and the end of the code are one: where `act` fails, the code stays. Raises NotHelped.
    """
    must_be_helped(person)
    typed = re.sub(r"[\s-]", "", code[:40])
    kept = _kept(agent, person)
    right = kept is not None and _is_right(kept, agent, person, task, typed)
    with transaction.atomic():
        if kept is not None and right and _spent(kept):
            act()
            events.note("support.code-used", request, on=str(person.pk), details=task.details)
            return True
    told = {"on": str(person.pk), "result": "refused"}
    events.note("support.code-wrong", request, details=task.details, **told)
    return False


def _kept(agent: Person, person: Person) -> ReadBackCode | None:
    return ReadBackCode.objects.filter(agent=agent, person=person).order_by("-pk").first()


def awaited(agent: Person, person: Person) -> Task | None:
    """Return what the open code allows that this agent waits for, if there is one."""
    kept = ReadBackCode.objects.filter(agent=agent, person=person).filter(**_open()).last()
    return Task(Action(kept.action), kept.factor) if kept is not None else None


def _open() -> dict[str, Any]:
    return {"spent": None, "guesses__lt": MOST_GUESSES, "expires__gt": timezone.now()}


def _is_right(kept: ReadBackCode, agent: Person, person: Person, task: Task, typed: str) -> bool:
    still_open = ReadBackCode.objects.filter(pk=kept.pk, **_open())
    if still_open.update(guesses=F("guesses") + 1) != 1:
        return False
    return hmac.compare_digest(kept.digest, _digest(kept.salt, agent, person, task, typed))


def _spent(kept: ReadBackCode) -> bool:
    """Use a code up; False where somebody else has, or it has expired meanwhile."""
    now = timezone.now()
    still_open = ReadBackCode.objects.filter(pk=kept.pk, spent=None, expires__gt=now)
    return still_open.update(spent=now) == 1


def _digest(salt: str, agent: Person, person: Person, task: Task, code: str) -> str:
    """Eight digits are guessed from a plain digest at once: a key is needed to make this one."""
    told = "\n".join((salt, _told_of(agent, person, task), code))
    return hmac.new(
        sealed.key("read-back code"), told.encode(errors="replace"), "sha256"
    ).hexdigest()


def _told_of(agent: Person, person: Person, task: Task) -> str:
    return f"{agent.pk} {person.pk} {task}"


def forget_old() -> None:
    """Remove codes that have expired."""
    ReadBackCode.objects.filter(expires__lt=timezone.now()).delete()
