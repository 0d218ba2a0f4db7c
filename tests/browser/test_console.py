"""The console in a real browser: every page for every role, hostile names, keyboard, axe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, BrowserContext, Page

from accounts.api.asking import Program, program
from accounts.service import GOOD, Service, serving
from accounts.service import Browser as Plain

SCOPES = ("people:write", "people:roles", "webhooks:write", "applications:write")
APPLICATION = '[applications.todo]\nredirect = ["http://localhost:3000/"]\nroles = ["DOES"]\n'
Role = Literal["admin", "support", "auditor"]
Enter = Callable[..., Page]
HOSTILE = (
    *("<script>window.hurt=1</script>", "<img src=x onerror=window.hurt=1>", "{{7*7}}"),
    *("\"' onmouseover=window.hurt=1 x='", "');window.hurt=1;('", "${window.hurt=1}"),
    *("javascript:window.hurt=1", "</title><script>window.hurt=1</script>", "a' x-init='hurt=1"),
)
LISTS = {
    "people/person/": ("admin", "support", "auditor"),
    "usersessions/usersession/": ("admin", "support", "auditor"),
    "trail/trailentry/": ("admin", "auditor"),
    "api/apikey/": ("admin", "auditor"),
    "applications/registration/": ("admin", "auditor"),
    "applications/group/": ("admin", "auditor"),
    "connections/connection/": ("admin", "auditor"),
    "webhooks/webhook/": ("admin", "auditor"),
    "webhooks/delivery/": ("admin", "auditor"),
}
PLAIN = ("", "gate/")
FORMS = ("api/apikey/add/", "webhooks/webhook/add/", "connections/connection/add/")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service where everything that has a name has a hostile one."""
    settings = f"proxies = 1\n[webhooks]\nattempts = 1\n{APPLICATION}"
    with serving(tmp_path_factory.mktemp("accounts"), settings) as running:
        full = program(running, HOSTILE[0], *SCOPES)
        for number, name in enumerate(HOSTILE):
            said = full("POST", "/people", {"email": f"h{number}@example.org", "name": name})
            assert said.status == 201, said.text
            full("PUT", f"/people/{said.data['id']}/applications/todo", {"roles": ["DOES"]})
            url = f"https://203.0.113.{number + 1}/?{name.replace(' ', '%20')}"
            hook = {"name": name, "url": url, "events": ["person.created", "sign-in"]}
            full("POST", "/webhooks", hook)
        for number, role in enumerate(("admin", "support", "auditor")):
            person = Plain(running, f"10.7.0.{number + 1}")
            person.join(f"{role}@example.org")
            person.send("GET", "/account/", None, {"User-Agent": HOSTILE[1]})
            assert full("PUT", f"/people/{person.who()}/role", {"role": role}).status == 200
        assert full("POST", "/groups", {"name": "there", "roles": {"todo": ["DOES"]}}).status == 201
        columns = {
            "slug": "there",
            "name": HOSTILE[0],
            "kind": "openid",
            "issuer": "https://i.example",
        }
        columns |= dict.fromkeys(("client_id", "secret", "team_id", "key_id", "sso_url"), "x")
        columns |= {"certificates": "", "domains": "[]", "created": "2026-01-01 00:00:00"}
        marks = ", ".join(["%s"] * len(columns))
        running.rows(
            f"INSERT INTO connections_connection ({', '.join(columns)}, "  # noqa: S608
            f'enabled, trusts_addresses, "only") VALUES ({marks}, false, false, false)',
            *columns.values(),
            commit=True,
        )
        hurt = Plain(running, "10.7.1.1")
        hurt.join("victim@example.org")
        yield running


@pytest.fixture
def enter(browser: Browser, service: Service) -> Iterator[Enter]:
    """Opens the console for somebody; whatever runs, asks elsewhere or complains fails the test."""
    contexts: list[BrowserContext] = []
    pages: list[Page] = []
    wrong: list[str] = []

    def sign_in(role: Role, scheme: Literal["light", "dark"] = "light", width: int = 1280) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        pages.append(page)
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((service.origin, "data:", "blob:"))
                else wrong.append(request.url)
            ),
        )
        page.goto(f"{service.origin}/console/")
        page.fill("[name=login]", f"{role}@example.org")
        page.fill("[name=password]", GOOD)
        with page.expect_navigation(url=f"{service.origin}/console/"):
            page.keyboard.press("Enter")
        return page

    yield sign_in
    for page in pages:
        assert page.evaluate("window.hurt") is None
    for context in contexts:
        context.close()
    assert wrong == []


def go(page: Page, service: Service, path: str) -> int:
    answer = page.goto(f"{service.origin}/console/{path}")
    assert answer is not None
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.hurt") is None, path
    return answer.status


def grave(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html']}"
        for one in found
        if one["impact"] in GRAVE
    ]


GRAVE = ("serious", "critical")


def first(page: Page) -> str:
    """Where the first row of a list leads."""
    return (
        page.locator("#result_list tbody th a, #result_list tbody td a").first.get_attribute("href")
        or ""
    )


@pytest.mark.parametrize("role", ["admin", "support", "auditor"])
def test_every_page_is_there_for_whom_it_is_for(enter: Enter, service: Service, role: Role) -> None:
    page = enter(role)
    menu = page.locator("#nav-sidebar-apps a").all_inner_texts()
    assert any("People" in one for one in menu)
    assert any("Trail" in one for one in menu) == (role != "support")
    assert any("Invite" in one for one in menu) == (role == "admin")
    for path, roles in LISTS.items():
        if role not in roles:
            assert go(page, service, path) == 403
            continue
        assert go(page, service, path) == 200
        link = first(page)
        assert link, path
        page.goto(service.origin + link)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.hurt") is None
        buttons = page.locator("[name=_save]").count()
        assert (buttons == 1) == (role == "admin" and path in CHANGED), path
    assert go(page, service, "gate/") == (403 if role == "support" else 200)


CHANGED = (
    *("people/person/", "webhooks/webhook/", "connections/connection/"),
    *("applications/registration/", "applications/group/"),
)


@pytest.mark.every
def test_hostile_names_never_run(enter: Enter, service: Service) -> None:
    page = enter("admin")
    go(page, service, "people/person/")
    text = page.locator("#result_list").inner_text()
    assert all(name in text for name in HOSTILE)
    links = page.locator("#result_list tbody th a").evaluate_all("all => all.map(a => a.href)")
    assert len(links) > len(HOSTILE)
    for link in links:
        for path in (link, link.replace("/change/", "/delete/")):
            page.goto(path)
            page.wait_for_load_state("networkidle")
            page.mouse.move(400, 300)
            assert page.evaluate("window.hurt") is None, path
    for path in (*LISTS, *PLAIN, *FORMS):
        for name in HOSTILE[:3]:
            go(page, service, f"{path}?q={name}")


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.every)])
def test_nothing_serious_stands_in_the_way_of_anybody(
    enter: Enter, service: Service, scheme: Literal["light", "dark"]
) -> None:
    page = enter("admin", scheme)
    found = {}
    for path in (*PLAIN, *LISTS, *FORMS):
        go(page, service, path)
        found[path] = grave(page)
    go(page, service, "people/person/")
    page.goto(service.origin + first(page))
    found["person"] = grave(page)
    assert {path: wrong for path, wrong in found.items() if wrong} == {}


def test_a_key_is_made_after_one_has_shown_who_one_is(enter: Enter, service: Service) -> None:
    page = enter("admin")
    go(page, service, "api/apikey/add/")
    page.fill("[name=name]", "nightly export")
    page.check("[value='trail:read']")
    page.click("[name=_save]")
    page.wait_for_url("**/reauthenticate/**")
    page.fill("[name=password]", GOOD)
    page.locator("main form .actions button").first.click()
    key = page.locator("#shown-once").inner_text()
    assert Program(service, key)("GET", "/trail").status == 200
    page.get_by_text("I have kept it").click()
    page.wait_for_url("**/console/api/apikey/")
    assert page.locator("#result_list").get_by_text("nightly export").count() == 1
    assert key not in page.content()


def test_somebody_is_found_changed_and_removed(enter: Enter, service: Service) -> None:
    page = enter("admin")
    go(page, service, "people/person/")
    page.fill("[name=q]", "victim")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=victim**")
    page.locator("#result_list tbody th a").click()
    page.fill("[name=name]", "Vera")
    page.click("[name=_save]")
    page.wait_for_url("**/reauthenticate/**")
    page.fill("[name=password]", GOOD)
    with page.expect_navigation(url="**/console/people/person/**"):
        page.locator("main form .actions button").first.click()
    assert service.rows(
        "SELECT name FROM people_person WHERE email = %s", "victim@example.org"
    ) == [("Vera",)]
    go(page, service, "people/person/?q=vera")
    page.locator("#result_list tbody th a").click()
    page.get_by_role("link", name="Delete").click()
    page.wait_for_url("**/delete/")
    with page.expect_navigation(url="**/console/people/person/"):
        page.get_by_role("button", name="Yes, I").click()
    assert service.rows("SELECT 1 FROM people_person WHERE name = %s", "Vera") == []


def test_somebody_is_helped_with_a_code_that_they_read_out(enter: Enter, service: Service) -> None:
    caller = Plain(service, "10.7.1.2")
    caller.join("caller@example.org")
    page = enter("support")
    go(page, service, f"people/person/{caller.who()}/change/")
    page.get_by_role("link", name="Help this person").click()
    page.wait_for_url("**/help/")
    page.set_viewport_size({"width": 390, "height": 900})
    assert grave(page) == []
    assert page.evaluate(OVERFLOW) <= 0
    page.get_by_role("button", name="Send them a code").click()
    page.wait_for_url("**/reauthenticate/**")
    page.fill("[name=password]", GOOD)
    page.locator("main form .actions button").first.click()
    page.get_by_text("The code is on its way").wait_for()
    code = re.search(r"^\d{4} \d{4}", service.mails("caller@example.org")[-1], re.M)
    assert code is not None
    page.get_by_label("The code that they read out").fill("0000 0000")
    page.get_by_role("button", name="Do what it allows").click()
    page.get_by_text("That is not the code for this").wait_for()
    assert grave(page) == []
    page.get_by_label("The code that they read out").fill(code[0])
    page.get_by_role("button", name="Do what it allows").click()
    page.get_by_text("Done. Unlock").wait_for()


@pytest.mark.parametrize("path", [*PLAIN, "people/person/", "api/apikey/add/"])
def test_it_fits_a_telephone(enter: Enter, service: Service, path: str) -> None:
    page = enter("auditor" if path != "api/apikey/add/" else "admin", width=390)
    go(page, service, path)
    assert page.evaluate(OVERFLOW) <= 0


OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
