"""Finding people: the same as looking at every one of them, at once, page by page."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from hypothesis import HealthCheck, example, given
from hypothesis import settings as pace
from hypothesis import strategies as st

from holdfast.accounts.people.flows import creation
from holdfast.accounts.people.models import Person, Role
from holdfast.accounts.search.find import BadCursor, Wanted, find
from holdfast.accounts.search.models import SearchRow

pytestmark = pytest.mark.usefixtures("database")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def make(email: str, **fields: Any) -> Person:
    return creation.create(email, None, **fields)


def emails(**wanted: object) -> list[str]:
    return [person.email for person in find(Wanted(**wanted)).people]  # type: ignore[arg-type]


def all_pages(limit: int, **wanted: object) -> list[str]:
    found, cursor = [], ""
    while True:
        page = find(Wanted(limit=limit, cursor=cursor, **wanted))  # type: ignore[arg-type]
        found += [person.email for person in page.people]
        if not page.cursor:
            return found
        assert len(page.people) == limit
        cursor = page.cursor


def test_by_any_part_of_a_name_or_an_address() -> None:
    make("zoe.mueller@example.org", name="Zoë Müller", username="zoe")
    make("other@example.org", name="Somebody Else")
    for text in ("Müll", "MÜLL", "oë m", "mueller@ex", "zoe.", "ZOE", "  zoë  "):
        assert emails(text=text) == ["zoe.mueller@example.org"]
    assert emails(text="nobody at all") == []


def test_by_what_is_written_now_and_no_longer_by_what_was() -> None:
    person = make("first@example.org", name="Before")
    person.name = "Afterwards"
    person.save()
    assert emails(text="afterw") == ["first@example.org"]
    assert emails(text="before") == []
    person.delete()
    assert emails(text="afterw") == []
    assert not SearchRow.objects.exists()


def test_by_a_further_address() -> None:
    person = make("one@example.org")
    added = EmailAddress.objects.create(
        user=person, email="second@elsewhere.example", verified=True
    )
    assert emails(text="elsewhere") == ["one@example.org"]
    added.delete()
    assert emails(text="elsewhere") == []


def test_by_id() -> None:
    person = make("one@example.org")
    make("two@example.org")
    assert emails(text=str(person.pk)) == emails(text=person.pk.hex) == ["one@example.org"]
    assert emails(text=str(uuid.uuid4())) == []


@pytest.mark.parametrize("text", ["%", "_", "%%%", "100%", "a_b", "'", '"', "\\", "a\\%b", "* OR"])
def test_signs_mean_themselves(text: str) -> None:
    make("plain@example.org", name="plain aXb 100x")
    make("signs@example.org", name=f"xx{text}xx")
    wanted = [] if len(text) < 3 else ["signs@example.org"]
    assert emails(text=text) == wanted
    assert emails(text=f"x{text}x") == ["signs@example.org"]


def test_one_or_two_characters_are_what_a_name_begins_with() -> None:
    make("bea@example.org", username="zz-top")
    make("abe@example.org")
    make("abigail@example.org")
    assert all_pages(1, text="ab") == ["abe@example.org", "abigail@example.org"]
    assert emails(text="z") == ["bea@example.org"]


def test_by_role_state_and_time() -> None:
    make("old@example.org", created=LONG_AGO)
    make("off@example.org", is_active=False)
    make("help@example.org", role=Role.SUPPORT)
    assert emails(role="support") == ["help@example.org"]
    assert emails(active=False) == ["off@example.org"]
    assert emails(created_to=LONG_AGO + timedelta(days=1)) == ["old@example.org"]
    assert emails(created_from=LONG_AGO + timedelta(days=1), active=True) == ["help@example.org"]
    assert emails(text="example", role="support", active=True) == ["help@example.org"]


def test_the_newest_come_first_and_no_page_shows_anybody_twice() -> None:
    for number in range(25):
        make(f"p{number:02}@example.org")
    wanted = [f"p{number:02}@example.org" for number in reversed(range(25))]
    for limit in (1, 7, 25, 26):
        assert all_pages(limit) == all_pages(limit, text="example") == wanted


def test_who_joins_meanwhile_does_not_move_the_pages() -> None:
    for number in range(6):
        make(f"p{number}@example.org")
    page = find(Wanted(limit=3))
    make("late@example.org")
    rest = find(Wanted(limit=3, cursor=page.cursor))
    assert [person.email[:2] for person in (*page.people, *rest.people)] == [
        *("p5", "p4", "p3", "p2", "p1", "p0")
    ]


@pytest.mark.parametrize("cursor", ["x", "é", "!!!!", "eA==", "A" * 5000])
def test_a_cursor_that_was_not_given_out_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        find(Wanted(cursor=cursor))


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_a_page_has_a_size(limit: int) -> None:
    with pytest.raises(ValueError, match="1 to 200"):
        Wanted(limit=limit)


names = st.text("abßİ %_'é\"", min_size=1, max_size=8)


@given(st.lists(names, min_size=1, max_size=8), st.text("abßi̇s %_'é\"", min_size=3, max_size=6))
@example(["_'é"], "_'é")
@pace(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_finds_whom_looking_at_everybody_finds(called: list[str], text: str) -> None:
    SearchRow.objects.all().delete()
    Person.objects.all().delete()
    for number, name in enumerate(called):
        make(f"p{number}@x.example", name=name)
    folded = text.strip().casefold()
    wanted = [
        row.person.email for row in SearchRow.objects.order_by("-number") if folded in row.text
    ]
    if len(folded) >= 3:
        assert emails(text=text) == wanted
