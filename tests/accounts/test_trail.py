"""What the service records, on every engine, and that whatever is done to it is found."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from accounts.engines import EACH, serving_on
from accounts.service import GOOD, Service, code_in, signing_up, visitors, wait_for

OTHER = "seven lanterns drift eastward"
_numbers = iter(range(1, 60000))
fresh = visitors(6)


@pytest.fixture(scope="module", params=EACH)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with serving_on(request.param, tmp_path_factory.mktemp("a"), "proxies = 1") as running:
        yield running


def trail(service: Service, *words: str) -> subprocess.CompletedProcess[str]:
    config = str(service.data.parent / "accounts.toml")
    argv = [sys.executable, "-m", "holdfast.cli.main", "trail", *words, "--service"]
    argv += ["--config", config, "--data", str(service.data)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)


def shown(service: Service, who: str) -> list[dict[str, str]]:
    done = trail(service, "show", "--who", who, "--last", "100", "--format", "json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_a_person_does_is_recorded(service: Service) -> None:
    browser = fresh(service)
    browser.join("ada@example.org")
    person = browser.who()
    assert person is not None
    fresh(service).sign_in("ada@example.org", "surely not this password")
    browser.enrol()
    browser.submit("/password/change/", oldpassword=GOOD, password1=OTHER, password2=OTHER)
    page = browser.get("/account/data/")
    browser.post("/account/data/", page.form())
    browser.post("/logout/", browser.get("/logout/").form())
    mailed = fresh(service)
    mailed.submit("/login/code/", email="ada@example.org")
    mailed.submit("/login/code/confirm/", code="AAAA-AAAA")
    entries = shown(service, person)
    said = [entry["what"] for entry in entries]
    assert said == [
        *("person.signed-up", "address.confirmed", "sign-in.good", "sign-in.failed"),
        *("factor.added", "factor.added", "password.changed", "data.taken"),
        *("sign-in.ended", "sign-in.wrong-code"),
    ]
    failed = entries[3]
    assert (failed["who"], failed["on"], failed["result"]) == ("", person, "refused")
    assert failed["where"].startswith("10.6.")


def test_no_secret_and_no_address_of_a_person_is_in_it(service: Service) -> None:
    browser = fresh(service)
    browser.join("bea@example.org")
    fresh(service).sign_in("a password in the wrong field")
    done = trail(service, "show", "--last", "1000", "--format", "json")
    for secret in (
        GOOD,
        "example.org",
        "wrong field",
        code_in(service.mails("bea@example.org")[0]),
    ):
        assert secret not in done.stdout
    assert all(value not in done.stdout for value in browser.jar.values())


def test_it_is_whole_and_a_proof_stands_by_itself(service: Service, tmp_path: Path) -> None:
    fresh(service).join("cleo@example.org")
    done = trail(service, "verify")
    assert done.returncode == 0, done.stdout
    assert re.fullmatch(r"\d+ entries, none touched, none missing\n", done.stdout)
    key = trail(service, "show", "--public-key").stdout.strip()
    path = tmp_path / "proof"
    path.write_text(trail(service, "prove", "1").stdout)
    argv = [sys.executable, "-m", "holdfast.cli.main", "trail", "verify"]
    argv += ["--proof", str(path), "--key", key]
    checked = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.startswith("1: 20")
    path.write_text(path.read_text().replace('"index": 1', '"index": 2'))
    checked = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (checked.returncode, "not in the trail" in checked.stdout) == (1, True)


def test_what_others_write_into_the_database_is_found(tmp_path: Path) -> None:
    with serving_on("sqlite", tmp_path, "proxies = 1") as service:
        for name in ("dora", "emil"):
            fresh(service).join(f"{name}@example.org")
        wait_for(lambda: (service.data / "trail-checkpoint").exists(), 30)
        service.rows(
            "UPDATE trail_trailentry SET data = replace(data, 'good', 'fine') WHERE number = 2",
            commit=True,
        )
        done = trail(service, "verify")
        assert (done.returncode, done.stdout.splitlines()[0][:8]) == (1, "entry 2:")
        service.rows(
            "UPDATE trail_trailentry SET data = replace(data, 'fine', 'good') WHERE number = 2",
            commit=True,
        )
        assert trail(service, "verify").returncode == 0
        size = int(service.rows("SELECT size FROM trail_trailhead")[0][0])
        service.rows(
            "DELETE FROM trail_trailentry WHERE number = %s",
            str(size - 1),
            commit=True,
        )
        done = trail(service, "verify")
        assert done.returncode == 1
        assert f"entry {size - 1}: 1 entries are missing" in done.stdout


def test_workers_that_are_killed_leave_no_gap_no_fork_and_nobody_unrecorded(
    service: Service,
) -> None:
    with signing_up(lambda: fresh(service), _numbers) as answered:
        for _ in range(5):
            count = len(answered)
            wait_for(lambda count=count: len(answered) > count + 2, 30)  # type: ignore[misc]
            os.kill(random.choice(service.workers()), signal.SIGKILL)
    done = trail(service, "verify")
    assert done.returncode == 0, done.stdout
    recorded = {
        str(row[0]).replace("-", "")
        for row in service.rows(
            'SELECT "object" FROM trail_trailentry WHERE what = %s', "person.signed-up"
        )
    }
    for email in answered:
        owners = service.rows("SELECT person_id FROM people_handle WHERE name = %s", email)
        assert {str(row[0]).replace("-", "") for row in owners} <= recorded
        assert len(owners) == 1


def test_two_workers_append_in_one_order(service: Service) -> None:
    first = int(service.rows("SELECT size FROM trail_trailhead")[0][0])
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: fresh(service).sign_in(f"none{n}@example.org"), range(60)))
    numbers = [
        int(row[0])
        for row in service.rows(
            "SELECT number FROM trail_trailentry WHERE number >= %s ORDER BY number", str(first)
        )
    ]
    assert numbers == list(range(first, first + len(numbers)))
    assert len(numbers) >= 60
    assert trail(service, "verify").returncode == 0


@pytest.mark.parametrize("size", [1, 3, 4, 5, 8, 9, 16, 17, 31])
def test_a_proof_by_stretches_is_the_proof_of_the_whole_tree(
    monkeypatch: pytest.MonkeyPatch, database: None, size: int
) -> None:
    from holdfast.accounts.trail import proving, store
    from holdfast.trail import proof
    from holdfast.trail.entry import Entry
    from holdfast.trail.log import Hashes

    monkeypatch.setattr(proving, "STRETCH", 4)
    monkeypatch.setattr(proving, "_roots", [])
    for number in range(size):
        store.append(Entry("sign-in.good", who=str(number)))
    verifier = store.signer().verifier
    whole, datas = Hashes(store.records()), [one.data for one in store.records()]
    assert whole.size == size
    for _ in range(2):  # the second time from what is kept
        for number, data in enumerate(datas):
            text = proving.prove(number)
            assert text == proof.prove(whole, number, data, verifier)
            assert proof.verify(text, verifier) == (number, data)
    assert proving.prove(size) is None
    assert proving.prove(-1) is None


COPIES = {
    "what": "sign-in.good",
    "who": "somebody-else",
    '"object"': "somebody-else",
    "at": "2020-01-01 00:00:00",
}


@pytest.mark.parametrize("column", COPIES)
def test_what_lists_show_is_verified_too(service: Service, column: str) -> None:
    fresh(service).sign_in(f"nobody{next(_numbers)}@example.org")
    number = int(service.rows("SELECT size FROM trail_trailhead")[0][0]) - 1
    kept = service.rows(f"SELECT {column} FROM trail_trailentry WHERE number = {number}")[0][0]  # noqa: S608
    change = f"UPDATE trail_trailentry SET {column} = %s WHERE number = {number}"  # noqa: S608
    service.rows(change, COPIES[column], commit=True)
    done = trail(service, "verify")
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        *(1, f"entry {number}: lists show it otherwise than it was written"),
    )
    service.rows(change, str(kept), commit=True)
    assert trail(service, "verify").returncode == 0
