"""What the accounts service records: what Django and allauth say, and what our own flows do.

People stand in it by their ids alone: the trail is never edited, and who leaves has left.
"""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from typing import Any

from allauth.account.adapter import get_adapter
from django.http import HttpRequest

from holdfast.accounts.headless import asking
from holdfast.accounts.people.models import Handle
from holdfast.accounts.people.names import folded
from holdfast.accounts.trail import store
from holdfast.trail.entry import Entry


def note(
    what: str,
    request: HttpRequest | None = None,
    *,
    who: str = "",
    on: str = "",
    result: str = "good",
    details: Mapping[str, str] | None = None,
) -> None:
    """Add an entry; who is signed in, from where, and through which application, are the request's.

    Raises TrailError.
    """
    where = address(request) if request is not None else ""
    if request is not None and asking.application(request):
        details = {**(details or {}), "application": asking.application(request)}
    if request is not None and not who and request.user.is_authenticated:
        who = str(request.user.pk)
    store.append(Entry(what, who=who, on=on, where=where, result=result, details=details or {}))


def note_from_shell(what: str, *, on: str = "", details: Mapping[str, str] | None = None) -> None:
    """Add an entry of what somebody did in the server's own shell."""
    entry = Entry(what, who=f"shell:{_shell()}", on=on, where="shell", details=details or {})
    store.append(entry)


def _shell() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def address(request: HttpRequest) -> str:
    """Return the address that a request came from, past the proxies that are ours."""
    return str(get_adapter(request).get_client_ip(request) or "")


def follow() -> None:
    """Have everything recorded that Django and allauth tell of."""
    from allauth.account import signals as account
    from allauth.mfa import signals as mfa
    from django.contrib.auth.signals import user_login_failed

    told = (
        (account.user_signed_up, "person.signed-up", "good"),
        (account.password_set, "password.set", "good"),
        (account.password_changed, "password.changed", "good"),
        (account.password_reset, "password.reset", "good"),
        (account.email_added, "address.added", "good"),
        (account.email_confirmed, "address.confirmed", "good"),
        (account.email_changed, "address.primary", "good"),
        (account.email_removed, "address.removed", "good"),
        (account.user_logged_out, "sign-in.ended", "good"),
        (account.login_code_rejected, "sign-in.wrong-code", "refused"),
        (mfa.authentication_failed, "factor.failed", "refused"),
        (mfa.authenticator_added, "factor.added", "good"),
        (mfa.authenticator_removed, "factor.removed", "good"),
        (mfa.authenticator_reset, "factor.reset", "good"),
    )
    for signal, what, result in told:
        signal.connect(_noting(what, result), weak=False, dispatch_uid=f"trail: {what}")
    account.user_logged_in.connect(_signed_in, dispatch_uid="trail: sign-in.good")
    user_login_failed.connect(_failed, dispatch_uid="trail: sign-in.failed")


def _noting(what: str, result: str) -> Any:
    def noted(sender: object, request: HttpRequest | None = None, **told: Any) -> None:
        authenticator = told.get("authenticator")
        owned = told.get("email_address") or told.get("to_email_address") or authenticator
        person = str(getattr(told.get("user"), "pk", None) or getattr(owned, "user_id", "") or "")
        details = {"factor": str(authenticator.type)} if authenticator is not None else {}
        note(what, request, on=person, result=result, details=details)

    return noted


def _signed_in(sender: object, request: HttpRequest, user: Any, **rest: Any) -> None:
    from allauth.account.internal.flows.login import get_authentication_records

    methods = [str(one.get("method", "")) for one in get_authentication_records(request, user)]
    note("sign-in.good", request, who=str(user.pk), details={"by": ", ".join(methods)})


def _failed(
    sender: object,
    credentials: Mapping[str, Any],
    request: HttpRequest | None = None,
    **rest: Any,
) -> None:
    """Somebody did not get in; what they typed is not kept: it may be a password by mistake."""
    name = str(credentials.get("email") or credentials.get("username") or "")
    person = Handle.objects.filter(name=folded(name)).values_list("person_id", flat=True).first()
    note("sign-in.failed", request, on=str(person or ""), result="refused")
