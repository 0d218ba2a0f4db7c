"""Every story of a person, against the running service, without a line of JavaScript."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.engines import EACH, serving_on
from accounts.service import GOOD, Browser, Service, code_in, link_in, serving, visitors, wait_for

OTHER = "seven lanterns drift eastward"
fresh = visitors(7)


@pytest.fixture(scope="module", params=EACH)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with serving_on(request.param, tmp_path_factory.mktemp("a"), "proxies = 1") as running:
        yield running


@pytest.fixture
def browser(service: Service) -> Browser:
    return fresh(service)


def test_the_first_administrator_comes_by_the_link_in_the_terminal(service: Service) -> None:
    first = fresh(service)
    link = service.first_link()
    page = first.submit(link, name="Ada", email="ada@example.org", password=GOOD)
    assert "<h1>Ada</h1>" in page.body
    assert "you are an administrator" in page.body
    assert fresh(service).get(link).status == 410


def test_somebody_signs_up_with_a_mailed_code(browser: Browser) -> None:
    page = browser.join("bea@example.org", name="Bea", username="Bea")
    assert "<h1>Bea</h1>" in page.body
    assert browser.who()


def test_a_wrong_code_lets_nobody_in(browser: Browser) -> None:
    browser.sign_up("wrong@example.org")
    page = browser.submit("/confirm-email/", code="AAAA-AAAA")
    assert "confirm-email" in page.url
    assert browser.who() is None


@pytest.mark.parametrize("login", ["cy@example.org", "CY@Example.org", "cyrus", "Cyrus"])
def test_somebody_signs_in_by_address_or_name(service: Service, login: str) -> None:
    if not service.mails("cy@example.org"):
        fresh(service).join("cy@example.org", username="cyrus")
    browser = fresh(service)
    browser.sign_in(login)
    assert browser.who()


def test_a_wrong_password_shows_what_is_wrong(browser: Browser) -> None:
    page = browser.sign_in("cy@example.org", "not the password at all")
    assert 'role="alert"' in page.body
    assert browser.who() is None


def test_somebody_signs_in_with_a_mailed_code(service: Service) -> None:
    fresh(service).join("dee@example.org")
    browser = fresh(service)
    browser.submit("/login/code/", email="dee@example.org")
    browser.submit("/login/code/confirm/", code=code_in(service.mails("dee@example.org")[-1]))
    assert browser.who()


def test_somebody_signs_in_with_a_mailed_link_once(service: Service) -> None:
    fresh(service).join("eve@example.org")
    fresh(service).submit("/sign-in/link/", email="eve@example.org")
    link = link_in(service.mails("eve@example.org")[-1])
    browser = fresh(service)
    assert "eve@example.org" in browser.get(link).body
    assert browser.who() is None  # looking is not using
    browser.submit(link)
    assert browser.who()
    assert fresh(service).get(link).status == 410


def test_a_forgotten_password_is_set_anew_and_ends_every_session(service: Service) -> None:
    old = fresh(service)
    old.join("fay@example.org")
    browser = fresh(service)
    browser.submit("/password/reset/", email="fay@example.org")
    link = link_in(service.mails("fay@example.org")[-1])
    page = browser.follow(browser.get(link))
    browser.submit(page.url, password1=OTHER, password2=OTHER)
    assert old.who() is None
    browser.sign_in("fay@example.org")
    assert browser.who() is None
    browser.sign_in("fay@example.org", OTHER)
    assert browser.who()
    assert fresh(service).follow(fresh(service).get(link)).body.count("password1") == 0


def test_a_changed_password_ends_the_other_sessions_only(service: Service) -> None:
    one, other = fresh(service), fresh(service)
    one.join("gus@example.org")
    other.sign_in("gus@example.org")
    one.submit("/password/change/", oldpassword=GOOD, password1=OTHER, password2=OTHER)
    assert one.who()
    assert other.who() is None


def test_an_address_is_added_shown_to_be_ones_own_made_primary_and_removed(
    service: Service,
) -> None:
    browser = fresh(service)
    browser.join("hal@example.org")
    browser.confirm()
    page = browser.get("/email/")
    token = {"csrfmiddlewaretoken": page.form()["csrfmiddlewaretoken"]}
    browser.post("/email/", {**token, "email": "hal2@example.org", "action_add": ""})
    browser.submit("/confirm-email/", code=code_in(service.mails("hal2@example.org")[-1]))
    browser.post("/email/", {**token, "email": "hal2@example.org", "action_primary": ""})
    browser.post("/email/", {**token, "email": "hal@example.org", "action_remove": ""})
    page = browser.get("/account/")
    assert "hal2@example.org" in page.body
    newcomer = fresh(service)
    newcomer.sign_in("hal2@example.org")
    assert newcomer.who()
    newcomer = fresh(service)
    newcomer.sign_in("hal@example.org")
    assert newcomer.who() is None


def enrolled(service: Service, email: str) -> tuple[Browser, str, list[str]]:
    """Somebody with a second factor: their browser, its secret, their recovery codes."""
    browser = fresh(service)
    browser.join(email)
    return browser, *browser.enrol()


def test_a_second_factor_is_set_up_asked_for_and_each_code_works_once(service: Service) -> None:
    _, _, codes = enrolled(service, "ivy@example.org")
    assert len(codes) == 10
    browser = fresh(service)
    page = browser.sign_in("ivy@example.org")
    assert "2fa/authenticate" in page.url
    assert browser.who() is None
    assert browser.submit("/2fa/authenticate/", "/2fa/authenticate/", code="000000")
    assert browser.who() is None
    page = browser.submit("/2fa/authenticate/", "/2fa/authenticate/", code=codes[0])
    assert "2fa/trust" in page.url
    browser.follow(browser.post(page.url, {**page.form(), "action": "trust"}))
    assert browser.who()
    browser.follow(browser.post("/logout/", browser.get("/logout/").form()))
    assert browser.who() is None
    browser.sign_in("ivy@example.org")
    assert browser.who()  # the device is remembered
    again = fresh(service)
    again.sign_in("ivy@example.org")
    again.submit("/2fa/authenticate/", "/2fa/authenticate/", code=codes[0])
    assert again.who() is None


def test_a_short_password_is_fine_beside_a_second_factor_that_then_must_stay(
    service: Service,
) -> None:
    browser, _, _ = enrolled(service, "jay@example.org")
    short = "kx7+lant"
    browser.submit("/password/change/", oldpassword=GOOD, password1=short, password2=short)
    page = browser.follow(browser.get("/2fa/totp/deactivate/"))
    if "reauthenticate" in page.url:
        browser.submit(page.url, "reauthenticate/", password=short)
        page = browser.get("/2fa/totp/deactivate/")
    page = browser.follow(browser.post("/2fa/totp/deactivate/", page.form()))
    assert "deactivate" in browser.get("/2fa/").body


def test_a_session_of_another_browser_is_ended_from_the_list(service: Service) -> None:
    one, other = fresh(service), fresh(service)
    one.join("kim@example.org")
    other.sign_in("kim@example.org")
    page = one.get("/sessions/")
    ends = re.findall(r'action="(/account/sessions/\d+/end/)"', page.body)
    assert len(ends) == 1
    one.post(ends[0], page.form(ends[0]))
    assert other.who() is None
    assert one.who()


def test_somebody_takes_their_data_and_leaves(service: Service) -> None:
    browser = fresh(service)
    browser.join("lea@example.org", name="Lea")
    assert "reauthenticate" in browser.follow(browser.get("/account/data/")).url
    browser.confirm()
    data = json.loads(browser.submit("/account/data/").body)
    assert (data["name"], data["addresses"][0]["email"]) == ("Lea", "lea@example.org")
    assert "argon2" not in json.dumps(data)
    browser.submit("/account/delete/")
    assert browser.who() is None
    newcomer = fresh(service)
    newcomer.sign_in("lea@example.org")
    assert newcomer.who() is None
    assert "deleted" in service.mails("lea@example.org")[-1]


def test_the_pages_speak_german(browser: Browser) -> None:
    page = browser.get("/login/", **{"Accept-Language": "de"})
    assert '<html lang="de">' in page.body
    assert "Mit einem Passkey anmelden" in page.body
    page = browser.get("/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.body)
    assert token is not None
    browser.post("/language/", {"csrfmiddlewaretoken": token[1], "language": "de"})
    assert "E-Mail oder Benutzername" in browser.get("/login/").body


def test_glass_is_broken_from_the_servers_shell_and_everybody_hears_of_it(
    service: Service,
) -> None:
    config = str(service.data.parent / "accounts.toml")
    argv = [sys.executable, "-m", "holdfast.cli.main", "people", "break-glass", "ada@example.org"]
    argv += ["--config", config, "--data", str(service.data)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    link = done.stdout.strip().replace("http://localhost:8400", service.origin)
    browser = fresh(service)
    browser.submit(link, password=OTHER)
    assert "has a new password" in service.mails("ada@example.org")[-1].replace("=\n", "")
    browser.sign_in("ada@example.org", OTHER)
    assert browser.who()
    assert fresh(service).get(link).status == 410


def test_nobody_else_has_a_way_of_last_resort(service: Service) -> None:
    config = str(service.data.parent / "accounts.toml")
    argv = [sys.executable, "-m", "holdfast.cli.main", "people", "break-glass", "bea@example.org"]
    argv += ["--config", config, "--data", str(service.data)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")


def test_only_who_is_invited_signs_up_where_that_is_wanted(tmp_path: Path) -> None:
    with serving(tmp_path, 'sign_up = { mode = "invite" }') as service:
        admin = Browser(service)
        admin.submit(service.first_link(), name="", email="ada@example.org", password=GOOD)
        assert 'name="password1"' not in Browser(service).get("/signup/").body
        admin.confirm()
        admin.submit("/invite/", email="max@example.org")
        link = link_in(service.mails("max@example.org")[-1])
        guest = Browser(service)
        guest.submit(link)
        guest.join("max@example.org")
        assert guest.who()
        assert Browser(service).get(link).status == 410


def test_nobody_signs_up_where_it_is_closed_and_a_link_verifies_where_that_is_wanted(
    tmp_path: Path,
) -> None:
    with serving(tmp_path / "closed", 'sign_up = { mode = "closed" }') as service:
        assert 'name="password1"' not in Browser(service).get("/signup/").body
    with serving(tmp_path / "link", 'sign_up = { verify = "link" }') as service:
        browser = Browser(service)
        browser.sign_up("ned@example.org")
        assert browser.who() is None
        link = link_in(service.mails("ned@example.org")[-1])
        browser.submit(link)
        browser.sign_in("ned@example.org")
        assert browser.who()


def test_a_sign_in_ends_when_it_is_idle_or_old_unless_it_is_remembered(tmp_path: Path) -> None:
    limits = '[sessions]\nidle = "PT3S"\nlifetime = "PT6S"\n'
    with serving(tmp_path, limits) as service:
        first = Browser(service)
        first.join("oda@example.org")
        idle, busy, kept = Browser(service), Browser(service), Browser(service)
        idle.sign_in("oda@example.org")
        busy.sign_in("oda@example.org")
        page = kept.sign_in("oda@example.org", remember="on")
        assert page.status == 200
        for _ in range(5):
            assert busy.who()
            time.sleep(0.8)  # less than what counts as idle
        assert idle.who() is None
        wait_for(lambda: busy.who() is None, 10)  # it was never idle, and is old
        assert kept.who()


def test_a_cookie_of_an_ordinary_sign_in_ends_with_the_browser(service: Service) -> None:
    fresh(service).join("pia@example.org")

    def cookie(**fields: str) -> str:
        browser = fresh(service)
        form = browser.get("/login/").form("/login/")
        filled = {**form, "login": "pia@example.org", "password": GOOD, **fields}
        page = browser.post("/login/", filled)
        return next(one for one in page.cookies if one.strip().startswith("session="))

    assert "max-age" not in cookie().lower()
    assert "max-age=2592000" in cookie(remember="on").lower()
