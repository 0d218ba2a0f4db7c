"""Whose an identity is. It is linked to a person, and each rule keeps somebody from another's.

- An identity that was linked signs in as its person.
- One that was not signs in as whoever has its address, if the provider may say whose that address
  is, and the person has shown that it is theirs. Whoever has a role links by hand.
- Where nobody has ever shown that an account's address is theirs, whoever comes with a proof of it
  gets the account, and everything that was prepared in it to get in by is removed.
- Otherwise the account's owner is told by mail, and links it once they are signed in.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.models import SocialAccount, SocialLogin
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.contrib import messages
from django.contrib.auth import logout
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from holdfast.accounts.people.flows import proving
from holdfast.accounts.people.models import Handle, Person
from holdfast.accounts.trail import events


def by_address(request: HttpRequest, login: SocialLogin) -> tuple[Person, str] | None:
    """Return whose account an identity that is not linked signs in to, with the address."""
    if login.state.get("process") == AuthProcess.CONNECT:
        return None
    for address in login.email_addresses:
        if address.verified:
            return _by_proven(request, address.email, login.account.provider)
    return None


def _by_proven(request: HttpRequest, email: str, slug: str) -> tuple[Person, str] | None:
    held = Handle.objects.select_related("person").filter(name=email).first()
    if held is None:  # it may have been typed in by somebody whose it is not
        EmailAddress.objects.filter(email=email, verified=False).delete()
        return None
    person = held.person
    if person.role or not person.is_active:
        return None
    shown = EmailAddress.objects.filter(user=person, email=email)
    if shown.filter(verified=True).exists():
        return person, email
    return (person, email) if _take_over(request, person, email, slug) else None


def _take_over(request: HttpRequest, person: Person, email: str, slug: str) -> bool:
    """Give an account that nobody has shown to be theirs to who has; False where somebody did."""
    with transaction.atomic():
        if not proving.clear(person, email, request, slug):
            return False
        shown = EmailAddress.objects.filter(user=person, email=email)
        shown.update(verified=True, primary=True)
    return True


def signed_in(
    sender: object,
    request: HttpRequest,
    user: Person,
    sociallogin: SocialLogin | None = None,
    **rest: Any,
) -> None:
    """Link the identity that somebody has just signed in by, all that is asked for included."""
    if sociallogin is None or sociallogin.account.pk is not None:
        return
    account = sociallogin.account
    try:
        with transaction.atomic():
            account.user = user
            account.save(force_insert=True)
            _note("identity.linked", request, account)
    except IntegrityError:  # it was linked in another window meanwhile
        kept = SocialAccount.objects.filter(provider=account.provider, uid=account.uid)
        if kept.filter(user=user).exists():
            return
        logout(request)
        messages.error(request, _("That identity has just become somebody else's."))
        raise ImmediateHttpResponse(redirect("account_login")) from None
    if not sociallogin.state.get("new"):
        context = {"account": account, "provider": sociallogin.provider}
        adapter = get_account_adapter(request)
        adapter.send_notification_mail("socialaccount/email/account_connected", user, context)


def added(sender: object, request: HttpRequest, sociallogin: SocialLogin, **rest: Any) -> None:
    """Record what somebody who is signed in has linked."""
    _note("identity.linked", request, sociallogin.account)


def removed(sender: object, request: HttpRequest, socialaccount: Any, **rest: Any) -> None:
    """Record what somebody has unlinked."""
    _note("identity.unlinked", request, socialaccount)


def _note(what: str, request: HttpRequest, account: Any) -> None:
    person, details = str(account.user_id), {"connection": account.provider}
    events.note(what, request, who=person, on=person, details=details)
