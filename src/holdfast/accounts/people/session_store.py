"""Sessions in the database, each written once a request.

Django writes a new session as soon as it has a key, and again at the end of the request. A key has
160 random bits, so nobody needs to ask whether it is taken: it is written once, with all it holds.
"""

from __future__ import annotations

import secrets

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions

KEY_BYTES = 20  # its hexadecimal digits just fit Django's table


class SessionStore(DatabaseSessions):
    """Django's sessions in the database, whose keys are written with what they hold."""

    _is_new = False

    def _get_new_session_key(self) -> str:
        return secrets.token_hex(KEY_BYTES)

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
