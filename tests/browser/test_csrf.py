"""Forged requests in a real browser: each way to forge one, against each defence and none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from accounts.service import free_port
from browser.csrf_site import ATTACKS, NONE, STRATEGIES, Site, attacker, running, site_with

HOSTS = {"another site": "evil.localhost", "a sub-domain": "evil.app.localhost"}
WITHIN_MS, SETTLES_S = 15_000, 2.0
WITHOUT_FIELD = "readable cookie"
TYPED = "one\ntwo \"three\" 'four' <script>alert(1)</script> & 🙂"


@dataclass
class Place:
    """An application with one defence, somebody's browser, and the attacker's server."""

    name: str
    site: Site
    context: BrowserContext
    evil_port: int

    def sign_in(self, sub: str = "ann") -> None:
        if self.site.guard is None:
            self.context.new_page().goto(f"{self.site.origin}/weak-sign-in")
            return
        self.context.add_cookies(
            [
                {
                    "name": "guard-session",
                    "value": self.site.session(sub),
                    "sameSite": "Lax",
                    "domain": "app.localhost",
                    "path": "/",
                    "httpOnly": True,
                }
            ]
        )

    def is_signed_in(self) -> bool:
        page = self.context.new_page()
        page.goto(self.site.origin)
        found = "Notes of ann" in page.content()
        page.close()
        return found

    def lure(self, attack: str, host: str, mark: str, **more: object) -> Page:
        """Have the browser open a page of the attacker's."""
        asked = {"attack": attack, "target": self.site.origin, "mark": mark, **more}
        page = self.context.new_page()
        page.goto(f"http://{host}:{self.evil_port}/?{urlencode(asked, doseq=True)}")
        return page


@pytest.fixture(scope="module")
def evil_port() -> Iterator[int]:
    port = free_port()
    with running(attacker(), port):
        yield port


@pytest.fixture(scope="module", params=[*STRATEGIES, NONE])
def place(request: pytest.FixtureRequest, browser: Browser, evil_port: int) -> Iterator[Place]:
    site, app = site_with(request.param)
    with running(app, site.port):
        context = browser.new_context()
        context.set_default_timeout(WITHIN_MS)
        found = Place(request.param, site, context, evil_port)
        yield found
        context.close()


def settled(place: Place, page: Page) -> None:
    """Wait until the application has answered what the page has sent, if the browser sends it."""
    deadline = time.monotonic() + SETTLES_S
    while not set(place.site.handled) & {"/note", "/json", "/socket"}:
        if time.monotonic() > deadline:
            return
        page.wait_for_timeout(20)


def theirs(place: Place) -> dict[str, object]:
    """What an attacker has of their own: a token of their session, and the cookies with it."""
    if place.site.guard is None:
        return {"token": "x", "cookie": ["guard-csrf=x"]}
    from holdfast.guard.request import Request

    name = place.site.session("mallory")
    headers = {"host": f"app.localhost:{place.site.port}", "cookie": f"guard-session={name}"}
    visitor = place.site.guard.arrive(Request("GET", "/", headers=headers)).visitor
    token = visitor.csrf_token
    return {"token": token, "cookie": [f"{one.name}={one.value}" for one in visitor.cookies]}


OTHERS = (name for name in STRATEGIES if name != "session token")
ATTACKED = [NONE, "session token", *(pytest.param(one, marks=pytest.mark.every) for one in OTHERS)]
WHOLE_PAGES = ("hidden form", "form in a new window", "JSON by a form", "planted cookie")
"""What brings cookies along from any site. Other requests of another site's page may come without
them, as the browser is set up; those of a sub-domain come with them."""


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("place", ATTACKED, indirect=True)
def test_a_forged_request_changes_something_only_where_nothing_stands_against_it(
    place: Place, attack: str, host: str
) -> None:
    place.context.clear_cookies()
    place.sign_in()
    mark = f"{attack}-{host}".replace(" ", "-").replace("'", "")
    place.site.handled.clear()
    page = place.lure(attack, HOSTS[host], mark, **theirs(place))
    settled(place, page)
    changed = mark in place.site.notes
    for one in place.context.pages:
        one.close()
    if place.name == NONE:
        assert changed or (host == "another site" and attack not in WHOLE_PAGES)
        return
    assert not changed
    assert place.is_signed_in()


@pytest.mark.parametrize("host", HOSTS)
def test_the_page_is_shown_in_no_frame(place: Place, host: str) -> None:
    place.context.clear_cookies()
    place.sign_in()
    page = place.lure("frame", HOSTS[host], "x")
    page.wait_for_load_state("load")
    shown = any("Notes of" in frame.content() for frame in page.frames[1:])
    page.close()
    assert shown is (place.name == NONE)


# What is meant


@pytest.fixture
def page(place: Place) -> Iterator[Page]:
    place.context.clear_cookies()
    place.sign_in()
    page = place.context.new_page()
    yield page
    for one in place.context.pages:
        one.close()


def send(page: Page, text: str) -> None:
    page.fill("textarea[name=text]", text)
    page.click("button")


def arrives(page: Page, place: Place, text: str) -> None:
    deadline = time.monotonic() + WITHIN_MS / 1_000
    while text not in [note.replace("\r\n", "\n") for note in place.site.notes]:
        assert time.monotonic() < deadline, (text, place.site.notes[-3:], page.content()[:500])
        page.wait_for_timeout(50)
    if place.name != WITHOUT_FIELD:  # and be on the page that it leads to
        page.locator("li").filter(has_text=text.splitlines()[-1]).first.wait_for()


def test_two_tabs_and_the_back_button_work(place: Place, page: Page) -> None:
    second = place.context.new_page()
    page.goto(place.site.origin)
    second.goto(place.site.origin)
    for number, tab in enumerate((second, page, second)):
        text = f"{place.name} tab {number}"
        send(tab, text)
        arrives(tab, place, text)
    if place.name != WITHOUT_FIELD:
        page.goto(f"{place.site.origin}/?elsewhere")
        page.go_back()
        text = f"{place.name} after going back"
        send(page, text)
        arrives(page, place, text)


def test_an_old_page_is_shown_again_with_what_was_typed(place: Place, page: Page) -> None:
    if place.name in (NONE, WITHOUT_FIELD):  # there is no form to be shown again
        return
    page.goto(place.site.origin)
    place.sign_in()  # anew, as in another tab
    place.site.notes.clear()
    send(page, TYPED)
    page.wait_for_selector("h1:has-text('Send it again')")
    assert page.input_value("textarea[name=text]") == TYPED
    assert place.site.notes == []
    page.click("button")
    arrives(page, place, TYPED)


def test_a_request_without_a_token_ends_the_session(place: Place, page: Page) -> None:
    if place.name == NONE:
        return
    page.goto(place.site.origin)
    status = page.evaluate(
        "fetch('/note', {method: 'POST', body: new URLSearchParams({text: 'x'})})"
        ".then(answer => answer.status)"
    )
    assert status == 403
    assert not place.is_signed_in()
