"""The throw-away people of an application, as `[apps.NAME.trial]` names them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.site import parse_site

TRIAL = """
[apps.todo.trial]
first = "command:./session first"
second = "file:second"
start = ["/", "/api/todos?sort=title"]
known_as = ["7", "ann@example.org"]
role = "CREATE_TODO"
sign_in = "/sign-in"
name = "first@example.org"
password = "env:FIRST"
"""


def test_a_trial_is_read_and_its_sources_know_their_keys(example: str) -> None:
    trial = parse_site(f"{example}\n{TRIAL}", path=Path("holdfast.toml")).apps["todo"].trial
    assert trial is not None
    assert trial.first is not None
    assert (str(trial.first), trial.first.key) == (
        "command:./session first",
        "apps.todo.trial.first",
    )
    assert (trial.start, trial.token) == (("/", "/api/todos?sort=title"), None)


def test_an_application_needs_none(example: str) -> None:
    assert parse_site(example, path=Path("holdfast.toml")).apps["todo"].trial is None


@pytest.mark.parametrize(
    ("instead_of", "is_written", "says"),
    [
        ('"command:./session first"', '"Cookie: session=1"', "a secret must not stand in this"),
        ('["/", "/api/todos?sort=title"]', '["//elsewhere.example"]', "is not an address within"),
        ('["/", "/api/todos?sort=title"]', '["https://elsewhere.example/"]', "is not an address"),
        ('["/", "/api/todos?sort=title"]', "[]", "must not be empty"),
        ('password = "env:FIRST"', "", "sign_in, name and password belong together"),
        ('role = "CREATE_TODO"', 'rolle = "CREATE_TODO"', "rolle"),
    ],
)
def test_a_mistake_is_named(
    example: str, refusal: Callable[[str], str], instead_of: str, is_written: str, says: str
) -> None:
    told = refusal(f"{example}\n{TRIAL.replace(instead_of, is_written)}")
    assert "apps.todo.trial" in told
    assert says in told
