"""Whom the support desk helps, and how often."""

from __future__ import annotations

from django.conf import settings

from holdfast.accounts.gate.running import gate
from holdfast.accounts.people.models import Person
from holdfast.gate.budgets import Budget

HOUR_S = 3600.0
OF_A_PERSON = Budget(free=3, every_s=20 * 60.0, priced=0)
"""Codes and resets that a person gets, whichever agents send them."""


class NotHelped(Exception):
    """Somebody is not helped here; the message says why, and is shown to the agent."""


class TooOften(Exception):
    """So many codes and resets were sent lately; the message says whose budget it is."""


def why_not_helped(person: Person) -> str:
    """Return why somebody is not helped, or "".

    Whoever has a role may do more than an agent: an agent who helps them could become them.
    """
    if person.role:
        return "Who has a role is not helped here: an administrator does that."
    if not person.is_active:
        return "Who may not sign in is not helped here: an administrator decides about that."
    return ""


def must_be_helped(person: Person) -> None:
    """Raise NotHelped for whoever has a role by now, or may not sign in."""
    why = why_not_helped(Person.objects.get(pk=person.pk))
    if why:
        raise NotHelped(why)


def must_not_be_flooded(agent: Person, person: Person) -> None:
    """Draw on what an agent may send in an hour, and on what a person gets. Raises TooOften."""
    most = settings.HOLDFAST.support.mails_an_hour
    of_an_agent = Budget(free=most, every_s=HOUR_S / most, priced=0)
    if not gate().allowed("support agent", str(agent.pk), of_an_agent):
        raise TooOften("You have sent many of these lately: wait a while.")
    if not gate().allowed("support person", str(person.pk), OF_A_PERSON):
        raise TooOften("They were sent several of these lately: wait a while.")
