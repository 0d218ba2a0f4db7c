"""The Node application and the accounts service, both real: what people do, what others try."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from playwright.sync_api import sync_playwright

from accounts.service import GOOD, Browser, Page, Service, free_port, serving, visitors
from browser.conftest import CHROMIUM, FLAGS
from examples.node_running import SECRET, node, serving_node

fresh = visitors(71)
WEAK = (
    ("expectedState: begun.state", "expectedState: openid.skipStateCheck"),
    (
        "`${this.#back}${query}`",
        "`${this.#back}${query.replace(/iss=[^&]*/, `iss=${this.#settings.issuer}`)}`",
    ),
    ("this.#request.headers.origin === settings.origin", "true"),
    ("visit.set(BEGUN,", "globalThis.last = known; visit.set(BEGUN,"),
    ("begun.take(visit.cookie(BEGUN))", "begun.take(visit.cookie(BEGUN)) ?? globalThis.last"),
)
"""What takes the protections out of a copy of the application."""


@dataclass(frozen=True)
class Both:
    """The service and the application, as one world of origins."""

    service: Service
    application: Service


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Both]]:
    """One service with the application as it is, and with a weakened copy of it."""
    folder = tmp_path_factory.mktemp("node")
    secret = folder / "secret"
    secret.touch(0o600)
    secret.write_text(SECRET)
    sound, weak = free_port(), free_port()
    origins = [f"http://localhost:{port}" for port in (sound, weak)]
    settings = f"""
[applications.node]
name = "Example"
redirect = {json.dumps([f"{one}/signed-in" for one in origins])}
signed_out = {json.dumps([f"{one}/" for one in origins])}
secret = "file:{secret}"
roles = ["MEMBER", "GUEST"]
everyone = ["GUEST"]
first_party = true
"""
    with (
        serving(folder / "service", settings) as service,
        serving_node(folder / "sound", sound, service.origin) as application,
        serving_node(folder / "weak", weak, service.origin, WEAK) as weakened,
    ):
        yield {"sound": Both(service, application), "weak": Both(service, weakened)}


@pytest.fixture(scope="module")
def both(worlds: dict[str, Both]) -> Both:
    return worlds["sound"]


@dataclass
class Visitor:
    """A browser of both, with cookies for each."""

    both: Both
    there: Browser = field(init=False)
    here: Browser = field(init=False)

    def __post_init__(self) -> None:
        self.there, self.here = fresh(self.both.service), Browser(self.both.application)

    def visit(self, url: str) -> Page:
        """Open an address of either, and go where it leads."""
        for _ in range(8):
            browser = self.there if url.startswith(self.both.service.origin) else self.here
            assert url.startswith(browser.service.origin), url
            page = browser.get(url)
            if page.status not in (301, 302, 303):
                return page
            url = self._absolute(browser, page)
        raise AssertionError("it leads in circles")

    def post(self, path: str) -> Page:
        """Press a button of the application."""
        page = self.here.post(path, {})
        assert page.status == 303, page.body
        return self.visit(self._absolute(self.here, page))

    def sign_in(self) -> Page:
        return self.visit(f"{self.both.application.origin}/sign-in")

    def answer(self) -> str:
        """Begin a sign-in; return the address that the service sends the browser back to."""
        page = self.here.get("/sign-in")
        page = self.there.get(page.headers["Location"])
        return page.headers["Location"]

    @staticmethod
    def _absolute(browser: Browser, page: Page) -> str:
        leads = page.headers["Location"]
        return f"{browser.service.origin}{leads}" if leads.startswith("/") else leads

    @property
    def person(self) -> str:
        return (self.there.who() or "").replace("-", "")

    @property
    def is_signed_in(self) -> bool:
        return "Hello" in self.here.get("/").body


def joined(both: Both, name: str) -> Visitor:
    visitor = Visitor(both)
    visitor.there.join(f"{name}@example.org")
    return visitor


def give(visitor: Visitor, *roles: str) -> None:
    visitor.both.service.rows(
        "UPDATE applications_registration SET roles = %s WHERE person_id = %s",
        json.dumps(roles),
        visitor.person,
        commit=True,
    )


def with_(address: str, **changed: str) -> str:
    """An address with other values in its query; "" leaves one out."""
    parts = urlsplit(address)
    query = {name: value[0] for name, value in parse_qs(parts.query).items()} | changed
    return parts._replace(query=urlencode({k: v for k, v in query.items() if v})).geturl()


def test_somebody_signs_in_and_sees_their_roles(both: Both) -> None:
    ann = joined(both, "ann")
    assert "Sign in" in ann.here.get("/").body
    page = ann.sign_in()
    assert "Hello, ann@example.org" in page.body
    assert "Your roles here: GUEST" in page.body


def test_a_page_for_members_is_for_members(both: Both) -> None:
    bea = joined(both, "bea")
    assert bea.here.get("/members").headers["Location"] == "/sign-in"
    bea.sign_in()
    assert bea.here.get("/members").status == 403
    give(bea, "MEMBER")
    assert "Your roles here: MEMBER" in bea.post("/refresh").body
    assert bea.here.get("/members").status == 200


def test_tokens_are_refreshed_again_and_again(both: Both) -> None:
    cat = joined(both, "cat")
    cat.sign_in()
    for _ in range(3):
        assert "Hello" in cat.post("/refresh").body


def test_whoever_is_let_in_no_more_is_out_here_at_the_next_refresh(both: Both) -> None:
    dan = joined(both, "dan")
    dan.sign_in()
    both.service.rows(
        "UPDATE people_person SET is_active = false WHERE email = %s",
        "dan@example.org",
        commit=True,
    )
    assert "Sign in" in dan.post("/refresh").body


def test_signing_out_ends_it_here_and_there(both: Both) -> None:
    eva = joined(both, "eva")
    eva.sign_in()
    kept = dict(eva.here.jar)
    page = eva.here.post("/sign-out", {})
    asks = eva.there.get(page.headers["Location"])
    assert asks.status == 200
    page = eva.there.post("/openid/logout", {**asks.form(), "action": "logout"})
    assert page.headers["Location"].partition("?")[0] == f"{both.application.origin}/"
    assert eva.there.who() is None
    eva.here.jar.update(kept)
    assert not eva.is_signed_in


def test_cookies_are_for_the_server_alone_and_pages_for_nobodys_frame(both: Both) -> None:
    fay = joined(both, "fay")
    answer = fay.answer()
    page = fay.here.get(answer)
    assert len(page.cookies) == 2
    for cookie in page.cookies:
        assert "; HttpOnly; SameSite=Lax" in cookie
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"


def test_it_works_in_a_browser(both: Both) -> None:
    joined(both, "gus")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(java_script_enabled=False)
        page.goto(both.application.origin)
        page.click("text=Sign in")
        page.fill("[name=login]", "gus@example.org")
        page.fill("[name=password]", GOOD)
        page.locator("main form .actions button").first.click()
        assert page.text_content("h1") == "Hello, gus@example.org"
        page.click("text=Ask for my roles again")
        assert "GUEST" in (page.text_content("main") or "")
        page.click("text=Sign out")
        page.click("main [value=logout]")
        assert page.url.startswith(f"{both.application.origin}/")
        assert page.locator("text=Sign in").is_visible()
        page.click("text=Sign in")
        assert page.url.startswith(f"{both.service.origin}/login/")
        browser.close()


# Attacks


Attack = Callable[[Visitor, Visitor], bool]
"""Tries something on a victim, with what an attacker has; returns whether it succeeded."""


def another_state(victim: Visitor, attacker: Visitor) -> bool:
    victim.here.get(with_(victim.answer(), state="x" * 43))
    return victim.is_signed_in


def another_issuer(victim: Visitor, attacker: Visitor) -> bool:
    victim.here.get(with_(victim.answer(), iss="https://evil.example"))
    return victim.is_signed_in


def answer_to_another_browser(victim: Visitor, attacker: Visitor) -> bool:
    victim.here.get(attacker.answer())
    return victim.is_signed_in


def form_of_another_site(victim: Visitor, attacker: Visitor) -> bool:
    victim.sign_in()
    for origin in ("https://evil.example", "null", ""):
        victim.here.post("/sign-out", {}, Origin=origin)
    return not victim.is_signed_in


ATTACKS: tuple[Attack, ...] = (
    another_state,
    another_issuer,
    answer_to_another_browser,
    form_of_another_site,
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_an_attack_succeeds_on_the_weak_one_alone(worlds: dict[str, Both], attack: Attack) -> None:
    succeeded = {
        name: attack(
            joined(both, f"victim-{name}-{attack.__name__}"),
            joined(both, f"attacker-{name}-{attack.__name__}"),
        )
        for name, both in worlds.items()
    }
    assert succeeded == {"sound": False, "weak": True}


def test_an_answer_counts_once(both: Both) -> None:
    ivy = joined(both, "ivy")
    answer = ivy.answer()
    kept = dict(ivy.here.jar)
    ivy.here.get(answer)
    assert ivy.is_signed_in
    ivy.here.jar = kept
    assert ivy.here.get(answer).status == 400
    assert not ivy.is_signed_in


def test_a_code_counts_once_and_in_its_own_sign_in(both: Both) -> None:
    jan, eve = joined(both, "jan"), joined(both, "eve")
    first = jan.answer()
    spent = parse_qs(urlsplit(first).query)["code"][0]
    jan.here.get(first)
    for attacker in (jan, eve):
        attacker.here.jar.clear()
        assert attacker.here.get(with_(attacker.answer(), code=spent)).status == 400
        assert not attacker.is_signed_in
    fresh_code = parse_qs(urlsplit(jan.answer()).query)["code"][0]
    assert eve.here.get(with_(eve.answer(), code=fresh_code)).status == 400
    assert not eve.is_signed_in


def test_an_error_shows_nothing_of_what_it_brings(both: Both) -> None:
    kim = joined(both, "kim")
    answer = with_(kim.answer(), code="", error="access_denied", error_description="<b>evil</b>")
    page = kim.here.get(answer)
    assert page.status == 400
    assert "evil" not in page.body
    assert "access_denied" not in page.body
    assert not kim.is_signed_in


def test_a_session_gets_a_new_id_at_sign_in(both: Both) -> None:
    lea = joined(both, "lea")
    lea.here.jar["example-session"] = "planted"
    lea.sign_in()
    assert lea.here.jar["example-session"] != "planted"
    other = Visitor(both)
    other.here.jar["example-session"] = "planted"
    assert not other.is_signed_in


def test_no_header_says_where_it_is(both: Both) -> None:
    page = Browser(both.application).get("/sign-in", Host="evil.example")
    assert "evil" not in page.headers["Location"]


@pytest.mark.parametrize("path", ["//evil.example/", "/__proto__", "/signed-in/", "/%2e%2e/app.js"])
def test_nothing_else_is_served(both: Both, path: str) -> None:
    answer = httpx.get(f"{both.application.origin}{path}")
    assert answer.status_code == 404


def test_a_name_is_no_html(both: Both) -> None:
    mia = joined(both, "mia")
    both.service.rows(
        "UPDATE people_person SET name = %s WHERE email = %s",
        "<script>alert(1)</script>",
        "mia@example.org",
        commit=True,
    )
    assert "&lt;script&gt;alert(1)" in mia.sign_in().body


def test_no_secret_is_in_the_log_or_in_what_others_see_of_a_process(both: Both) -> None:
    ned = joined(both, "ned")
    answer = ned.answer()
    ned.here.get(answer)
    ned.here.get(answer)
    code = parse_qs(urlsplit(answer).query)["code"][0]
    shown = Path(f"/proc/{both.application.process.pid}")
    for text in (
        both.application.log,
        (shown / "cmdline").read_text(),
        (shown / "environ").read_text(),
    ):
        assert SECRET not in text
        assert code not in text
        assert "eyJ" not in text


UNSAFE = {
    "an origin in clear": ({"origin": "http://www.example.com"}, "in clear"),
    "an issuer in clear": ({"issuer": "http://accounts.example.com"}, "in clear"),
    "an origin with a path": ({"origin": "https://www.example.com/x"}, "nothing may follow"),
    "no client": ({"client_id": ""}, "client_id: is missing"),
    "a secret that others may read": ({"client_secret": "open"}, "others may use it"),
    "a secret that is not there": ({"client_secret": "gone"}, "ENOENT"),
}


@pytest.mark.parametrize("name", UNSAFE)
def test_settings_that_are_unsafe_are_refused(both: Both, tmp_path: Path, name: str) -> None:
    changed, why = UNSAFE[name]
    (tmp_path / "open").write_text(SECRET)
    (tmp_path / "open").chmod(0o644)
    settings = json.loads((both.application.data / "settings.json").read_text())
    settings["client_secret"] = str(both.application.data / "client-secret")
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(settings | changed))
    done = subprocess.run(
        [*node(), str(both.application.data / "app.js"), str(path)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 2
    assert why in done.stderr
    assert SECRET not in done.stderr
    assert len(done.stderr.splitlines()) == 1
