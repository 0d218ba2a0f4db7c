"""Signing in by a link in a mail: asked for with an address, used with a click and a button."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows import login as allauth_login
from allauth.account.internal.flows import signup as allauth_signup
from allauth.account.models import EmailAddress, Login
from django.http import HttpRequest, HttpResponse

from holdfast.accounts.people.flows import links, proving
from holdfast.accounts.people.models import Handle, OneTimeLink, Person, Purpose
from holdfast.accounts.people.names import folded_address


def ask(request: HttpRequest, address: str) -> None:
    """Send a link to the address, or word that nobody has an account with it: one mail either way.

    Raises ValidationError for what is no address.
    """
    email = folded_address(address)
    held = Handle.objects.select_related("person").filter(name=email).first()
    if held is None or not held.person.is_active:
        allauth_signup.send_unknown_account_mail(request, email)
        return
    link = links.make(Purpose.SIGN_IN, held.person, email)
    get_adapter(request).send_mail("people/email/sign_in_link", email, {"link": link})


def follow(request: HttpRequest, link: OneTimeLink) -> HttpResponse | None:
    """Sign in, a second factor permitting; None where the link was used meanwhile."""
    person = link.person
    if person is None or not person.is_active or not links.use(link):
        return None
    _verified(request, person, link.email)
    allauth_login.record_authentication(request, person, method="link", email=link.email)
    response: HttpResponse = allauth_login.perform_login(
        request, Login(user=person, email=link.email)
    )
    return response


def _verified(request: HttpRequest, person: Person, email: str) -> None:
    """Whoever followed the link reads the mail of that address."""
    for address in EmailAddress.objects.filter(user=person, email=email, verified=False):
        proving.clear(person, email, request, "link")
        address.set_verified()
