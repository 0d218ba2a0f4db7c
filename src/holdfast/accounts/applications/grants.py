"""Who is signed in to which application, and the refresh tokens that keep them so.

A refresh token is used once; its successor is made of it with a key of the service, so whoever
uses it at the same moment, in whatever worker, gets the same one. For a short while that is what an
application does that asks twice at once, or did not get the answer. Later it is what a thief does,
or somebody who was stolen from: everything of that sign-in ends (RFC 9700, 4.14.2).
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from holdfast.accounts import sealed
from holdfast.accounts.applications.models import Grant, RefreshToken
from holdfast.accounts.applications.signed_in import SignedIn
from holdfast.accounts.applications.tokens import digest
from holdfast.accounts.configuration import OFFLINE, Application
from holdfast.accounts.trail.events import note

GRACE = timedelta(seconds=30)
CODE_LIVES = timedelta(seconds=60)
LONGEST = 200  # characters of a token that is looked for
_GOES_ON = (
    "SELECT p.is_active FROM applications_grant g JOIN people_person p ON p.id = g.person_id "
    "WHERE g.id = %s AND g.ends > %s"
)
"""Written out: it is part of every introspection."""


def begin(
    person: Any,
    client_id: str,
    known: Application,
    scopes: Iterable[str],
    signed_in: SignedIn,
    *,
    since: datetime | None = None,
) -> Grant:
    """Sign somebody in to an application; `since` is when their sign-in by its own form began."""
    lasts = known.lives(settings.HOLDFAST.sessions)
    return Grant.objects.create(
        person=person,
        application_id=client_id,
        ends=(since or timezone.now()) + lasts,
        **_fields(scopes, signed_in),
    )


def begin_by_code(
    person: Any,
    client_id: str,
    scopes: Iterable[str],
    signed_in: SignedIn,
    pending: Mapping[str, str],
) -> str:
    """Return a code for a sign-in, which ends in a minute unless the code is exchanged.

    It is there from now on, so that what ends it finds it.
    """
    code = secrets.token_urlsafe(32)
    Grant.objects.create(
        person=person,
        application_id=client_id,
        code=digest(code),
        pending=dict(pending),
        ends=timezone.now() + CODE_LIVES,
        **_fields(scopes, signed_in),
    )
    return code


def _fields(scopes: Iterable[str], signed_in: SignedIn) -> dict[str, Any]:
    asked = list(scopes)
    return {
        "scopes": " ".join(asked),
        "signed_in": datetime.fromtimestamp(signed_in.at, UTC),
        "methods": list(signed_in.methods),
        "session": "" if OFFLINE in asked else signed_in.session,
    }


def of_code(code: str, client_id: str) -> Grant | None:
    """Return the sign-in that a code began, which nobody else changes meanwhile.

    Within a transaction.
    """
    if len(code) > LONGEST:
        return None
    held = Grant.objects.select_for_update().filter(code=digest(code), application_id=client_id)
    return held.first()


def exchanged(grant: Grant, known: Application) -> None:
    """Have a sign-in last, now that its code was exchanged."""
    grant.pending = None
    grant.ends = timezone.now() + known.lives(settings.HOLDFAST.sessions)
    grant.save(update_fields=["pending", "ends"])


def first_token(grant: Grant, known: Application) -> str:
    """Return the first refresh token of a sign-in."""
    token = secrets.token_urlsafe(32)
    _keep(token, grant, known)
    return token


def _keep(token: str, grant: Grant, known: Application) -> None:
    expires = min(grant.ends, timezone.now() + known.rests(settings.HOLDFAST.sessions))
    RefreshToken.objects.bulk_create(
        [RefreshToken(digest=digest(token), grant=grant, expires=expires)], ignore_conflicts=True
    )


def find(token: str, client_id: str) -> RefreshToken | None:
    """Return a refresh token that is good; its sign-in may end meanwhile."""
    if len(token) > LONGEST:
        return None
    now = timezone.now()
    held = RefreshToken.objects.select_related("grant").filter(
        digest=digest(token),
        expires__gt=now,
        grant__ends__gt=now,
        grant__application=client_id,
        grant__person__is_active=True,
    )
    return held.first()


def goes_on(number: str) -> bool:
    """Whether a sign-in has not ended, and its person may still sign in."""
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    try:
        key = Grant._meta.pk.get_db_prep_value(number, connection)
    except ValidationError:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_GOES_ON, [key, now])
        row = cursor.fetchone()
    return row is not None and bool(row[0])


def rotate(
    token: str, client_id: str, known: Application, allowed: Callable[[Grant], None]
) -> tuple[Grant, str] | None:
    """Exchange a refresh token for its successor; None where it is not good any more.

    `allowed` raises where that is not to be. Who ends a sign-in waits for this, and this for them:
    the sign-in is locked first, whoever locks it.
    """
    found = find(token, client_id)
    if found is None:
        return None
    with transaction.atomic():
        grant = Grant.objects.select_for_update().filter(pk=found.grant_id).first()
        kept = RefreshToken.objects.filter(digest=found.digest).values_list("used", flat=True)
        if grant is None or not kept:
            return None
        now, used = timezone.now(), kept[0]
        allowed(grant)
        if used is None:
            RefreshToken.objects.filter(digest=found.digest).update(used=now)
        elif now - used > GRACE:
            stolen(grant)
            return None
        following = _successor(token)
        _keep(following, grant, known)
        return grant, following


def _successor(token: str) -> str:
    made = hmac.digest(sealed.key("refresh"), token.encode(), "sha256")
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def stolen(grant: Grant) -> None:
    """End a sign-in one of whose secrets somebody else has had. Within a transaction."""
    person, details = str(grant.person_id), {"application": grant.application_id}
    end(Grant.objects.filter(pk=grant.pk))
    note("application.theft", on=person, result="refused", details=details)


def end(held: QuerySet[Grant]) -> int:
    """End sign-ins; return how many. Their tokens are added and removed under their lock alone."""
    with transaction.atomic():
        keys = list(held.select_for_update().order_by("pk").values_list("pk", flat=True))
        RefreshToken.objects.filter(grant__in=keys).delete()
        Grant.objects.filter(pk__in=keys).delete()
        return len(keys)


def end_of_session(session_key: str) -> None:
    """End the sign-ins that were to last as long as a browser's session."""
    if session_key:
        end(Grant.objects.filter(session=digest(session_key)))


def forget_ended() -> None:
    """Remove sign-ins and refresh tokens that have run out."""
    now = timezone.now()
    end(Grant.objects.filter(ends__lt=now))
    RefreshToken.objects.filter(expires__lt=now).delete()


def end_all(person: Any, client_id: str | None = None) -> int:
    """Sign somebody out of one application, or of all of them; return how many sign-ins ended."""
    held = Grant.objects.filter(person=person)
    return end(held if client_id is None else held.filter(application_id=client_id))
