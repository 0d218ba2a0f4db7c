"""Somebody with neither password nor factor shows once more who they are by a mailed code."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from accounts.applications.asking import Client, providing, sent_back
from accounts.service import Browser, Service, code_in, late, visitors

fresh = visitors(71)
PAGE = "/reauthenticate/code/"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with providing(tmp_path_factory.mktemp("step-up")) as running:
        yield running


def owner(service: Service, email: str) -> Browser:
    """Somebody who signs in by mailed codes alone, ten minutes ago."""
    fresh(service).join(email)
    service.without_password(email)
    browser = fresh(service)
    browser.by_mailed_code(email)
    assert browser.who()
    late(service)
    return browser


def mailed(service: Service, email: str) -> list[str]:
    return [mail for mail in service.mails(email) if "confirm that it is you" in mail]


def test_a_mailed_code_is_asked_for_and_what_was_wanted_is_done(service: Service) -> None:
    browser = owner(service, "wants@example.org")
    page = browser.get("/account/data/")
    assert page.headers["Location"].startswith(PAGE)
    page = browser.get(page.headers["Location"])
    assert "wants@example.org" in page.body
    code = code_in(mailed(service, "wants@example.org")[-1])
    page = browser.follow(browser.post(page.url, {**page.form(PAGE), "code": code}))
    assert urlsplit(page.url).path == "/account/data/"
    assert page.status == 200
    assert browser.get("/account/data/").status == 200


def test_a_form_that_was_sent_goes_on_after_it(service: Service) -> None:
    browser = owner(service, "form@example.org")
    asked = {"csrfmiddlewaretoken": browser.token(), "email": "new@example.org", "action_add": ""}
    page = browser.post("/email/", asked)
    page = browser.get(page.headers["Location"])
    code = code_in(mailed(service, "form@example.org")[-1])
    page = browser.post(page.url, {**page.form(PAGE), "code": code})
    assert page.headers["Location"] == "/confirm-email/"
    assert service.mails("new@example.org")


def test_a_code_is_good_once_and_for_nothing_else(service: Service) -> None:
    email = "once@example.org"
    browser, other = owner(service, email), fresh(service)
    form = browser.get(PAGE).form(PAGE)
    code = code_in(mailed(service, email)[-1])
    other.submit("/login/code/", email=email)
    other.submit("/login/code/confirm/", code=code)
    assert other.who() is None
    of_a_sign_in = code_in(service.mails(email)[-1])
    assert of_a_sign_in != code
    assert browser.post(PAGE, {**form, "code": of_a_sign_in}).status == 200
    assert browser.post(PAGE, {**form, "code": code.lower()}).status == 302
    late(service)
    assert browser.post(PAGE, {**form, "code": code}).status == 200
    assert browser.get("/account/data/").status == 302


def test_whoever_has_just_signed_in_is_not_asked(service: Service) -> None:
    owner(service, "just@example.org")
    browser = fresh(service)
    browser.by_mailed_code("just@example.org")
    assert browser.get("/account/data/").status == 200


def test_one_mail_a_minute_is_sent_however_often_the_page_is_loaded(service: Service) -> None:
    browser = owner(service, "often@example.org")
    for _ in range(4):
        assert browser.get(PAGE).status == 200
    assert len(mailed(service, "often@example.org")) == 1


def test_who_has_a_password_is_asked_for_that(service: Service) -> None:
    browser = fresh(service)
    browser.join("has@example.org")
    assert urlsplit(browser.get(PAGE).headers["Location"]).path == "/reauthenticate/"
    assert mailed(service, "has@example.org") == []


def test_a_stranger_is_led_to_the_sign_in(service: Service) -> None:
    assert urlsplit(fresh(service).get(PAGE).headers["Location"]).path == "/login/"


def test_an_application_that_asks_again_signs_nobody_out(service: Service) -> None:
    email = "again@example.org"
    browser, client = owner(service, email), Client(service)
    page = browser.get(client.path(prompt="login"))
    assert page.headers["Location"].startswith(PAGE)
    assert browser.who()
    page = browser.get(page.headers["Location"])
    code = code_in(mailed(service, email)[-1])
    page = browser.post(page.url, {**page.form(PAGE), "code": code})
    assert "code" in sent_back(browser.get(page.headers["Location"]))


def test_what_was_refused_is_in_the_trail(service: Service) -> None:
    browser = owner(service, "trail@example.org")
    browser.submit(PAGE, PAGE, code="WRONG-CODE")
    rows = service.rows("SELECT what, who, data FROM trail_trailentry")
    told = [data for what, who, data in rows if (what, who) == ("step-up.failed", browser.who())]
    assert "refused" in told[0]
    assert "WRONG" not in told[0]
