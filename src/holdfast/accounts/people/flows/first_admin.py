"""The first administrator: whoever reads the terminal that the service was started in."""

from __future__ import annotations

from allauth.account.internal.flows import login as allauth_login
from allauth.account.models import Login
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from holdfast.accounts.people.flows import creation, links
from holdfast.accounts.people.models import OneTimeLink, Person, Purpose, Role
from holdfast.accounts.trail import events


def offered() -> str | None:
    """Return a new link where there is no administrator yet; older ones stop working."""
    if there_is_one():
        return None
    OneTimeLink.objects.filter(purpose=Purpose.FIRST_ADMIN).delete()
    return links.make(Purpose.FIRST_ADMIN)


def there_is_one() -> bool:
    """Whether anybody administers this service."""
    return Person.objects.filter(is_superuser=True, is_active=True).exists()


def become(link: OneTimeLink, email: str, name: str, password: str) -> Person | None:
    """Create the administrator; None where the link was used meanwhile, or there is one already.

    Raises IntegrityError where the address is taken; then the link stays open.
    """
    with transaction.atomic():
        if not links.use(link) or there_is_one():
            return None
        person = creation.create(email, password, name=name, role=Role.ADMIN)
        events.note(
            "role.granted", who=str(person.pk), on=str(person.pk), details={"role": "admin"}
        )
        return person


def sign_in(request: HttpRequest, person: Person) -> HttpResponse:
    """Sign the new administrator in."""
    allauth_login.record_authentication(request, person, method="password", email=person.email)
    login = Login(user=person, email=person.email)
    response: HttpResponse = allauth_login.perform_login(request, login)
    return response
