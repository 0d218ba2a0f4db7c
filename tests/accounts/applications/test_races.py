"""A sign-in that is ended while its tokens are rotated is ended, on each database."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from accounts.applications.asking import SECRET, SETTINGS, Client
from accounts.engines import EACH, serving_on
from accounts.service import Service, visitors

fresh = visitors(67)


@pytest.fixture(scope="module", params=EACH)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    folder: Path = tmp_path_factory.mktemp("races")
    path = folder / "client-secret"
    path.write_text(SECRET)
    path.chmod(0o600)
    settings = SETTINGS.replace("file:SECRET", f"file:{path}")
    with serving_on(request.param, folder, settings) as running:
        yield running


class Rotating:
    """Whoever has a refresh token, and exchanges it as often as they can."""

    def __init__(self, client: Client, token: str) -> None:
        self.client, self.newest = client, [token]
        self.statuses: set[int] = set()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._rotate)
        self.thread.start()

    def _rotate(self) -> None:
        while not self.stop.is_set():
            answer = self.client.refreshed(self.newest[-1])
            self.statuses.add(answer.status_code)
            if answer.status_code != 200:
                return
            self.newest.append(answer.json()["refresh_token"])

    def end(self) -> None:
        self.stop.set()
        self.thread.join(30)


def test_no_rotation_outlives_the_end(service: Service) -> None:
    browser = fresh(service)
    browser.join("races@example.org")
    client = Client(service)
    for _ in range(3):
        held = client.tokens(browser)["refresh_token"]
        rotating = Rotating(client, held)
        while len(rotating.newest) < 4 and rotating.thread.is_alive():
            time.sleep(0.01)
        answer = client.asks("revocation_endpoint", token=held)
        rotating.end()
        assert answer.status_code == 200
        assert rotating.statuses <= {200, 400}
        assert client.refreshed(rotating.newest[-1]).status_code == 400


def test_fifty_uses_at_once_sign_nobody_out(service: Service) -> None:
    browser = fresh(service)
    browser.join("fifty@example.org")
    client = Client(service)
    held = client.tokens(browser)["refresh_token"]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: client.refreshed(held), range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


def test_a_refresh_says_what_the_first_tokens_said(service: Service) -> None:
    browser = fresh(service)
    browser.join("says@example.org", name="Ann")
    browser = fresh(service)
    browser.sign_in("says@example.org")
    client = Client(service)
    first = client.tokens(browser)
    again = client.refreshed(first["refresh_token"]).json()
    before, after = (client.claims(one["access_token"]) for one in (first, again))
    same = ("sub", "roles", "grant", "aud", "client_id", "scope")
    assert [after[name] for name in same] == [before[name] for name in same]
    assert after["roles"]
    before, after = (client.claims(one["id_token"]) for one in (first, again))
    same = ("sub", "roles", "auth_time", "amr", "name", "email")
    assert [after[name] for name in same] == [before[name] for name in same]
    assert client.is_active(again["access_token"])
    assert client.is_active(again["refresh_token"])
    assert not client.is_active(first["refresh_token"])


def test_one_that_was_stolen_ends_its_sign_in(service: Service) -> None:
    browser = fresh(service)
    browser.join("stolen@example.org")
    client = Client(service)
    stolen = client.tokens(browser)["refresh_token"]
    again = client.refreshed(stolen).json()
    service.rows(
        "UPDATE applications_refreshtoken SET used = %s WHERE used IS NOT NULL",
        "2020-01-01 00:00:00",
        commit=True,
    )
    assert client.refreshed(stolen).status_code == 400
    assert client.refreshed(again["refresh_token"]).status_code == 400
    assert not client.is_active(again["access_token"])
    revoked = client.tokens(browser)["access_token"]
    assert client.is_active(revoked)
    client.asks("revocation_endpoint", token=revoked)
    assert not client.is_active(revoked)
