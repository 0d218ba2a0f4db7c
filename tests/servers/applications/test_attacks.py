"""Each attack succeeds on a to-do list without its protection, and is repelled by a sound one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from applications.trials import CONTROLS, FORM, START, app, attacked

from holdfast.servers.attack import Kind, Outcome

ATTACKS = sorted(f"{c.id}/{one.name}" for c in CONTROLS.values() for one in c.app_attacks)
FIND = "/weak/find?words=a&sort=title"


class Weak(NamedTuple):
    """Where an attack succeeds: with a weakness, from these pages on."""

    weakness: str
    start: tuple[str, ...] = START
    trial: Mapping[str, Any] = {}


SUCCEEDS: Mapping[str, Weak] = {
    "app.csrf/hidden-form": Weak("no_csrf"),
    "app.csrf/null-origin": Weak("no_csrf"),
    "app.csrf/from-nowhere": Weak("no_csrf"),
    "app.csrf/token-of-another": Weak("token_not_compared"),
    "app.csrf/planted-cookie": Weak("no_csrf"),
    "app.csrf/text-plain": Weak("json_of_any_kind"),
    "app.csrf/image": Weak("changes_on_get"),
    "app.passwords/common": Weak("form_with_admin", trial=FORM),
    "app.passwords/guessing": Weak("form_without_limit", trial=FORM),
    "app.passwords/in-the-address": Weak("form_in_the_address", trial=FORM),
    "app.passwords/shown-again": Weak("form_that_repeats", trial=FORM),
    "app.passwords/who-exists": Weak("form_that_tells", trial=FORM),
    "app.sessions/after-sign-out": Weak("lasting_sessions"),
    "app.sessions/anothers-name": Weak("owner_from_the_request", (*START, "/weak/todos?owner=x")),
    "app.sessions/anothers-page": Weak("todos_by_number", (*START, "/weak/todo/1")),
    "app.sessions/claimed-role": Weak("role_from_the_request"),
    "app.sessions/fixation": Weak("form_that_adopts", trial=FORM),
    "app.sessions/made-up": Weak("numbered_sessions"),
    "app.sessions/said-by-a-header": Weak("header_believed"),
    "app.sql/errors": Weak("sql_from_text", (*START, FIND)),
    "app.sql/pairs": Weak("sql_from_text", (*START, FIND)),
    "app.sql/sort": Weak("sql_from_text", (*START, FIND)),
    "app.sql/sqlmap": Weak("sql_from_text", (*START, FIND)),
    "app.sql/time": Weak("sql_from_text", (*START, FIND)),
    "app.sql/union": Weak("sql_from_text", (*START, FIND)),
    **{one: Weak("unverified_tokens") for one in ATTACKS if one.startswith("app.tokens/")},
    "web.headers/cookies": Weak("bare_cookies"),
    "web.headers/frame": Weak("no_headers"),
    "web.headers/referrer": Weak("no_headers"),
    "web.headers/script": Weak("no_headers"),
    "web.headers/sniff": Weak("no_headers"),
    "web.no-source/configuration": Weak("everything_served"),
    "web.no-source/listing": Weak("everything_served"),
    "web.no-source/repository": Weak("everything_served"),
    "web.no-source/source": Weak("source_served"),
    "web.no-source/status": Weak("everything_served"),
    "web.no-source/traversal": Weak("everything_served"),
}
ON_A_DATABASE_WITH_TYPES = {"app.sql/cast"}  # SQLite casts anything: test_databases.py


def test_every_attack_is_seen_to_succeed() -> None:
    assert set(SUCCEEDS) | ON_A_DATABASE_WITH_TYPES == set(ATTACKS)


@pytest.mark.parametrize("attack", SUCCEEDS)
def test_it_succeeds_without_its_protection(tmp_path: Path, attack: str) -> None:
    weak = SUCCEEDS[attack]
    control = attack.partition("/")[0]
    ended = attacked(tmp_path, weak.weakness, control, app(weak.start, **weak.trial), only=attack)
    assert ended[attack].outcome is Outcome.SUCCEEDED, ended[attack]


@pytest.mark.parametrize(
    ("weakness", "attack", "trial"),
    [
        ("form_that_is_slow", "app.passwords/who-exists", FORM),
        ("sessions_for_everybody", "app.sessions/made-up", {}),
    ],
)
def test_it_succeeds_in_another_way_too(
    tmp_path: Path, weakness: str, attack: str, trial: Mapping[str, Any]
) -> None:
    ended = attacked(tmp_path, weakness, attack.partition("/")[0], app(**trial), only=attack)
    assert ended[attack].outcome is Outcome.SUCCEEDED, ended[attack]


@pytest.mark.parametrize("control", CONTROLS)
def test_all_are_repelled_by_the_example(tmp_path: Path, control: str) -> None:
    """With a sound sign-in form of its own, so that nothing is left out."""
    ended = attacked(tmp_path, "own_form", control, app(**FORM))
    assert set(ended) == {one for one in ATTACKS if one.partition("/")[0] == control}
    assert {one.attack: one.evidence for one in ended.values() if one.outcome is not REPELLED} == {}


REPELLED = Outcome.REPELLED


def test_only_quiet_attacks_are_tried_unless_asked(tmp_path: Path) -> None:
    ended = attacked(tmp_path, "own_form", "app.passwords", app(**FORM), frozenset({Kind.SAFE}))
    assert set(ended) == {
        f"app.passwords/{n}" for n in ("who-exists", "in-the-address", "shown-again")
    }
