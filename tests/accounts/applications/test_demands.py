"""What an application may demand of who signs in to it, and what its people are asked."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from accounts.applications.asking import BACK, SECRET, Client, providing, refused, sent_back
from accounts.service import GOOD, Browser, Page, Service, late, visitors

MORE = f"""
[applications.bank]
name = "The bank"
colour = "#7a1f5f"
redirect = ["{BACK}"]
secret = "{SECRET[::-1]}"
roles = ["TELLER", "MANAGER"]
first_party = true
second_factor = true
lifetime = "PT1H"
idle = "PT10M"

[applications.club]
name = "The club"
redirect = ["{BACK}"]
secret = "{SECRET[::-1]}"
roles = ["MEMBER"]
members_only = true
first_party = true

[applications.tv]
name = "The television"
grants = ["device_code", "refresh_token"]
scopes = ["films"]
"""
fresh = visitors(63)
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with providing(tmp_path_factory.mktemp("demands"), MORE) as running:
        yield running


def until_back(browser: Browser, page: Page) -> Page:
    """Go on until the application is reached, or a page is shown."""
    for _ in range(6):
        if page.status not in (302, 303) or page.headers["Location"].startswith(BACK):
            return page
        page = browser.get(page.headers["Location"])
    raise AssertionError("it leads in circles")


def identity(client: Client, page: Page) -> dict[str, Any]:
    answer = client.exchange(sent_back(page)["code"])
    return client.claims(answer.json()["id_token"])


# Asking again


def test_every_answer_says_whose_it_is(service: Service, client: Client, ann: Browser) -> None:
    assert sent_back(ann.get(client.path()))["iss"] == service.origin
    said = sent_back(ann.get(client.path(scope="all")))
    assert (said["error"], said["iss"]) == ("invalid_scope", service.origin)


@pytest.mark.parametrize("changed", [{"prompt": "login"}, {"max_age": "0"}])
def test_somebody_shows_once_more_that_it_is_them(
    client: Client, ann: Browser, changed: dict[str, str]
) -> None:
    began = time.time()
    page = ann.get(client.path(**changed))
    assert urlsplit(page.headers["Location"]).path == "/reauthenticate/"
    page = ann.get(page.headers["Location"])
    page = until_back(ann, ann.post(page.url, {**page.form(), "password": GOOD}))
    assert identity(client, page)["auth_time"] >= int(began)


def test_a_sign_in_that_is_young_enough_is_enough(client: Client, ann: Browser) -> None:
    said = identity(client, ann.get(client.path(max_age="3600")))
    assert abs(time.time() - said["auth_time"]) < 3600
    assert said["amr"] == ["pwd"]


SILENT = {"prompt": "none"}


def test_in_silence_who_is_signed_in_goes_on(client: Client, ann: Browser) -> None:
    assert "code" in sent_back(ann.get(client.path(**SILENT)))


@pytest.mark.parametrize(
    ("name", "changed", "error"),
    [
        ("todo", {"max_age": "0"}, "login_required"),
        ("phone", {}, "consent_required"),
        ("bank", {}, "interaction_required"),
    ],
)
def test_in_silence_nothing_is_asked(
    service: Service, ann: Browser, name: str, changed: dict[str, str], error: str
) -> None:
    client = Client(service, name)  # no secret is needed to ask
    assert sent_back(ann.get(client.path(**SILENT, **changed)))["error"] == error


def test_in_silence_nobody_is_nobody(service: Service, client: Client) -> None:
    assert sent_back(fresh(service).get(client.path(**SILENT)))["error"] == "login_required"


def test_an_application_says_whom_it_takes_its_person_to_be(
    service: Service, client: Client, ann: Browser
) -> None:
    bob = fresh(service)
    bob.join("hinted@example.org")
    hint = client.tokens(ann)["id_token"]
    assert "code" in sent_back(ann.get(client.path(id_token_hint=hint)))
    said = sent_back(bob.get(client.path(id_token_hint=hint, **SILENT)))
    assert said["error"] == "login_required"


WRONG = {
    "a request object": ({"request": "x"}, "request_not_supported"),
    "a request elsewhere": ({"request_uri": "https://evil.example"}, "request_uri_not_supported"),
    "a registration": ({"registration": "{}"}, "registration_not_supported"),
    "an implicit grant": ({"response_type": "id_token token"}, "unsupported_response_type"),
    "no kind of answer": ({"response_type": ""}, "invalid_request"),
    "an answer in the fragment": ({"response_mode": "fragment"}, "invalid_request"),
    "silence and a page": ({"prompt": "none login"}, "invalid_request"),
    "an unknown prompt": ({"prompt": "dance"}, "invalid_request"),
    "no scope": ({"scope": ""}, "invalid_scope"),
    "an age that is none": ({"max_age": "-1"}, "invalid_request"),
    "an age in other digits": ({"max_age": "٣"}, "invalid_request"),
    "a long state": ({"nonce": "x" * 2100}, "invalid_request"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_offered_is_told_to_the_application(
    client: Client, ann: Browser, name: str
) -> None:
    changed, error = WRONG[name]
    said = sent_back(ann.get(client.path(**changed)))
    assert (said["error"], said["state"]) == (error, client.state)


def test_a_field_that_is_there_twice_is_refused(client: Client, ann: Browser) -> None:
    said = sent_back(ann.get(f"{client.path()}&scope=openid"))
    assert said["error"] == "invalid_request"
    page = ann.get(f"{client.path()}&redirect_uri=https%3A%2F%2Fevil.example%2F")
    assert page.status == 400


def test_a_form_may_ask_as_well(client: Client, ann: Browser) -> None:
    path, _, query = client.path().partition("?")
    page = ann.send(
        "POST",
        path,
        query.encode(),
        {"Content-Type": "application/x-www-form-urlencoded", "Origin": "http://localhost:3000"},
    )
    assert page.status == 303
    assert "code" in sent_back(until_back(ann, page))


# Consent


def allow(client: Client, browser: Browser, **changed: str) -> Page:
    page = browser.get(client.path(**changed))
    assert page.status == 200, page.body
    at = client.consents_at(**changed)
    return browser.post(at, {**page.form(at), "answer": "allow"})


def test_what_was_allowed_is_not_asked_again_and_more_is(service: Service) -> None:
    browser = fresh(service)
    browser.join("allows@example.org")
    client = Client(service, "phone", "")
    assert "code" in sent_back(allow(client, browser, scope="openid"))
    assert "code" in sent_back(browser.get(client.path(scope="openid")))
    assert browser.get(client.path(scope="openid email")).status == 200
    assert browser.get(client.path(scope="openid", prompt="consent")).status == 200


def test_consent_is_not_given_for_somebody(service: Service, ann: Browser) -> None:
    ann.confirm()
    client = Client(service, "phone", "")
    path = client.consents_at(scope="openid email offline_access")
    assert ann.get(path).status == 405
    for fields in ({"answer": "allow"}, {"answer": "allow", "csrfmiddlewaretoken": "x" * 64}):
        page = ann.post(path, fields, Origin="https://evil.example")
        assert page.status == 403
    assert ann.get(client.path(scope="openid email offline_access")).status == 200


def test_consent_can_be_skipped_by_no_field(service: Service, ann: Browser) -> None:
    client = Client(service, "phone", "")
    for more in ({"answer": "allow"}, {"skip_consent": "true"}, {"action": "grant"}):
        asked = client.path(scope="openid profile", **more)
        assert ann.get(asked).status == 200
        path, _, query = asked.partition("?")
        page = ann.send(
            "POST", path, query.encode(), {"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert ann.follow(page).status == 200


def test_a_person_takes_back_what_they_allowed(service: Service) -> None:
    browser = fresh(service)
    browser.join("takesback@example.org")
    client = Client(service, "phone", "")
    held = client.exchange(sent_back(allow(client, browser))["code"]).json()
    page = browser.get("/account/applications/")
    assert "phone" in page.body
    page = browser.post(
        "/account/applications/phone/leave/", page.form("/account/applications/phone/leave/")
    )
    assert page.status == 302
    assert refused(client.refreshed(held["refresh_token"]))
    assert browser.get(client.path()).status == 200  # asked again


def test_what_outlives_the_session_takes_more_than_a_stolen_one(service: Service) -> None:
    owner = fresh(service)
    owner.join("offline@example.org")
    client = Client(service)
    thief = Browser(service, "", dict(owner.jar))
    assert "code" in sent_back(thief.get(client.path()))
    late(service)
    asked = client.path(scope="openid offline_access")
    assert urlsplit(thief.get(asked).headers["Location"]).path == "/reauthenticate/"
    for path in ("/device", "/device/allow"):
        assert urlsplit(thief.get(path).headers["Location"]).path == "/reauthenticate/"


# Who may


def test_only_who_was_registered_gets_into_the_club(service: Service) -> None:
    browser = fresh(service)
    browser.join("member@example.org")
    client = Client(service, "club", SECRET[::-1])
    assert sent_back(browser.get(client.path()))["error"] == "access_denied"
    who = (browser.who() or "").replace("-", "")
    service.rows(
        "INSERT INTO applications_registration"
        " (person_id, application_id, roles, consented, invited, made)"
        " VALUES (%s, 'club', %s, '[]', true, '2026-01-01 00:00:00')",
        who,
        json.dumps(["MEMBER"]),
        commit=True,
    )
    assert identity(client, browser.get(client.path()))["roles"] == ["MEMBER"]


def test_a_group_gives_roles(service: Service) -> None:
    browser = fresh(service)
    browser.join("grouped@example.org")
    client = Client(service, "club", SECRET[::-1])
    who = (browser.who() or "").replace("-", "")
    roles = json.dumps({"club": ["MEMBER", "NOT_A_ROLE"], "todo": ["READ_ALL"]})
    service.rows(
        "INSERT INTO applications_group (name, roles) VALUES ('staff', %s)", roles, commit=True
    )
    service.rows(
        "INSERT INTO applications_group_members (group_id, person_id) "
        "SELECT id, %s FROM applications_group",
        who,
        commit=True,
    )
    assert identity(client, browser.get(client.path()))["roles"] == ["MEMBER"]
    todo = Client(service)
    assert identity(todo, browser.get(todo.path()))["roles"] == ["CREATE_TODO", "READ_ALL"]
    held = client.exchange(sent_back(browser.get(client.path()))["code"]).json()
    unspent = sent_back(browser.get(client.path()))["code"]
    service.rows("DELETE FROM applications_group_members", commit=True)
    assert sent_back(browser.get(client.path()))["error"] == "access_denied"  # in once is not in
    assert refused(client.refreshed(held["refresh_token"]))
    assert refused(client.exchange(unspent))


# A second factor


def test_who_has_no_second_factor_is_told_to_set_one_up(service: Service, ann: Browser) -> None:
    page = ann.get(Client(service, "bank", SECRET[::-1]).path())
    assert page.status == 200
    assert "A second factor is needed" in page.body
    assert "/2fa/" in page.body


def test_a_second_factor_is_shown_before_anybody_gets_in(service: Service) -> None:
    browser = fresh(service)
    browser.join("twice@example.org")
    _, codes = browser.enrol()
    client = Client(service, "bank", SECRET[::-1])
    page = browser.get(client.path())
    assert urlsplit(page.headers["Location"]).path == "/2fa/reauthenticate/"
    page = browser.get(page.headers["Location"])
    filled = {**page.form("/reauthenticate/"), "code": codes[0]}
    page = until_back(browser, browser.post(page.url, filled))
    said = identity(client, page)
    assert {"pwd", "mfa"} <= set(said["amr"])


def test_an_application_has_its_own_ends(service: Service) -> None:
    browser = fresh(service)
    browser.join("ends@example.org")
    _, codes = browser.enrol()
    client = Client(service, "bank", SECRET[::-1])
    page = browser.get(browser.get(client.path()).headers["Location"])
    page = until_back(
        browser, browser.post(page.url, {**page.form("/reauthenticate/"), "code": codes[0]})
    )
    held = client.exchange(sent_back(page)["code"]).json()
    said = client.asks("introspection_endpoint", token=held["refresh_token"]).json()
    assert 590 < said["exp"] - time.time() <= 600


def test_the_page_says_for_what_somebody_signs_in(service: Service) -> None:
    browser = fresh(service)
    page = browser.follow(browser.get(Client(service, "bank", SECRET[::-1]).path()))
    assert "The bank" in page.body
    assert "colours.css?for=bank" in page.body
    assert browser.get("/colours.css?for=bank").body != browser.get("/colours.css").body
    assert browser.get("/colours.css?for=none").body == browser.get("/colours.css").body


# Devices


def waits(service: Service, **fields: str) -> tuple[Client, dict[str, Any]]:
    client = Client(service, "tv", "")
    answer = client.asks("device_authorization_endpoint", scope="openid films", **fields)
    assert answer.status_code == 200, answer.text
    return client, answer.json()


def polls(client: Client, device: dict[str, Any], name: str = "tv") -> httpx.Response:
    fields = {"grant_type": DEVICE, "device_code": device["device_code"], "client_id": name}
    return httpx.post(client.described["token_endpoint"], data=fields)


def unhurried(service: Service) -> None:
    service.rows("UPDATE applications_device SET asked = NULL", commit=True)


def types(browser: Browser, code: str) -> Page:
    browser.confirm()
    page = browser.get("/device")
    return browser.follow(browser.post("/device", {**page.form("/device"), "code": code}))


def answers(browser: Browser, code: str, answer: str) -> Page:
    page = types(browser, code)
    return browser.post("/device/allow", {**page.form("/device/allow"), "answer": answer})


def test_a_device_is_signed_in_by_who_has_it_in_front_of_them(
    service: Service, ann: Browser
) -> None:
    client, device = waits(service)
    assert device["verification_uri"] == f"{service.origin}/device"
    assert polls(client, device).json()["error"] == "authorization_pending"
    assert polls(client, device).json()["error"] == "slow_down"
    page = types(ann, device["user_code"].lower().replace("-", " "))
    assert "The television" in page.body
    assert "films" in page.body
    answers(ann, device["user_code"], "allow")
    held = polls(client, device).json()
    assert client.claims(held["id_token"])["sub"] == ann.who()
    assert client.refreshed(held["refresh_token"]).status_code == 200
    assert polls(client, device).json()["error"] == "invalid_grant"  # once


def test_a_device_that_is_declined_gets_nothing(service: Service, ann: Browser) -> None:
    client, device = waits(service)
    answers(ann, device["user_code"], "decline")
    assert polls(client, device).json()["error"] == "access_denied"


def test_a_link_fills_the_code_in_and_allows_nothing(service: Service, ann: Browser) -> None:
    client, device = waits(service)
    ann.confirm()
    page = ann.get(device["verification_uri_complete"])
    assert page.form("/device")["code"] == device["user_code"]
    assert polls(client, device).json()["error"] == "authorization_pending"


def test_a_device_waits_for_a_while_only(service: Service, ann: Browser) -> None:
    client, device = waits(service)
    service.rows("UPDATE applications_device SET expires = '2020-01-01 00:00:00'", commit=True)
    assert "No device that waits" in types(ann, device["user_code"]).body
    assert polls(client, device).json()["error"] == "expired_token"


def test_nobody_allows_a_device_for_somebody(service: Service, ann: Browser) -> None:
    client, device = waits(service)
    types(ann, device["user_code"])
    page = ann.post("/device/allow", {"answer": "allow"}, Origin="https://evil.example")
    assert page.status == 403
    assert polls(client, device).json()["error"] == "authorization_pending"


def test_the_code_of_a_device_is_worth_nothing_to_another_application(
    service: Service, ann: Browser
) -> None:
    client, device = waits(service)
    answers(ann, device["user_code"], "allow")
    assert polls(client, device, "phone").status_code == 400


def test_no_code_of_a_device_is_kept_in_clear(service: Service) -> None:
    _, device = waits(service)
    kept = str(service.rows("SELECT * FROM applications_device"))
    assert device["device_code"] not in kept
    assert device["user_code"].replace("-", "") not in kept


def test_a_device_gets_no_more_than_its_application(service: Service) -> None:
    client = Client(service, "tv", "")
    for scope in ("", "openid admin"):
        answer = client.asks("device_authorization_endpoint", scope=scope)
        assert answer.json()["error"] == "invalid_scope"
    answer = Client(service).asks("device_authorization_endpoint", scope="openid")
    assert answer.json()["error"] == "unauthorized_client"
