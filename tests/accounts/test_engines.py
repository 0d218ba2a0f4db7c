"""The service on real PostgreSQL and MariaDB servers, with Redis beside, also when they die."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from accounts.engines import ENGINES, Engine, engine, serving_with
from accounts.service import (
    GOOD,
    Browser,
    Service,
    code_in,
    free_port,
    serving,
    signing_up,
    visitors,
    wait_for,
)

pytestmark = pytest.mark.usefixtures("needs_root")

_numbers = iter(range(1, 60000))
fresh = visitors(8)


@pytest.fixture(scope="module", params=list(ENGINES))
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Engine, Service]]:
    folder = tmp_path_factory.mktemp("a")
    with engine(request.param) as server, serving_with(server, folder, "proxies = 1") as service:
        yield server, service


def people(service: Service, folder: Path) -> list[str]:
    """Everybody's address, by the command that gives them out."""
    target = folder / f"out-{next(_numbers)}.jsonl"
    done = command(service, "export", str(target))
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["email"] for line in target.read_text().splitlines()]


def command(
    service: Service, *words: str, verb: str = "people"
) -> subprocess.CompletedProcess[str]:
    config = str(service.data.parent / "accounts.toml")
    argv = [sys.executable, "-m", "holdfast.cli.main", verb, *words, "--config", config]
    argv += ["--data", str(service.data)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)


def test_the_stories_of_a_person(running: tuple[Engine, Service]) -> None:
    _, service = running
    first = fresh(service)
    first.submit(service.first_link(), name="Ada", email="ada@example.org", password=GOOD)
    assert first.who()
    browser = fresh(service)
    browser.join("bea@example.org", name="Bea Zoë 🦊", username="bea")
    assert "Bea Zoë 🦊" in browser.get("/account/").body
    again = fresh(service)
    again.sign_in("BEA")
    assert again.who()
    browser.confirm()
    other = "seven lanterns drift eastward"
    browser.submit("/password/change/", oldpassword=GOOD, password1=other, password2=other)
    assert again.who() is None
    mailed = fresh(service)
    mailed.submit("/login/code/", email="bea@example.org")
    mailed.submit("/login/code/confirm/", code=code_in(service.mails("bea@example.org")[-1]))
    assert mailed.who()
    browser.submit("/account/delete/")
    assert mailed.who() is None


def test_one_address_taken_at_once_is_one_person(
    running: tuple[Engine, Service], tmp_path: Path
) -> None:
    _, service = running
    email = "twin@example.org"
    browsers = [fresh(service) for _ in range(12)]
    filled = [
        {**browser.get("/signup/").form(), "email": email, "password1": GOOD}
        for browser in browsers
    ]
    with ThreadPoolExecutor(12) as pool:
        pages = list(pool.map(lambda b, f: b.post("/signup/", f), browsers, filled))
    assert {page.status for page in pages} <= {200, 302, 429}
    assert people(service, tmp_path).count(email) == 1


def test_an_import_twice_and_an_export(running: tuple[Engine, Service], tmp_path: Path) -> None:
    _, service = running
    source = tmp_path / "people.jsonl"
    source.write_text(
        "".join(
            json.dumps({"id": f"u{n}", "email": f"i{n}@example.org", "profile": {"n": str(n)}})
            + "\n"
            for n in range(1500)
        )
    )
    assert command(service, "import", str(source)).stdout.startswith("1500 created, 0 were there")
    assert command(service, "import", str(source)).stdout.startswith("0 created, 1500 were there")
    assert len([one for one in people(service, tmp_path) if one.startswith("i")]) == 1500


def test_a_database_that_dies_loses_nothing_that_was_answered(
    running: tuple[Engine, Service], tmp_path: Path
) -> None:
    server, service = running
    with signing_up(lambda: fresh(service), _numbers) as acknowledged:
        wait_for(lambda: len(acknowledged) > 5, 30)
        server.kill()
        time.sleep(0.5)  # requests meet a database that is away
        server.begin()
        count = len(acknowledged)
        wait_for(lambda: len(acknowledged) > count + 5, 60)
    there = people(service, tmp_path)
    assert [there.count(email) for email in acknowledged] == [1] * len(acknowledged)
    assert len(there) == len(set(there))
    done = command(service, "verify", "--service", verb="trail")
    assert done.returncode == 0, done.stdout
    assert Browser(service).get("/readyz").status == 200


@pytest.mark.parametrize("running", ["postgresql"], indirect=True)  # others are asked each time
def test_nobody_meets_a_connection_that_the_server_ended(running: tuple[Engine, Service]) -> None:
    _, service = running
    others = "pid FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()"
    with ThreadPoolExecutor(16) as pool:
        for _ in range(3):
            assert set(pool.map(lambda _: Browser(service).get("/readyz").status, range(64))) == {
                200
            }
            ended = service.rows(f"SELECT pg_terminate_backend(pid), {others}")
            pids = {pid for _, pid in ended}
            assert len(pids) > 1
            wait_for(lambda: not pids & {pid for (pid,) in service.rows(f"SELECT {others}")})  # noqa: B023


def test_a_database_that_is_away_is_no_reason_to_say_ready(
    running: tuple[Engine, Service],
) -> None:
    server, service = running
    server.kill()
    try:
        # what is left of a killed PostgreSQL still serves the connections it has, for a moment
        wait_for(lambda: Browser(service).get("/readyz").status == 503)
        assert Browser(service).get("/healthz").status == 200
    finally:
        server.begin()
    wait_for(lambda: Browser(service).get("/readyz").status == 200)


def test_budgets_are_shared_by_all_workers_where_redis_is(tmp_path: Path) -> None:
    port = free_port()
    redis = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    try:
        redis_is = f'cache = "redis://127.0.0.1:{port}/0"\n[gate]\ngenerous = 1\n'
        with serving(tmp_path, redis_is) as service:
            statuses = []
            for _ in range(26):
                browser = Browser(service)
                form = browser.get("/password/reset/").form()
                statuses.append(browser.post("/password/reset/", {**form, "email": "x@y.org"}))
            assert [page.status for page in statuses].count(429) == 16
            redis.terminate()
            redis.wait(10)
            assert Browser(service).get("/readyz").status == 503
    finally:
        if redis.poll() is None:
            redis.kill()
            redis.wait()
