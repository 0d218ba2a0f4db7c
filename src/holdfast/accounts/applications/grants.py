"""Who is signed in to which application, and the refresh tokens that keep them so.

A refresh token is used once; its successor is made of it with a key of the service, so whoever
uses it at the same moment, in whatever worker, gets the same one. For a short while that is what an
application does that asks twice at once, or did not get the answer. Later it is what a thief does,
or somebody who was stolen from: everything of that sign-in ends (RFC 9700, 4.14.2).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from holdfast.accounts.applications.models import Grant, RefreshToken
from holdfast.accounts.applications.signed_in import SignedIn
from holdfast.accounts.applications.tokens import digest
from holdfast.accounts.configuration import Application
from holdfast.accounts.trail.events import note

GRACE = timedelta(seconds=30)
LONGEST = 200  # characters of a token that is looked for
OFFLINE = "offline_access"
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
    code: str | None = None,
) -> Grant:
    """Sign somebody in to an application."""
    asked = list(scopes)
    return Grant.objects.create(
        person=person,
        application_id=client_id,
        scopes=" ".join(asked),
        signed_in=datetime.fromtimestamp(signed_in.at, UTC),
        methods=list(signed_in.methods),
        session="" if OFFLINE in asked else signed_in.session,
        code=digest(code) if code else None,
        ends=timezone.now() + known.lives(settings.HOLDFAST.sessions),
    )


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
    """Return a refresh token that is good, with its grant, which nobody else changes meanwhile.

    Within a transaction.
    """
    if len(token) > LONGEST:
        return None
    now = timezone.now()
    found = (
        RefreshToken.objects.select_for_update()
        .select_related("grant__person")
        .filter(digest=digest(token), expires__gt=now, grant__ends__gt=now)
        .first()
    )
    if found is None or found.grant.application_id != client_id:
        return None
    return found if found.grant.person.is_active else None


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


def rotate(token: str, client_id: str, known: Application) -> tuple[Grant, str] | None:
    """Exchange a refresh token for its successor; None where it is not good any more."""
    with transaction.atomic():
        found = find(token, client_id)
        if found is None:
            return None
        now = timezone.now()
        if found.used is None:
            RefreshToken.objects.filter(digest=found.digest).update(used=now)
        elif now - found.used > GRACE:
            stolen(found.grant)
            return None
        following = _successor(token)
        _keep(following, found.grant, known)
        return found.grant, following


def _successor(token: str) -> str:
    key = hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=b"refresh").digest()
    made = hmac.digest(key, token.encode(), "sha256")
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def stolen(grant: Grant) -> None:
    """End a sign-in one of whose secrets somebody else has had."""
    details = {"application": grant.application_id}
    note("application.theft", on=str(grant.person_id), result="refused", details=details)
    grant.delete()


def end_of_code(code: str, client_id: str) -> None:
    """End what a code began that is brought once more (RFC 6749, 4.1.2)."""
    for grant in Grant.objects.filter(code=digest(code), application_id=client_id):
        stolen(grant)


def end_of_session(session_key: str) -> None:
    """End the sign-ins that were to last as long as a browser's session."""
    if session_key:
        Grant.objects.filter(session=digest(session_key)).delete()


def forget_ended() -> None:
    """Remove sign-ins and refresh tokens that have run out."""
    now = timezone.now()
    RefreshToken.objects.filter(expires__lt=now).delete()
    Grant.objects.filter(ends__lt=now).delete()


def end_all(person: Any, client_id: str | None = None) -> int:
    """Sign somebody out of one application, or of all of them; return how many sign-ins ended."""
    held = Grant.objects.filter(person=person)
    if client_id is not None:
        held = held.filter(application_id=client_id)
    counted: dict[str, int] = held.delete()[1]
    return counted.get("applications.Grant", 0)
