"""Whose sign-in belongs to a provider: that of people with addresses of its domains."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount

from holdfast.accounts.connections.identity import domain_of
from holdfast.accounts.connections.models import Connection
from holdfast.accounts.people.models import Person


def leading(typed: str) -> Connection | None:
    """Return the connection that somebody is led to who types this address."""
    domain = domain_of(typed) if "@" in typed else ""
    return _of(domain) if domain else None


def alone(person: Person) -> Connection | None:
    """Return the connection that a person has to sign in by, if there is one.

    Whoever has a role may sign in without: a provider that fails must not lock them out.
    """
    if person.role:
        return None
    strict = list(Connection.objects.filter(enabled=True, only=True).order_by("pk"))
    if not strict:
        return None
    linked = set(SocialAccount.objects.filter(user=person).values_list("provider", flat=True))
    for one in strict:  # another address does not lead out of it
        if one.slug in linked:
            return one
    kept = EmailAddress.objects.filter(user=person, verified=True).values_list("email", flat=True)
    domains = {email.rpartition("@")[2] for email in (person.email, *kept)}
    return next((one for one in strict if not domains.isdisjoint(one.domains)), None)


def _of(domain: str) -> Connection | None:
    enabled = Connection.objects.filter(enabled=True).exclude(domains=[]).order_by("pk")
    return next((one for one in enabled if domain in one.domains), None)
