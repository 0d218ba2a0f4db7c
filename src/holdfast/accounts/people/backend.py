"""Who somebody is, by what they sign in with and their password."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.db import connection
from django.http import HttpRequest

from holdfast.accounts.connections import domains
from holdfast.accounts.passwords.hashers import burn
from holdfast.accounts.people.models import Handle, Person
from holdfast.accounts.people.names import folded

COST_ONE_HASH = "argon2id$"
_LOAD = "SELECT * FROM people_person WHERE id = %s"
"""Written out: it is part of every request of somebody who is signed in."""


class ByHandle(AuthenticationBackend):
    """Looks up one handle; whether there is one or not, it costs one hash."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> Person | None:
        password = credentials.get("password")
        name = credentials.get("email") or credentials.get("username")
        if not password or not name:
            return None
        try:
            person = Handle.objects.select_related("person").get(name=folded(str(name))).person
        except Handle.DoesNotExist:
            person = None
        if person is None or not person.has_usable_password():
            burn(password)
            return None
        checked: Person | None = self._check_password(person, password)
        if checked is None and not person.password.startswith(COST_ONE_HASH):
            burn(password)  # what an old hash costs to verify would tell that there is one
        if checked is not None and domains.alone(checked) is not None:
            return None  # as if it were wrong: whether it is right is nobody's to learn here
        return checked

    def get_user(self, user_id: str) -> Person | None:
        """Return who a session is of, unless they are gone or inactive."""
        key = Person._meta.pk.get_db_prep_value(user_id, connection)
        person = next(iter(Person.objects.raw(_LOAD, [key])), None)
        return person if person is not None and person.is_active else None
