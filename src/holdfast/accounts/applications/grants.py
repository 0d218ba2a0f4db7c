"""Who is signed in to which application, and the refresh tokens that keep them so.

A refresh token is used once; its successor is made of it with a key of the service, so whoever
uses it at the same moment, in whatever worker, gets the same one. For a short while that is what an
application does that asks twice at once, or did not get the answer. Later it is what a thief does,
or somebody who was stolen from: everything of that sign-in ends (RFC 9700, 4.14.2).
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
from holdfast.accounts.applications.standing import Standing
from holdfast.accounts.applications.tokens import digest
from holdfast.accounts.configuration import OFFLINE, Application
from holdfast.accounts.databases import together
from holdfast.accounts.people import embedded_cache as spent
from holdfast.accounts.people.rows import loaded
from holdfast.accounts.trail.events import note

GRACE = timedelta(seconds=30)
CODE_LIVES = timedelta(seconds=60)
LONGEST = 200  # characters of a token that is looked for
# Written out: they are part of every introspection, and of every refresh.
_GOES_ON = (
    "SELECT p.is_active FROM applications_grant g JOIN people_person p ON p.id = g.person_id "
    "WHERE g.id = %s AND g.ends > %s "
    "AND NOT EXISTS (SELECT 1 FROM people_spent WHERE digest = %s)"
)
_OF_GRANT = ("id", "person_id", "application_id", "scopes", "signed_in", "methods")
_HELD = (
    "SELECT t.used, r.roles, r.invited, o.roles, "
    "g.id, g.person_id, g.application_id, g.scopes, g.signed_in, g.methods "
    "FROM applications_refreshtoken t JOIN applications_grant g ON g.id = t.grant_id "
    "JOIN people_person p ON p.id = g.person_id "
    "LEFT JOIN applications_registration r "
    "ON r.person_id = g.person_id AND r.application_id = g.application_id "
    "LEFT JOIN applications_group_members m ON m.person_id = g.person_id "
    "LEFT JOIN applications_group o ON o.id = m.group_id "
    "WHERE t.digest = %s AND t.expires > %s AND g.ends > %s AND g.application_id = %s "
    "AND p.is_active"
)
_LOCK = "SELECT id FROM applications_grant WHERE id = %s"
_USE = "UPDATE applications_refreshtoken SET used = %s WHERE digest = %s AND used IS NULL"
_FOLLOW = (
    "INSERT INTO applications_refreshtoken (digest, grant_id, expires) "
    "SELECT %s, g.id, CASE WHEN g.ends < %s THEN g.ends ELSE %s END "
    "FROM applications_grant g JOIN applications_refreshtoken t ON t.grant_id = g.id "
    "WHERE t.digest = %s AND t.used = %s"
)


@dataclass(frozen=True)
class Held:
    """A refresh token that was good when it was looked for.

    With its sign-in, what its person is in the application, and whether it had been used.
    """

    token: str
    grant: Grant
    standing: Standing
    was_used: bool


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
    expires = min(grant.ends, timezone.now() + known.rests(settings.HOLDFAST.sessions))
    RefreshToken.objects.create(digest=digest(token), grant=grant, expires=expires)
    return token


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


def goes_on(number: str, *, unless_spent: str) -> bool:
    """Whether a sign-in has not ended, its person may still sign in, and nobody spent that."""
    try:
        key = Grant._meta.pk.get_db_prep_value(number, connection)
    except ValidationError:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_GOES_ON, [key, _kept(timezone.now()), spent.digest(unless_spent)])
        row = cursor.fetchone()
    return row is not None and bool(row[0])


def held(token: str, client_id: str) -> Held | None:
    """Return a refresh token that an application brings, None where it is none of its own."""
    if len(token) > LONGEST:
        return None
    now = _kept(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [digest(token), now, now, client_id])
        rows = cursor.fetchall()
    if not rows:
        return None
    used, own, invited, _, *of_grant = rows[0]
    groups = [json.loads(row[3]) for row in rows if row[3] is not None]
    standing = Standing.of(client_id, json.loads(own or "[]"), groups, is_invited=bool(invited))
    return Held(token, loaded(Grant, _OF_GRANT, of_grant), standing, used is not None)


def rotate(held: Held, known: Application) -> str | None:
    """Exchange a refresh token for its successor; None where it is not good any more.

    Who ends a sign-in waits for this, and this for them: the sign-in is locked first, whoever
    locks it.
    """
    following = _successor(held.token)
    if not held.was_used and _used_first(held, following, known):
        return following
    kept = RefreshToken.objects.filter(digest=digest(held.token))
    used = kept.values_list("used", flat=True).first()
    if used is None:  # its sign-in has ended
        return None
    if timezone.now() - used > GRACE:
        stolen(held.grant)
        return None
    return following


def _used_first(held: Held, following: str, known: Application) -> bool:
    """Whether nobody has used it before; its successor is kept then."""
    now = timezone.now()
    used, rests = _kept(now), _kept(now + known.rests(settings.HOLDFAST.sessions))
    key, own = Grant._meta.pk.get_db_prep_value(held.grant.pk, connection), digest(held.token)
    locked = " FOR UPDATE" if connection.features.has_select_for_update else ""
    statements = (
        (_LOCK + locked, [key]),
        (_USE, [used, own]),
        (_FOLLOW, [digest(following), rests, rests, own, used]),
    )
    return together(*statements)[1] == 1


def _kept(moment: datetime) -> str:
    """Return a time as a statement takes it."""
    return str(connection.ops.adapt_datetimefield_value(moment))


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
