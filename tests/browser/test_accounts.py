"""The accounts service in a real browser: passkeys, keyboard, without scripts, axe, weight."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, BrowserContext, Page

from accounts.service import GOOD, Service, code_in, serving

Scheme = Literal["light", "dark"]
Open = Callable[..., Page]

WIDE, NARROW = 1280, 390
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
HEAVIEST = 60_000  # bytes of the sign-in page with all it loads
SLOWEST_PAINT_MS = 500
PAINTED = "performance.getEntriesByName('first-contentful-paint').length"
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
WEIGHT = """() => performance.getEntries()
    .filter(e => e.transferSize).reduce((sum, e) => sum + e.transferSize, 0)"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("accounts")) as running:
        yield running


@pytest.fixture
def opened(browser: Browser, service: Service) -> Iterator[Open]:
    """Opens a window of its own; whatever it asks elsewhere, or complains about, fails the test."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def show(path: str, width: int = WIDE, scheme: Scheme = "light", **options: Any) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((service.origin, "data:"))
                else wrong.append(request.url)
            ),
        )
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "console",
            lambda message: (
                wrong.append(message.text)
                if message.type == "error" and "Content Security Policy" in message.text
                else None
            ),
        )
        page.goto(service.origin + path)
        return page

    yield show
    for context in contexts:
        context.close()
    assert wrong == []


def send(page: Page) -> None:
    """Send the form of the page, and wait for what it leads to."""
    with page.expect_navigation():
        page.locator("main form").first.locator(".actions button").first.click()


def join(page: Page, service: Service, email: str) -> None:
    page.goto(f"{service.origin}/signup/")
    page.fill("[name=email]", email)
    page.fill("[name=password1]", GOOD)
    send(page)
    page.fill("[name=code]", code_in(service.mails(email)[-1]))
    send(page)
    assert page.url == f"{service.origin}/account/"


def confirm(page: Page) -> None:
    page.fill("[name=password]", GOOD)
    send(page)


def grave(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['help']}" for one in found if one["impact"] != "minor"]


ENTRANCE = ["/login/", "/signup/", "/password/reset/", "/login/code/", "/sign-in/link/", "/outbox/"]
OWN = ["/account/", "/email/", "/password/change/", "/2fa/", "/sessions/", "/account/data/"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_read_by_everybody(
    opened: Open, service: Service, scheme: Scheme
) -> None:
    page = opened("/login/", NARROW, scheme)
    found = {}
    for path in ENTRANCE:
        page.goto(service.origin + path)
        found[path] = [*grave(page), page.evaluate(OVERFLOW)]
    page.goto(f"{service.origin}/login/")
    page.fill("[name=login]", "nobody@example.org")
    page.fill("[name=password]", "surely not this password")
    send(page)
    found["wrong"] = [*grave(page), page.evaluate(OVERFLOW)]
    join(page, service, f"axe-{scheme}@example.org")
    for path in OWN:
        page.goto(service.origin + path)
        found[path] = [*grave(page), page.evaluate(OVERFLOW)]
    assert {path: one for path, one in found.items() if one != [0]} == {}


def test_signing_up_and_in_takes_a_keyboard_only(opened: Open, service: Service) -> None:
    page = opened("/signup/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.focus("[name=email]")
    page.keyboard.type("keys@example.org")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type(GOOD)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.focus("[name=code]")
    page.keyboard.type(code_in(service.mails("keys@example.org")[-1]))
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url == f"{service.origin}/account/"


def test_a_wrong_field_is_said_where_the_keyboard_is(opened: Open) -> None:
    page = opened("/signup/")
    page.fill("[name=email]", "short@example.org")
    page.fill("[name=password1]", "short")
    send(page)
    focused = page.evaluate("document.activeElement.getAttribute('role')")
    assert focused == "alert"
    page.click(".errors a")
    assert page.evaluate("document.activeElement.name") == "password1"
    described = page.get_attribute("[name=password1]", "aria-describedby")
    assert described is not None
    assert "error" in described
    assert page.get_attribute("[name=password1]", "aria-invalid") == "true"


def test_how_good_a_password_is_is_said_while_it_is_typed(opened: Open) -> None:
    page = opened("/signup/")
    said = []
    for text in ("aaaa", "magenta", GOOD):
        page.fill("[name=password1]", text)
        said.append(page.inner_text(".strength [aria-live]"))
    assert said == ["guessed at once", "guessed at once", "strong"]


def test_without_scripts_somebody_signs_up_and_in(opened: Open, service: Service) -> None:
    page = opened("/login/", java_script_enabled=False)
    join(page, service, "plain@example.org")
    page.locator("header form button").click()
    page.goto(f"{service.origin}/login/")
    page.fill("[name=login]", "plain@example.org")
    page.fill("[name=password]", GOOD)
    send(page)
    assert page.url == f"{service.origin}/account/"


def authenticator(page: Page) -> None:
    """A security key of the browser's own, which its user always touches."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )


def test_a_passkey_is_added_and_signs_in_by_itself(opened: Open, service: Service) -> None:
    page = opened("/login/")
    authenticator(page)
    join(page, service, "passkey@example.org")
    page.goto(f"{service.origin}/2fa/webauthn/add/")
    confirm(page)
    page.fill("[name=name]", "my laptop")
    page.check("[name=passwordless]")
    with page.expect_navigation():
        page.click("#mfa_webauthn_add")
    codes = page.locator("textarea").input_value().split()
    assert len(codes) == 10
    page.goto(f"{service.origin}/account/")
    page.locator("header form button").click()
    page.goto(f"{service.origin}/login/")
    with page.expect_navigation(url=re.compile("/account/|/2fa/trust/")):
        page.click("#passkey_login")
    page.goto(f"{service.origin}/account/")
    assert page.url == f"{service.origin}/account/"


def test_the_page_to_sign_in_is_light_and_quick(opened: Open, service: Service) -> None:
    paints = []
    for _ in range(5):
        page = opened("/login/")
        deadline = time.monotonic() + 5
        while not page.evaluate("performance.getEntriesByType('paint').length"):
            assert time.monotonic() < deadline
        paints.append(page.evaluate(PAINT))
        assert page.evaluate(WEIGHT) < HEAVIEST
    assert sorted(paints)[2] < 4 * SLOWEST_PAINT_MS  # the figure itself is for a benchmark


def test_it_speaks_german_where_the_browser_does(opened: Open) -> None:
    page = opened("/login/", locale="de-DE")
    assert page.inner_text("h1") == "Anmelden"
    page.click("[name=language][value=en]")
    page.wait_for_load_state()
    assert page.inner_text("h1") == "Sign in"
