"""The API within one process: whose session a token is, and who may sign up."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.test import Client
from pydantic import SecretStr

from holdfast.accounts.configuration import Application
from holdfast.accounts.headless.sessions import session_of
from holdfast.accounts.people.models import Person
from holdfast.accounts.people.session_limits import BEGAN, SEEN, goes_on
from holdfast.accounts.people.session_store import SessionStore

SECRET = "k" * 32
PASSWORD = "magenta otter paddles north"


@pytest.fixture
def person(database: None, monkeypatch: pytest.MonkeyPatch) -> Person:
    one = Application(
        redirect=("http://localhost/",),
        secret=SecretStr(SECRET),
        own_form=True,
        first_party=True,
    )
    known = settings.HOLDFAST.model_copy(update={"applications": {"todo": one, "shop": one}})
    monkeypatch.setattr(settings, "HOLDFAST", known)
    return Person.objects.create_user("ann@example.org", PASSWORD)


def ask(route: str, application: str = "todo", **fields: str) -> tuple[int, dict[str, Any]]:
    basic = base64.b64encode(f"{application}:{SECRET}".encode()).decode()
    answer = Client().post(
        f"/_allauth/app/v1/auth/{route}",
        fields,
        content_type="application/json",
        headers={"Host": "localhost", "Authorization": f"Basic {basic}", "Holdfast-Visitor": "::1"},
    )
    return answer.status_code, answer.json()


def token(application: str = "todo") -> str:
    status, said = ask("login", application, email="ann@example.org", password=PASSWORD)
    assert status == 200, said
    return str(said["meta"]["session_token"])


def test_it_says_who_since_when_and_how(person: Person) -> None:
    found = session_of(token(), "todo")
    assert found is not None
    assert (found.person, found.methods) == (person, ("password",))
    assert datetime.now(UTC) - found.at < timedelta(seconds=10)


def test_it_is_of_the_application_that_got_it(person: Person) -> None:
    mine = token()
    assert session_of(mine, "shop") is None
    assert session_of(mine, "gone") is None
    assert session_of(mine[:-1], "todo") is None
    assert session_of(f"{mine}!", "todo") is None
    assert session_of("", "todo") is None
    assert session_of("é" * 300, "todo") is None


def test_the_key_of_a_session_is_no_token(person: Person) -> None:
    token()
    from allauth.usersessions.models import UserSession

    key = UserSession.objects.get(user=person).session_key
    assert session_of(key, "todo") is None


def test_nobody_is_signed_in_who_may_not_any_more(person: Person) -> None:
    mine = token()
    Person.objects.filter(pk=person.pk).update(is_active=False)
    assert session_of(mine, "todo") is None


def test_a_new_password_ends_what_was_signed_in_with_the_old_one(person: Person) -> None:
    mine = token()
    person.set_password("seven lanterns drift eastward")
    person.save()
    assert session_of(mine, "todo") is None


LASTING: list[tuple[float, float, bool]] = [
    (0, 0, True),
    (3500, 0, True),
    (3700, 0, False),
    (700, 590, True),
    (700, 610, False),
]


@pytest.mark.parametrize(("began_ago", "seen_ago", "lasts"), LASTING)
def test_a_session_lasts_for_its_life_and_while_it_is_used(
    began_ago: float, seen_ago: float, lasts: bool
) -> None:
    session: Any = SessionStore()
    assert isinstance(session, SessionBase)
    now = int(time.time())
    session[BEGAN], session[SEEN] = now - began_ago, now - seen_ago
    assert goes_on(session, timedelta(hours=1), timedelta(minutes=10)) is lasts
    assert session[SEEN] >= now - seen_ago


@pytest.mark.parametrize("mode", ["invite", "closed"])
def test_nobody_signs_up_who_could_not_on_the_page(
    person: Person, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    chosen = settings.HOLDFAST
    sign_up = chosen.sign_up.model_copy(update={"mode": mode})
    monkeypatch.setattr(settings, "HOLDFAST", chosen.model_copy(update={"sign_up": sign_up}))
    assert ask("signup", email="new@example.org", password=PASSWORD)[0] == 403
    assert ask("signup", username="root")[0] == 403, "nor is it told which names are taken"
