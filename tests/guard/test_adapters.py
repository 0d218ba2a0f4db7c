"""The same request has the same answer in all frameworks, and none of them tells of its inside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from guard.adapted import CALLERS, FRAMEWORKS, SECRET, requests

TESTS = Path(__file__).parents[1]
OTHERS = [name for name in FRAMEWORKS if name != "starlette"]
Told = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def answers() -> Mapping[str, Told]:
    """What each framework answers; Django is set up for a whole process, so this is another one."""
    done = subprocess.run(
        [sys.executable, "-m", "guard.adapted"],
        cwd=TESTS,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found: Mapping[str, Told] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("framework", OTHERS)
def test_each_request_has_the_same_status(answers: Mapping[str, Told], framework: str) -> None:
    statuses = {
        name: (told["status"], answers["starlette"][name]["status"])
        for name, told in answers[framework].items()
    }
    assert not {name: both for name, both in statuses.items() if both[0] != both[1]}


@pytest.mark.parametrize("framework", OTHERS)
@pytest.mark.parametrize("name", requests())
def test_it_has_the_same_headers(answers: Mapping[str, Told], framework: str, name: str) -> None:
    ours, theirs = answers[framework][name], answers["starlette"][name]
    assert (ours["headers"], ours["sets"]) == (theirs["headers"], theirs["sets"])


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_nothing_of_the_inside_is_told(answers: Mapping[str, Told], framework: str) -> None:
    told = json.dumps(answers[framework])
    assert SECRET not in told
    assert "Traceback" not in told
    assert "secret/1.0" not in told


STATUSES = {
    "ann gets /writers": 200,
    "bob gets /writers": 403,
    "nobody gets /writers": 401,
    "nobody opens /writers": 303,
    "bearer gets /writers": 200,
    "roleless gets /writers": 403,
    "bad sees the page": 401,
    "ann posts": 403,
    "ann posts a stale one": 409,
    "ann posts from elsewhere": 403,
    "bearer posts": 200,
    "ann gets /raises": 500,
    "ann gets /raises-async": 500,
    "ann gets /answers-500": 503,
    "ann gets /missing": 404,
    "a form too long": 413,
    "another host": 421,
}


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(("name", "status"), STATUSES.items())
def test_it_is_answered_so(
    answers: Mapping[str, Told], framework: str, name: str, status: int
) -> None:
    assert answers[framework][name]["status"] == status


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_form_reaches_the_application_as_it_was_sent(
    answers: Mapping[str, Told], framework: str
) -> None:
    assert answers[framework]["bearer posts"]["body"] == "a=1&b=%C3%A9"


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_was_typed_is_shown_again_and_is_no_html(
    answers: Mapping[str, Told], framework: str
) -> None:
    page = answers[framework]["ann posts a stale one"]["body"]
    assert "&lt;b&gt;" in page
    assert "<b>" not in page


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_who_is_signed_in_keeps_no_pages_in_the_browser(
    answers: Mapping[str, Told], framework: str
) -> None:
    kept = {
        caller: ["cache-control", "no-store"]
        in answers[framework][f"{caller} sees the page"]["headers"]
        for caller in CALLERS
        if caller != "bad"
    }
    assert kept == {caller: caller != "nobody" for caller in kept}
