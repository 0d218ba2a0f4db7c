"""The API is what it says it is, whatever is sent; and nothing that is sent becomes SQL."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.api.asking import Program, program
from accounts.engines import EACH, serving_on
from accounts.security import weakened
from accounts.service import Service, serving
from holdfast.accounts.api.keys import SCOPES

# An address or a hash may fit its form and be none; and a key that is removed ends the session.
LEFT_OUT = ("--exclude-checks", "positive_data_acceptance")
OWN_KEY = ("--exclude-operation-id", "holdfast_accounts_api_key_routes_remove_key")
BIN = Path(sys.executable).parent


ALONE = [pytest.param((scope,), marks=pytest.mark.every, id=scope) for scope in SCOPES]
"""Keys of one scope each."""


@pytest.fixture(scope="module", params=EACH)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with serving_on(request.param, tmp_path_factory.mktemp("a"), "proxies = 1") as running:
        full = program(running, "full", *SCOPES)
        for number in range(5):
            full("POST", "/people", {"email": f"p{number}@example.org", "name": f"Person {number}"})
        yield running


def described(service: Service, key: str) -> subprocess.CompletedProcess[str]:
    argv = [str(BIN / "schemathesis"), "run", f"{service.origin}/api/openapi.json"]
    argv += ["--max-examples", "15", "--seed", "1", "--no-color", *LEFT_OUT, *OWN_KEY]
    argv += ["-H", f"Authorization: Bearer {key}"] if key else []
    return run_there(service, argv)


def run_there(service: Service, argv: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a program in the service's own folder, since it writes where it is started."""
    return subprocess.run(
        argv, capture_output=True, text=True, timeout=900, check=False, cwd=service.data.parent
    )


@pytest.mark.parametrize("scopes", [tuple(SCOPES), *ALONE])
def test_it_is_what_it_says(service: Service, scopes: tuple[str, ...]) -> None:
    key = program(service, f"{len(scopes)} {scopes[0]}", *scopes)
    done = described(service, key.key)
    assert done.returncode == 0, done.stdout[-6000:]
    assert [line for line in service.lines if line["level"] == "ERROR"] == []


def test_it_is_without_a_key_too(service: Service) -> None:
    done = described(service, "")
    assert done.returncode == 0, done.stdout[-6000:]


# SQL

TIMES = "created_from=2020-01-01T00:00:00Z&created_to=2030-01-01T00:00:00Z"
PARAMETERS = (
    f"/people?text=pers&role=admin&active=true&cursor=MTA%3D&limit=50&{TIMES}",
    "/trail?after=0&limit=10&what=person.created&who=key%3Afull",
)


LOOKING = ("--level", "3")


def injected(service: Service, key: Program, path: str, *options: str) -> str:
    argv = [str(BIN / "sqlmap"), "-u", f"{service.origin}/api/v1{path}", "--batch"]
    argv += ["--headers", f"Authorization: Bearer {key.key}", "--flush-session", "--threads", "4"]
    argv += ["--disable-coloring", "--output-dir", str(service.data.parent / "sqlmap"), *options]
    done = run_there(service, argv)
    return done.stdout + done.stderr


@pytest.mark.every
@pytest.mark.parametrize("path", PARAMETERS)
def test_nothing_that_is_asked_becomes_sql(service: Service, path: str) -> None:
    said = injected(service, program(service, path[:30], *SCOPES), path, *LOOKING)
    assert "do not appear to be injectable" in said, said[-3000:]


@pytest.mark.every
def test_it_would_be_found(tmp_path: Path) -> None:
    argv = (str(Path(weakened.__file__)), "sql_from_strings")
    with serving(tmp_path, "proxies = 1", program=argv) as weak:
        key = program(weak, "full", *SCOPES)
        for number in range(3):
            key("POST", "/people", {"email": f"p{number}@example.org", "name": "Person"})
        said = injected(weak, key, "/people?text=pers", "-p", "text", "--dbms", "sqlite", *LOOKING)
    assert "identified the following injection point" in said, said[-3000:]
