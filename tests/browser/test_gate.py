"""The gate as its owner meets it in a real browser: work in the background, or a mailed code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from accounts.service import GOOD, Service, code_in, serving
from accounts.service import Browser as Plain

SETTINGS = "proxies = 1\n[gate]\ngenerous = 1\ntolerated = 100000\n"
OWNER = "owner@example.org"
EDGE_MS = 60_000


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with somebody whose password is being guessed."""
    with serving(tmp_path_factory.mktemp("gate"), SETTINGS) as running:
        Plain(running, "10.1.0.1").join(OWNER)
        for number in range(8):
            attacker = Plain(running, f"10.{number + 2}.0.1")
            form = attacker.get("/login/").form("/login/")
            attacker.post("/login/", {**form, "login": OWNER, "password": "wrong"})
        yield running


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    context = browser.new_context(extra_http_headers={"X-Forwarded-For": "10.200.0.1"})
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console",
        lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None,
    )
    yield page
    context.close()
    assert wrong == []


def sign_in(page: Page, service: Service, login: str = OWNER, password: str = GOOD) -> None:
    page.goto(f"{service.origin}/login/")
    page.fill("[name=login]", login)
    page.fill("[name=password]", password)
    page.locator("main form").first.locator(".actions button").first.click()


def test_its_owner_signs_in_by_work_and_types_nothing_twice(page: Page, service: Service) -> None:
    sent: list[Any] = []
    page.on(
        "request",
        lambda request: sent.append(request.post_data or "") if request.method == "POST" else None,
    )
    sign_in(page, service)
    page.wait_for_url(f"{service.origin}/account/", timeout=EDGE_MS)
    assert any("work=1%3Asha256" in body for body in sent)


def test_whoever_is_not_guessed_at_is_asked_for_nothing(page: Page, service: Service) -> None:
    sign_in(page, service, "nobody@example.org", "surely not this one")
    page.wait_for_selector(".errors")
    assert page.locator("holdfast-work").get_attribute("state") == "idle"


def test_without_scripts_its_owner_takes_a_mailed_code(browser: Browser, service: Service) -> None:
    address = {"X-Forwarded-For": "10.201.0.1"}
    context = browser.new_context(java_script_enabled=False, extra_http_headers=address)
    page = context.new_page()
    sign_in(page, service)
    assert "JavaScript" in page.locator("main").inner_text()
    page.locator("a[href='/login/code/']").click()
    page.fill("[name=email]", OWNER)
    page.locator("main form .actions button").first.click()
    page.fill("[name=code]", code_in(service.mails(OWNER)[-1]))
    page.locator("main form .actions button").first.click()
    page.wait_for_url(f"{service.origin}/account/")
    context.close()
