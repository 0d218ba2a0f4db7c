"""The to-do list beside the real accounts service: somebody signs in there, and uses it here."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, BrowserContext, Page

from accounts.service import GOOD, Service, free_port, serving
from accounts.service import Browser as Plain

ROOT = Path(__file__).parents[2]
OWNER = "ann@example.org"
STARTS_WITHIN_S = 30.0


@dataclass(frozen=True)
class Both:
    """The two services, and where the list is."""

    accounts: Service
    todo: str


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("todo")
    port = free_port()
    todo = f"http://localhost:{port}"
    for name in ("client-secret", "key"):
        (folder / name).write_text(name * 12)
        (folder / name).chmod(0o400)
    settings = (
        f'[applications.todo]\nname = "To-do"\nredirect = ["{todo}/guard/signed-in"]\n'
        f'signed_out = ["{todo}/"]\nsecret = "file:{folder}/client-secret"\n'
        'roles = ["CREATE_TODO"]\neveryone = ["CREATE_TODO"]\nfirst_party = true\n'
    )
    with serving(folder / "accounts", settings) as accounts:
        Plain(accounts).join(OWNER)
        (folder / "todo.toml").write_text(
            f'origin = "{todo}"\nlisten = "127.0.0.1:{port}"\nissuer = "{accounts.origin}"\n'
            f'client_id = "todo"\nclient_secret = "client-secret"\nkey = "key"\n'
            f'database = "sqlite:///{folder}/todo.sqlite3"\n'
        )
        argv = [sys.executable, "-m", "todo", str(folder / "todo.toml")]
        with (folder / "said").open("wb") as said:
            process = subprocess.Popen(
                argv, cwd=ROOT / "examples/todo", stdout=said, stderr=said, start_new_session=True
            )
        try:
            wait_until_there(todo, process, folder / "said")
            yield Both(accounts, todo)
        finally:
            process.terminate()
            process.wait(20)


def wait_until_there(address: str, process: subprocess.Popen[bytes], said: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while True:
        assert process.poll() is None, said.read_text()
        assert time.monotonic() < deadline, said.read_text()
        try:
            httpx.get(address, timeout=2)
            return
        except httpx.HTTPError:
            time.sleep(0.05)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    context.set_default_timeout(30_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console",
        lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None,
    )
    yield page
    assert wrong == []


def sign_in(page: Page, both: Both) -> None:
    page.goto(both.todo)
    page.click("text=Sign in")
    if page.url.startswith(both.accounts.origin):
        page.fill("[name=login]", OWNER)
        page.fill("[name=password]", GOOD)
        page.locator("main form").first.locator(".actions button").first.click()
    page.wait_for_url(f"{both.todo}/")


def add(page: Page, title: str) -> None:
    page.fill("#title", title)
    page.click("text=Add")
    page.locator(".todos li", has_text=title).first.wait_for()


def test_somebody_signs_in_adds_ticks_changes_and_signs_out(page: Page, both: Both) -> None:
    sign_in(page, both)
    add(page, "Buy milk")
    row = page.locator(".todos li", has_text="Buy milk")
    row.get_by_role("button").click()
    page.wait_for_selector(".todos li.done")
    row.get_by_role("link").click()
    page.fill("#title", "Buy oat milk")
    page.click("text=Save")
    page.locator(".todos li.done", has_text="Buy oat milk").wait_for()
    page.locator(".todos li", has_text="Buy oat milk").get_by_role("link").click()
    page.click("text=Remove it")
    page.wait_for_selector(".empty")
    page.click("text=Sign out")
    page.wait_for_url(f"{both.accounts.origin}/**")


def test_after_signing_out_the_back_button_shows_nothing(page: Page, both: Both) -> None:
    sign_in(page, both)
    add(page, "secret plan")
    page.click("text=Sign out")
    page.wait_for_url(f"{both.accounts.origin}/**")
    page.go_back()
    page.wait_for_load_state()
    assert "secret plan" not in page.content()


def test_without_scripts_everything_works(browser: Browser, both: Both) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, both)
    add(page, "Without scripts")
    page.locator(".todos li", has_text="Without scripts").get_by_role("button").click()
    page.locator(".todos li.done", has_text="Without scripts").wait_for()
    context.close()


def test_with_the_keyboard_alone(page: Page, both: Both) -> None:
    sign_in(page, both)
    page.keyboard.press("Tab")
    for _ in range(20):
        if page.evaluate("document.activeElement.id") == "title":
            break
        page.keyboard.press("Tab")
    page.keyboard.type("By keyboard")
    page.keyboard.press("Enter")
    row = page.locator(".todos li", has_text="By keyboard")
    row.wait_for()
    row.get_by_role("button").focus()
    page.keyboard.press("Enter")
    page.locator(".todos li.done", has_text="By keyboard").wait_for()


def test_two_tabs_and_the_back_button_send_what_they_have(
    context: BrowserContext, both: Both
) -> None:
    first, second = context.new_page(), context.new_page()
    sign_in(first, both)
    second.goto(both.todo)
    first.fill("#title", "from the first tab")
    second.fill("#title", "from the second tab")
    second.click("text=Add")
    second.locator(".todos li", has_text="from the second tab").wait_for()
    first.click("text=Add")
    first.locator(".todos li", has_text="from the first tab").wait_for()
    first.go_back()
    first.fill("#title", "after going back")
    first.click("text=Add")
    first.locator(".todos li", has_text="after going back").wait_for()


TYPED = "Tea & \"coffee\" <script>alert(1)</script> 'x' 🙂"


def test_a_page_of_the_last_session_is_shown_again_with_what_was_typed(
    context: BrowserContext, both: Both
) -> None:
    old, new = context.new_page(), context.new_page()
    sign_in(old, both)
    old.fill("#title", TYPED)
    context.clear_cookies(name="guard-session")
    sign_in(new, both)
    old.click("text=Add")
    old.wait_for_selector("h1:has-text('Send it again')")
    assert old.locator("textarea[name=title]").input_value() == TYPED
    old.click("text=Send it again >> nth=-1")
    old.locator(".todos li", has_text='Tea & "coffee"').first.wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_in_the_way_of_anybody(browser: Browser, both: Both, scheme: str) -> None:
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
    page = context.new_page()
    page.goto(both.todo)
    checked(page)
    sign_in(page, both)
    add(page, "Look at it")
    checked(page)
    page.locator(".todos li", has_text="Look at it").first.get_by_role("link").click()
    page.wait_for_selector("text=Remove it")
    checked(page)
    context.close()


def checked(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    serious = [one["id"] for one in found if one["impact"] in ("serious", "critical")]
    assert serious == []
