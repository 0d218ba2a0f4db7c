"""An application signs its people in here: every step as a client does it, and as an attacker."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx
import pytest

from accounts.applications.asking import BACK, OUT, SECRET, Client, providing, refused, sent_back
from accounts.service import GOOD, Browser, Page, Service, visitors

fresh = visitors(61)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with providing(tmp_path_factory.mktemp("openid")) as running:
        yield running


def test_the_service_describes_itself_and_offers_no_more_than_it_has(service: Service) -> None:
    described = Client(service).described
    assert described["issuer"] == service.origin
    assert described["response_types_supported"] == ["code"]
    assert described["code_challenge_methods_supported"] == ["S256"]
    assert "device_authorization_endpoint" not in described
    assert "registration_endpoint" not in described


def test_its_name_is_not_taken_from_the_request(service: Service) -> None:
    at = f"http://127.0.0.1:{service.port}/.well-known/openid-configuration"
    answer = httpx.get(at, headers={"host": "evil.example"})
    assert answer.status_code == 400


def test_somebody_signs_in_to_an_application(service: Service, ann: Browser) -> None:
    client = Client(service)
    tokens = client.tokens(ann)
    said = client.claims(tokens["id_token"])
    assert said["sub"] == ann.who()
    assert said["nonce"] == client.nonce
    assert (said["email"], said["email_verified"]) == ("ann@example.org", True)
    assert said["roles"] == ["CREATE_TODO"]


def test_the_access_token_says_for_whom_it_is_and_what_it_is(
    service: Service, ann: Browser
) -> None:
    client = Client(service)
    tokens = client.tokens(ann)
    said = client.claims(tokens["access_token"])
    assert (said["aud"], said["token_use"], said["roles"]) == ("todo", "access", ["CREATE_TODO"])
    assert said["exp"] - said["iat"] <= 600
    assert "token_use" not in client.claims(tokens["id_token"])


def test_the_access_token_shows_who_somebody_is(service: Service, ann: Browser) -> None:
    client = Client(service)
    header = {"authorization": f"Bearer {client.tokens(ann)['access_token']}"}
    answer = httpx.get(client.described["userinfo_endpoint"], headers=header)
    assert answer.json()["sub"] == ann.who()


def test_who_is_not_signed_in_does_so_first_and_then_goes_on(
    service: Service, ann: Browser
) -> None:
    client, browser = Client(service), fresh(service)
    page = browser.follow(browser.get(client.path()))
    filled = {**page.form("/login/"), "login": "ann@example.org", "password": GOOD}
    page = browser.post(page.url, filled)
    for _ in range(4):
        leads = page.headers["Location"]
        if leads.startswith(BACK):
            break
        page = browser.get(leads)
    assert leads.startswith(f"{BACK}?")


def test_forms_may_lead_on_to_applications_and_nowhere_else(service: Service) -> None:
    policy = Browser(service).get("/login/").headers["Content-Security-Policy"]
    assert "form-action 'self' http://localhost:3000;" in policy


def test_a_public_client_needs_no_secret_and_asks_for_consent(
    service: Service, ann: Browser
) -> None:
    client = Client(service, "phone", "")
    page = ann.get(client.path())
    assert page.status == 200
    page = ann.post(client.consents_at(), {**page.form(client.consents_at()), "answer": "allow"})
    answer = client.exchange(sent_back(page)["code"])
    assert client.claims(answer.json()["id_token"])["roles"] == []


def test_who_declines_is_sent_back_without_a_code(service: Service, ann: Browser) -> None:
    client = Client(service, "phone", "")
    page = ann.get(client.path(prompt="consent"))
    at = client.consents_at(prompt="consent")
    page = ann.post(at, {**page.form(at), "answer": "decline"})
    assert sent_back(page)["error"] == "access_denied"


# Attacks


def sent_nowhere(page: Page) -> bool:
    return "This does not work" in page.body and "Location" not in page.headers


WRONG_ADDRESS = {
    "another site": "https://evil.example/guard/signed-in",
    "a path below": f"{BACK}/x",
    "a path above": "http://localhost:3000/",
    "a path with dots": f"{BACK}/../signed-in",
    "another port": BACK.replace("3000", "3001"),
    "another scheme": BACK.replace("http", "https"),
    "a query": f"{BACK}?x=1",
    "a fragment": f"{BACK}#x",
    "a name before an @": BACK.replace("//", "//localhost:3000@evil.example/"),
    "other letters": BACK.upper(),
    "a name that looks alike": BACK.replace("localhost", "l\u043ecalhost"),
    "a star": BACK.replace("localhost", "*"),
    "by number": BACK.replace("localhost", "127.0.0.1"),
    "none": "",
}


@pytest.mark.parametrize("name", WRONG_ADDRESS)
def test_a_browser_is_sent_to_no_other_address(service: Service, ann: Browser, name: str) -> None:
    page = ann.get(Client(service).path(redirect_uri=WRONG_ADDRESS[name]))
    assert sent_nowhere(page)


UNBOUND: dict[str, Callable[[Client], dict[str, str]]] = {
    "no challenge": lambda client: {"code_challenge": "", "code_challenge_method": ""},
    "a plain one": lambda client: {
        "code_challenge": client.verifier,
        "code_challenge_method": "plain",
    },
    "one whose method is not said": lambda client: {"code_challenge_method": ""},
    "a short one": lambda client: {"code_challenge": "short"},
}


@pytest.mark.parametrize("name", UNBOUND)
def test_a_sign_in_that_is_not_bound_to_its_browser_is_not_begun(
    service: Service, ann: Browser, name: str
) -> None:
    client = Client(service)
    said = sent_back(ann.get(client.path(**UNBOUND[name](client))))
    assert (said["error"], said["state"]) == ("invalid_request", client.state)


def test_a_code_is_good_once(service: Service, ann: Browser) -> None:
    client = Client(service)
    code = client.code(ann)
    assert client.exchange(code).status_code == 200
    assert refused(client.exchange(code))


EXCHANGED: dict[str, dict[str, str]] = {
    "another verifier": {"code_verifier": "x" * 43},
    "no verifier": {"code_verifier": ""},
    "another address": {"redirect_uri": OUT},
    "another kind of grant": {"grant_type": "password"},
    "a code that was made up": {"code": "x" * 30},
}


@pytest.mark.parametrize("name", EXCHANGED)
def test_a_code_is_worth_nothing_with(service: Service, ann: Browser, name: str) -> None:
    client = Client(service)
    changed = {"code": client.code(ann), **EXCHANGED[name]}
    assert refused(client.exchange(**changed))


def test_a_code_is_worth_nothing_with_a_wrong_secret(service: Service, ann: Browser) -> None:
    client = Client(service)
    code = client.code(ann)
    client.secret = "x" * 43
    assert refused(client.exchange(code))
    client.secret = ""
    assert refused(client.exchange(code))


def test_a_code_of_one_application_is_worth_nothing_to_another(
    service: Service, ann: Browser
) -> None:
    code = Client(service).code(ann)
    assert refused(Client(service, "phone", "").exchange(code))


def test_an_application_that_is_not_named_has_no_people(service: Service, ann: Browser) -> None:
    page = ann.get(Client(service).path(client_id="bank"))
    assert sent_nowhere(page)


def test_whoever_is_locked_gets_no_new_token(service: Service) -> None:
    browser = fresh(service)
    browser.join("gone@example.org")
    client = Client(service)
    tokens = client.tokens(browser)
    service.rows(
        "UPDATE people_person SET is_active = false WHERE email = %s",
        "gone@example.org",
        commit=True,
    )
    answer = client.exchange(
        "", grant_type="refresh_token", refresh_token=tokens["refresh_token"], redirect_uri=""
    )
    assert refused(answer)


def test_roles_that_change_are_in_the_next_token(service: Service) -> None:
    browser = fresh(service)
    browser.join("role@example.org")
    client = Client(service)
    assert client.claims(client.tokens(browser)["id_token"])["roles"] == ["CREATE_TODO"]
    who = (browser.who() or "").replace("-", "")
    service.rows(
        "UPDATE applications_registration SET roles = %s WHERE person_id = %s",
        json.dumps(["READ_ALL", "NOT_A_ROLE"]),
        who,
        commit=True,
    )
    assert client.claims(client.tokens(browser)["id_token"])["roles"] == ["READ_ALL"]


def test_the_key_is_nobody_elses(service: Service) -> None:
    path = Path(service.data) / "signing-key.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_secret_is_in_the_log_or_the_database_in_clear(service: Service, ann: Browser) -> None:
    client = Client(service)
    client.tokens(ann)
    assert SECRET not in service.log
    (stored,) = service.rows("SELECT secret FROM allauth_idp_oidc_client WHERE id = %s", "todo")[0]
    assert SECRET not in stored


def test_signing_out_of_an_application_asks_and_leads_back(service: Service) -> None:
    browser = fresh(service)
    browser.join("out@example.org")
    client = Client(service)
    hint = client.tokens(browser)["id_token"]
    asked = {"id_token_hint": hint, "post_logout_redirect_uri": OUT, "client_id": "todo"}
    path = urlsplit(client.described["end_session_endpoint"]).path
    page = browser.get(f"{path}?{urlencode(asked)}")
    assert page.status == 200
    page = browser.post(path, {**page.form(), "action": "logout"})
    assert page.headers["Location"] == OUT
    assert browser.who() is None


def test_nobody_is_led_away_by_signing_out(service: Service) -> None:
    browser = fresh(service)
    browser.join("away@example.org")
    client = Client(service)
    hint = client.tokens(browser)["id_token"]
    asked = {"id_token_hint": hint, "post_logout_redirect_uri": "https://evil.example/"}
    path = urlsplit(client.described["end_session_endpoint"]).path
    page: Page = browser.get(f"{path}?{urlencode(asked)}")
    if page.status == 200:
        page = browser.post(path, {**page.form(), "action": "logout"})
    assert "evil.example" not in page.headers.get("Location", "")


def test_nobody_is_signed_out_by_a_form_of_another_site(service: Service) -> None:
    browser = fresh(service)
    browser.join("stays@example.org")
    for fields in ({}, {"action": "logout"}, {"action": "logout", "csrfmiddlewaretoken": "x" * 64}):
        browser.post("/openid/logout", fields, Origin="https://evil.example")
        assert browser.who()
