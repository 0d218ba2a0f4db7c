"""A second service of our own is the OpenID provider that people sign in with."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from accounts.connections.providers import begin, first_admin, set_up
from accounts.service import Service, serving, visitors

SECRET = "the secret that both of them know, 43 chars"
fresh = visitors(70)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("here"), "proxies = 1\n") as running:
        yield running


@pytest.fixture(scope="module")
def there(here: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("there")
    back = f"{here.origin}/sign-in/with/there/back/"
    settings = f"""\
proxies = 1
[applications.here]
redirect = ["{back}"]
secret = "{SECRET}"
first_party = true
"""
    with serving(folder, settings) as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def connected(here: Service, there: Service) -> None:
    admin = first_admin(here, fresh(here))
    fields = {"client_id": "here", "new_secret": SECRET, "issuer": there.origin}
    set_up(admin, "there", **fields, domains="example.org", trusts_addresses="on")


def test_somebody_signs_in_by_another_service_and_is_the_same_again(
    here: Service, there: Service
) -> None:
    upstream = fresh(there)
    upstream.join("ann@example.org", name="Ann")
    seen = []
    for _ in range(2):
        browser = fresh(here)
        url, asked = begin(browser, "there")
        assert asked["code_challenge_method"] == "S256"
        leads = upstream.get(url)
        assert leads.status == 302, leads.body
        back = leads.headers["Location"]
        assert back.startswith(f"{here.origin}/sign-in/with/there/back/?")
        page = browser.follow(browser.get(f"{urlsplit(back).path}?{urlsplit(back).query}"))
        assert page.status == 200, page.body
        seen.append(browser.who())
    assert seen[0] is not None
    assert seen[0] == seen[1]
    assert here.rows("SELECT name FROM people_person WHERE email = 'ann@example.org'") == [("Ann",)]
