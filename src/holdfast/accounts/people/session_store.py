"""Sessions in the database, each written once a request.

Django writes a new session as soon as it has a key, and again at the end of the request. A key has
160 random bits, so nobody needs to ask whether it is taken: it is written once, with all it holds.
"""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions
from django.db import connection
from django.utils import timezone

_LOAD = "SELECT session_data FROM django_session WHERE session_key = %s AND expire_date > %s"
"""Written out: it is part of every request of somebody who is signed in."""
KEY_BYTES = 20  # its hexadecimal digits just fit Django's table


class SessionStore(DatabaseSessions):
    """Django's sessions in the database, whose keys are written with what they hold."""

    _is_new = False

    def _get_new_session_key(self) -> str:
        return secrets.token_hex(KEY_BYTES)

    def load(self) -> dict[str, Any]:
        """Return what is kept under the key of the cookie; nothing where that has ended."""
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        with connection.cursor() as cursor:
            cursor.execute(_LOAD, [self.session_key, now])
            row = cursor.fetchone()
        if row is None:
            self._session_key = None
            return {}
        kept: dict[str, Any] = self.decode(row[0])
        return kept

    def create(self) -> None:
        """Begin under a new key; `save` writes it."""
        self._session_key = self._get_new_session_key()
        self._is_new = self.modified = True

    def save(self, must_create: bool = False) -> None:
        """Write the session; the first time, it must not be there yet."""
        if self.session_key is None:
            self.create()
        super().save(must_create=must_create or self._is_new)
        self._is_new = False
