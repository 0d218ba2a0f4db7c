"""Attacks on the running service; each is seen to succeed on a weakened copy first."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from accounts.engines import EACH, serving_on
from accounts.routes import routes
from accounts.security import weakened
from accounts.service import (
    GOOD,
    Browser,
    Page,
    Service,
    code_in,
    late,
    link_in,
    serving,
    signing_up,
    totp,
    visitors,
    wait_for,
)

OTHER = "seven lanterns drift eastward"
WEAKENED = str(Path(weakened.__file__))
BEHIND = "proxies = 1"

Attack = Callable[[Service], bool]
"""Returns whether it succeeded."""


@pytest.fixture(scope="module", params=EACH)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with serving_on(request.param, tmp_path_factory.mktemp("a"), BEHIND) as running:
        yield running


_numbers = iter(range(1, 60000))
fresh = visitors(0)


def somebody(service: Service, name: str = "victim") -> str:
    """The address of somebody new."""
    email = f"{name}{next(_numbers)}@example.org"
    fresh(service).join(email)
    return email


# The attacks


def fixation(service: Service) -> bool:
    """Give the victim a session before they sign in, and use it afterwards."""
    email = somebody(service)
    victim = fresh(service)
    victim.submit("/login/code/", email=email)  # which begins a session
    planted = dict(victim.jar)
    victim.submit("/login/code/confirm/", code=code_in(service.mails(email)[-1]))
    assert victim.who()
    thief = fresh(service)
    thief.jar = planted
    return thief.who() is not None


def stolen_before_password_change(service: Service) -> bool:
    """Use a stolen cookie after its owner has changed the password."""
    email = somebody(service)
    victim, thief = fresh(service), fresh(service)
    victim.sign_in(email)
    thief.jar = dict(victim.jar)
    assert thief.who()
    owner = fresh(service)
    owner.sign_in(email)
    owner.submit("/password/change/", oldpassword=GOOD, password1=OTHER, password2=OTHER)
    return thief.who() is not None


def forged_host(service: Service) -> bool:
    """Have the mail of a reset lead to another server."""
    email = somebody(service)
    browser = fresh(service)
    page = browser.get("/password/reset/")
    for headers in (
        {"Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example"},
        {"Host": f"localhost:{service.port}@evil.example"},
        {"Forwarded": "host=evil.example"},
    ):
        browser.post("/password/reset/", {**page.form(), "email": email}, **headers)
    return any("evil.example" in mail for mail in service.mails(email))


ELSEWHERE = (
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "https:evil.example",
    "\thttps://evil.example",
    "javascript:alert(1)",
    "https://localhost@evil.example/",
    "http:///evil.example",
    "/\t/evil.example",
)


def led_away(service: Service) -> bool:
    """Have whoever signs in by a link be led to another site."""
    email = somebody(service)
    for place in ELSEWHERE:
        browser = fresh(service)
        page = browser.get("/login/")
        filled = {**page.form("/login/"), "login": email, "password": GOOD, "next": place}
        led = browser.post("/login/", filled).headers.get("Location", "")
        plain = re.sub(r"[\t\r\n]", "", led).replace("\\", "/")  # as browsers read it
        if urlsplit(urljoin(service.origin, plain)).netloc != urlsplit(service.origin).netloc:
            return True
    return False


def link_twice(service: Service) -> bool:
    """Use a mailed link twice, at the same time and after one another."""
    email = somebody(service)
    fresh(service).submit("/sign-in/link/", email=email)
    link = link_in(service.mails(email)[-1])
    browsers = [fresh(service) for _ in range(6)]
    forms = [(browser, browser.get(link).form()) for browser in browsers]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda pair: pair[0].post(link, pair[1]), forms))
    return sum(browser.who() is not None for browser in browsers) > 1


def endless_body(service: Service) -> bool:
    """Send a body of a gigabyte; it succeeds if megabytes of it are taken."""
    taken = 0
    browser = fresh(service)
    browser.get("/login/")
    with socket.create_connection(("127.0.0.1", service.port), 10) as line:
        line.sendall(
            b"POST /login/ HTTP/1.1\r\nHost: localhost:%d\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n"
            b"Cookie: csrf=%s\r\nContent-Length: 1000000000\r\n\r\n"
            % (service.port, browser.jar["csrf"].encode())
        )
        line.settimeout(0.5)
        try:
            while taken < 16 * 1024 * 1024:
                line.sendall(b"x" * 65536)
                taken += 65536
                try:
                    line.setblocking(False)
                    if line.recv(1):
                        break
                except BlockingIOError:
                    pass
                finally:
                    line.settimeout(0.5)
        except OSError:
            pass
    return taken >= 16 * 1024 * 1024


def same_address_at_once(service: Service) -> bool:
    """Sign up with one address, many times at the same time; it is a matter of luck, so often."""
    return any(taken_twice(service) for _ in range(5))


def taken_twice(service: Service) -> bool:
    email = f"twin{next(_numbers)}@example.org"
    browsers = [fresh(service) for _ in range(12)]
    forms = [browser.get("/signup/").form() for browser in browsers]
    filled = [{**form, "email": email, "password1": GOOD} for form in forms]
    with ThreadPoolExecutor(12) as pool:
        pages = list(pool.map(lambda b, f: b.post("/signup/", f), browsers, filled))
    assert {page.status for page in pages} <= {200, 302, 429}
    return len(people(service, email)) != 1


def people(service: Service, email: str) -> list[str]:
    found = service.rows("SELECT id FROM people_person WHERE email = %s", email)
    return [str(row[0]) for row in found]


def at_the_second_factor(service: Service, email: str) -> tuple[Browser, dict[str, str]]:
    browser = fresh(service)
    page = browser.sign_in(email)
    return browser, page.form("/2fa/authenticate/")


def code_twice(service: Service) -> bool:
    """Use one code of an authenticator many times at the same time, in every worker."""
    email = f"code{next(_numbers)}@example.org"
    owner = fresh(service)
    owner.join(email)
    secret, _ = owner.enrol()
    used = totp(secret)
    wait_for(lambda: totp(secret) != used, 40)  # the first one was spent as it was set up
    return same_code(service, email, totp(secret))


def same_code(service: Service, email: str, code: str) -> bool:
    waiting = [at_the_second_factor(service, email) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        pages = list(
            pool.map(
                lambda pair: pair[0].post("/2fa/authenticate/", {**pair[1], "code": code}), waiting
            )
        )
    return sum("/2fa/trust/" in page.headers.get("Location", "") for page in pages) > 1


MARK = "s3cret-marker-otter-paddles"


def secrets_in_log(service: Service) -> bool:
    """Look for passwords, codes and tokens in what the service says."""
    email = f"logged{next(_numbers)}@example.org"
    browser = fresh(service)
    browser.join(email, MARK)
    fresh(service).sign_in(email, MARK + "!")
    fresh(service).submit("/sign-in/link/", email=email)
    link = link_in(service.mails(email)[-1])
    fresh(service).get(link)
    fresh(service).get(f"/login/?password={MARK}")
    tokens = [MARK, link.rstrip("/").rpartition("/")[2], *browser.jar.values()]
    tokens += [code_in(mail) for mail in service.mails(email)[:1]]
    said = service.log
    return any(token in said for token in tokens)


ATTACKS: dict[str, tuple[Attack, str]] = {
    "fixation": (fixation, "fixed_sessions"),
    "stolen cookie": (stolen_before_password_change, "lasting_sessions"),
    "forged host": (forged_host, "any_host"),
    "led away": (led_away, "open_redirect"),
    "link twice": (link_twice, "reusable_links"),
    "endless body": (endless_body, "unbounded"),
    "same address": (same_address_at_once, "no_handles"),
    "secrets in the log": (secrets_in_log, "chatty_log"),
    "code twice": (code_twice, "forgetful_cache"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_it_is_repelled(service: Service, name: str) -> None:
    attack, _ = ATTACKS[name]
    assert not attack(service)


@pytest.mark.parametrize("name", ATTACKS)
def test_it_succeeds_on_a_weakened_copy(tmp_path: Path, name: str) -> None:
    attack, weakness = ATTACKS[name]
    with serving(tmp_path, BEHIND, program=(WEAKENED, weakness)) as weak:
        assert attack(weak)


# Enumeration


def timed(service: Service, login: str, form: dict[str, str], browser: Browser) -> float:
    began = time.perf_counter()
    browser.post("/login/", {**form, "login": login, "password": "surely not this password"})
    return time.perf_counter() - began


def times(service: Service, runs: int) -> tuple[list[float], list[float]]:
    """Of wrong passwords for somebody known and somebody unknown, in turn."""
    known, unknown = somebody(service), "nobody@example.org"
    found: tuple[list[float], list[float]] = ([], [])
    for number in range(runs):
        pairs = [(0, known), (1, unknown)]
        for column, login in pairs if number % 2 else reversed(pairs):
            browser = fresh(service)
            form = browser.get("/login/").form("/login/")
            found[column].append(timed(service, login, form, browser))
    return found


def p_value(one: list[float], other: list[float]) -> float:
    """Of the Mann-Whitney U test, two-sided, by the normal approximation."""
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranks = sum(place + 1 for place, (_, sample) in enumerate(ranked) if sample == 0)
    n, m = len(one), len(other)
    u = ranks - n * (n + 1) / 2
    spread = (n * m * (n + m + 1) / 12) ** 0.5
    z = abs(u - n * m / 2) / spread
    return 2 * (1 - statistics.NormalDist().cdf(z))


def indistinguishable(service: Service, runs: int) -> bool:
    """Whether a sample shows no difference; one in a hundred does by chance: a second decides."""
    return any(p_value(*times(service, runs)) > 0.01 for _ in range(2))


def test_the_time_of_a_sign_in_tells_nobody_who_is_known(service: Service) -> None:
    assert indistinguishable(service, 150)


@pytest.mark.every
def test_nor_does_it_in_five_hundred_of_each(service: Service) -> None:
    assert indistinguishable(service, 500)


def test_a_naive_sign_in_is_caught_by_its_time(tmp_path: Path) -> None:
    with serving(tmp_path, BEHIND, program=(WEAKENED, "naive_sign_in")) as weak:
        assert not indistinguishable(weak, 40)


def without_tokens(page: Page, *names: str) -> str:
    text = re.sub(r'value="[^"]{20,}"', "", page.body)
    for name in names:
        text = text.replace(name, "NAME")
    return text


STORIES = {
    "sign in": ("/login/", "/login/", "login", {"password": "surely not this password"}),
    "reset": ("/password/reset/", "", "email", {}),
    "code": ("/login/code/", "", "email", {}),
    "link": ("/sign-in/link/", "", "email", {}),
}


@pytest.mark.parametrize("story", STORIES)
def test_the_page_and_the_number_of_mails_tell_nobody(service: Service, story: str) -> None:
    path, action, field, rest = STORIES[story]
    known, unknown = somebody(service), f"nobody{next(_numbers)}@example.org"
    before = len(service.mails(known))
    pages = [
        fresh(service).submit(path, action, **{field: login}, **rest) for login in (known, unknown)
    ]
    assert without_tokens(pages[0], known) == without_tokens(pages[1], unknown)
    assert len(service.mails(known)) - before == len(service.mails(unknown))


def test_signing_up_tells_nobody_who_is_there_already(service: Service) -> None:
    known, unknown = somebody(service), f"newcomer{next(_numbers)}@example.org"
    time.sleep(10.5)  # allauth sends one mail to an address in ten seconds
    before = len(service.mails(known))
    pages = [fresh(service).sign_up(known), fresh(service).sign_up(unknown)]
    assert without_tokens(pages[0], known) == without_tokens(pages[1], unknown)
    assert len(service.mails(known)) - before == len(service.mails(unknown)) == 1


# Forms of other sites


def addresses() -> list[str]:
    """Every route of the service, with something in place of its parameters."""
    from holdfast.accounts.urls import urlpatterns

    filled = []
    for route in routes(list(urlpatterns)):
        path = re.sub(r"<(int):[^>]+>", "1", route)
        path = re.sub(r"<[^>]+>", "x", path)
        path = re.sub(r"\(\?P[^)]*\)", "x-1", path)
        filled.append("/" + path.replace("^", "").replace("$", "").replace("\\Z", ""))
    return filled


NO_FORMS = {
    *("/healthz", "/readyz", "/metrics"),
    *("/openid/token", "/openid/revoke", "/openid/introspect"),  # programs ask there, with a
    *("/openid/userinfo", "/openid/device-code"),  # secret, a code or a token
    *("/openid/authorize", "/openid/logout"),  # lead to forms of our own, which have a token
}


def taken_from_elsewhere(service: Service) -> list[str]:
    browser = fresh(service)
    browser.join(f"csrf{next(_numbers)}@example.org")
    return [
        path
        for path in addresses()
        if path not in NO_FORMS
        and browser.post(path, {"email": "x"}, Origin="https://evil.example").status
        not in (401, 403, 404, 405)
    ]


def test_no_form_of_another_site_is_taken(service: Service) -> None:
    assert len(addresses()) > 30
    assert taken_from_elsewhere(service) == []


def test_without_the_token_each_would_be(tmp_path: Path) -> None:
    with serving(tmp_path, BEHIND, program=(WEAKENED, "no_csrf")) as weak:
        assert len(taken_from_elsewhere(weak)) > 10


def test_looking_changes_nothing(service: Service) -> None:
    email = f"looker{next(_numbers)}@example.org"
    browser = fresh(service)
    browser.join(email)
    before = contents(service)
    for path in addresses():
        page = browser.get(path)
        assert page.status < 500, path
    assert contents(service) == before
    assert browser.who()


def contents(service: Service) -> dict[str, list[tuple[object, ...]]]:
    """Every table that says something about people."""
    kept = ("people_person", "people_handle", "account_emailaddress", "mfa_authenticator")
    return {
        table: sorted(service.rows(f"SELECT * FROM {table}"), key=repr)  # noqa: S608
        for table in kept
    }


def test_every_answer_says_what_a_browser_may_load(service: Service) -> None:
    browser = fresh(service)
    for path in (*addresses(), "/no/such/page"):
        headers = browser.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy, path
        scripts = policy.partition("script-src")[2].partition(";")[0]
        assert "'unsafe-inline'" not in scripts, path
        assert path.startswith("/console/") or "'unsafe" not in policy, path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["X-Frame-Options"] == "DENY", path


def test_a_new_route_without_protection_would_be_found() -> None:
    from django.http import HttpResponse
    from django.urls import path
    from django.views.decorators.csrf import csrf_exempt

    extra = path("new/", csrf_exempt(lambda request: HttpResponse("")), name="new")
    assert list(routes([extra])) == ["new/"]


# What a session that was stolen is good for

HARMLESS = {
    *("/", "/account/", "/account/session/", "/language/", "/colours.css", "/outbox/"),
    *("/healthz", "/readyz", "/metrics", "/logout/", "/inactive/", "/sessions/"),
    *(
        "/account/sessions/1/end/",
        "/reauthenticate/",
        "/reauthenticate/code/",
        "/2fa/reauthenticate/",
        "/2fa/trust/",
    ),
    *("/2fa/webauthn/reauthenticate/", "/2fa/", "/2fa/webauthn/", "/password/set/"),
    *("/password/reset/", "/password/reset/done/", "/password/reset/key/done/"),
    *("/sign-in/link/", "/login/", "/login/code/", "/login/code/confirm/", "/signup/"),
    *("/confirm-email/", "/2fa/authenticate/", "/2fa/webauthn/login/"),
    *("/api/docs", "/api/openapi.json", "/console/login/"),
    *("/.well-known/openid-configuration", "/.well-known/jwks.json"),
    "/.well-known/oauth-authorization-server",
    *("/openid/authorize", "/openid/logout"),  # to applications that one is signed in to anyway
    *("/openid/token", "/openid/revoke", "/openid/introspect", "/openid/device-code"),  # ask for
    "/openid/userinfo",  # an application's secret or a token, not for a session
    "/openid/consent",  # signs in to what ends with the session; to more only after a step-up
    *("/account/applications/", "/account/applications/x/leave/"),  # signs out at most
    *("/3rdparty/", "/3rdparty/signup/", "/3rdparty/login/error/", "/3rdparty/login/cancelled/"),
    *("/social/connections/", "/social/signup/", "/social/login/error/"),
    "/social/login/cancelled/",  # all of these link nothing; what does is tried in `connections`
    "/email/",  # its buttons are pressed below
    "/password/change/",  # asks for the old one
}
"""Routes that show nothing secret and change nothing that an attacker wants, for who is signed in;
and those that lead away as one is signed in already. A new one is added here only if that holds."""
NEEDS_A_TOKEN = re.compile(
    r"/(first|invitation|break-glass|sign-in/link|support/stop|password/reset/key)/.+/"
)


def open_to_a_stolen_session(service: Service) -> list[str]:
    """What a stolen session of somebody with password and second factor is good for."""
    email = f"stolen{next(_numbers)}@example.org"
    owner = fresh(service)
    owner.join(email)
    _, codes = owner.enrol()
    thief, form = at_the_second_factor(service, email)
    thief.post("/2fa/authenticate/", {**form, "code": codes[0]})
    assert thief.get("/2fa/trust/").status == 200
    thief.follow(thief.post("/2fa/trust/", {**thief.get("/2fa/trust/").form(), "action": "none"}))
    return dangers(thief, email)


def open_without_password(service: Service) -> list[str]:
    """What it is good for where there is neither password nor factor."""
    email = somebody(service, "codes")
    service.without_password(email)
    thief = fresh(service)
    thief.by_mailed_code(email)
    late(service)
    return dangers(thief, email)


def dangers(thief: Browser, email: str) -> list[str]:
    """What whoever is signed in may do without having shown once more who they are."""
    assert thief.who()
    token = {"csrfmiddlewaretoken": thief.token()}
    found = []
    for path in addresses():
        if path in HARMLESS or NEEDS_A_TOKEN.fullmatch(path):
            continue
        for page in (thief.get(path), thief.post(path, token)):
            confirms = "/reauthenticate/" in page.headers.get("Location", "")
            if not confirms and page.status not in (401, 404, 405):
                found.append(path)
    for button in ("action_add", "action_remove", "action_primary"):
        asked = {**token, "email": email if button != "action_add" else "e@evil.example"}
        page = thief.post("/email/", {**asked, button: ""})
        if "/reauthenticate/" not in page.headers.get("Location", ""):
            found.append(f"/email/ {button}")
    return sorted(set(found))


STOLEN: dict[Callable[[Service], list[str]], set[str]] = {
    open_to_a_stolen_session: {"/2fa/totp/deactivate/"},
    open_without_password: {"/2fa/totp/activate/", "/email/ action_add"},
}
"""What each would be good for without a step-up, beside what it is for everybody."""


@pytest.mark.parametrize("stolen", STOLEN)
def test_a_stolen_session_can_do_nothing_dangerous(
    service: Service, stolen: Callable[[Service], list[str]]
) -> None:
    assert stolen(service) == []


@pytest.mark.parametrize("stolen", STOLEN)
def test_without_step_up_it_could(tmp_path: Path, stolen: Callable[[Service], list[str]]) -> None:
    with serving(tmp_path, BEHIND, program=(WEAKENED, "no_step_up")) as weak:
        found = stolen(weak)
    assert {"/account/data/", "/account/delete/"} | STOLEN[stolen] <= set(found)


# Hostile words

HOSTILE = "<img src=x onerror=alert(1)>\"'&{{7*7}}"


def test_what_somebody_is_called_is_shown_and_never_run(service: Service) -> None:
    browser = fresh(service)
    page = browser.join(f"x{next(_numbers)}@example.org", name=HOSTILE)
    assert "<img src=x" not in page.body
    assert "&lt;img src=x onerror=alert(1)&gt;" in page.body
    assert "49" not in page.body.partition("<h1>")[2].partition("</h1>")[0]
    other = fresh(service)
    other.send("GET", "/login/", None, {})
    seen = Browser(service, "10.9.9.9")
    page = seen.get("/login/", **{"User-Agent": "<script>alert(2)</script>"})
    email = f"agent{next(_numbers)}@example.org"
    fresh(service).join(email)
    form = {**page.form("/login/"), "login": email, "password": GOOD}
    seen.post("/login/", form, **{"User-Agent": "<script>alert(2)</script>"})
    assert "<script>alert(2)" not in seen.get("/sessions/").body


@pytest.mark.parametrize(
    "text", ["\0", "x\r\nBcc: evil@example.org", "\ud800", "\u202e", "é" * 999]
)
@pytest.mark.parametrize("path", ["/login/", "/signup/", "/password/reset/", "/sign-in/link/"])
def test_strange_text_breaks_nothing_and_sends_nothing_elsewhere(
    service: Service, path: str, text: str
) -> None:
    browser = fresh(service)
    form = browser.get(path).form(path if path == "/login/" else "")
    filled = {name: "x" + text.encode("utf-8", "replace").decode() for name in form}
    filled["csrfmiddlewaretoken"] = form["csrfmiddlewaretoken"]
    page = browser.post(path, filled)
    assert page.status in (200, 302, 400)
    assert service.mails("evil@example.org") == []


def test_bytes_that_are_no_text_break_nothing(service: Service) -> None:
    browser = fresh(service)
    form = browser.get("/login/").form("/login/")
    body = f"csrfmiddlewaretoken={form['csrfmiddlewaretoken']}&login=%ff%fe&password=%80".encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Origin": service.origin}
    assert browser.send("POST", "/login/", body, kind).status == 200


def test_a_password_of_ten_thousand_characters_is_refused_quickly(service: Service) -> None:
    page = fresh(service).sign_up(f"long{next(_numbers)}@example.org", "x1 y2 " * 1700)
    assert 'role="alert"' in page.body
    began = time.monotonic()
    fresh(service).sign_in("nobody@example.org", "x" * 10_000)
    assert time.monotonic() - began < 5


def test_ten_thousand_fields_are_refused(service: Service) -> None:
    browser = fresh(service)
    browser.get("/login/")
    page = browser.post("/login/", {f"f{n}": "1" for n in range(3000)})
    assert page.status in (400, 403)


def test_log_lines_cannot_be_forged(service: Service) -> None:
    browser = fresh(service)
    browser.get('/login/?x=%0a{"level":"FORGED"}', **{"User-Agent": 'x"}{"level":"FORGED'})
    browser.sign_in('x\n{"level": "FORGED"}')
    assert all(line["level"] != "FORGED" for line in service.lines)
    text = service.log
    first = text.index("{")
    assert all(json.loads(line) for line in text[first:].splitlines() if line.strip())


# Names that look alike

ALIKE = [
    ("ada.lovelace", "ADA.Lovelace"),
    ("ada.lovelace", "аda.lovelace"),  # a Cyrillic letter
    ("ada.lovelace", "ａda.lovelace"),  # a fullwidth letter
    ("ada.lovelace", "ada.lovelace "),
    ("istanbul", "İstanbul"),
]


@pytest.mark.parametrize(("name", "alike"), ALIKE)
def test_a_name_that_passes_for_another_is_refused(service: Service, name: str, alike: str) -> None:
    owner = f"{name}@owners.example"
    if not service.mails(owner):
        fresh(service).join(owner, username=name)
    email = f"alike{next(_numbers)}@example.org"
    page = fresh(service).sign_up(email, username=alike)
    assert 'role="alert"' in page.body
    assert people(service, email) == []


def test_nobodys_name_is_anothers_address(service: Service) -> None:
    victim = somebody(service)
    page = fresh(service).sign_up(f"x{next(_numbers)}@example.org", username=victim)
    assert 'role="alert"' in page.body


def test_one_address_is_one_person_however_it_is_written(service: Service) -> None:
    assert "confirm-email" in fresh(service).sign_up("umlaut@bücher.example").url
    assert people(service, "umlaut@xn--bcher-kva.example")
    email = f"case{next(_numbers)}@example.org"
    assert "confirm-email" in fresh(service).sign_up(email.upper()).url
    assert len(people(service, email)) == 1
    assert 'role="alert"' in fresh(service).sign_up("ａlice@example.org").body


# What an address is good for before it is shown to be one's own


def test_who_has_not_shown_their_address_is_not_signed_in(service: Service) -> None:
    email = f"unproven{next(_numbers)}@example.org"
    fresh(service).sign_up(email)
    browser = fresh(service)
    browser.sign_in(email)
    assert browser.who() is None


def test_an_account_made_in_advance_is_its_owners_after_a_reset(service: Service) -> None:
    email = f"prehijack{next(_numbers)}@example.org"
    attacker = fresh(service)
    attacker.sign_up(email, "attackers otter paddles north")
    victim = fresh(service)
    victim.submit("/password/reset/", email=email)
    page = victim.follow(victim.get(link_in(service.mails(email)[-1])))
    victim.submit(page.url, password1=OTHER, password2=OTHER)
    again = fresh(service)
    again.sign_in(email, "attackers otter paddles north")
    assert again.who() is None
    assert attacker.who() is None


def test_a_typed_in_address_is_not_taken_from_its_owner(service: Service) -> None:
    email = f"wanted{next(_numbers)}@example.org"
    squatter = fresh(service)
    squatter.join(f"squatter{next(_numbers)}@example.org")
    squatter.confirm()
    form = squatter.get("/email/").form()
    squatter.post("/email/", {**form, "email": email, "action_add": ""})
    time.sleep(10.5)  # allauth sends one mail to an address in ten seconds
    owner = fresh(service)
    owner.join(email)
    assert owner.who()


def test_a_recovery_code_used_at_once_by_many_lets_one_in(service: Service) -> None:
    email = f"recovery{next(_numbers)}@example.org"
    owner = fresh(service)
    owner.join(email)
    _, codes = owner.enrol()
    assert not same_code(service, email, codes[0])


def test_guessing_a_mailed_code_ends_soon(service: Service) -> None:
    email = f"guessed{next(_numbers)}@example.org"
    browser = fresh(service)
    browser.sign_up(email)
    right = code_in(service.mails(email)[-1])
    for _ in range(5):
        page = browser.get("/confirm-email/")
        if page.status != 200:
            break
        browser.post("/confirm-email/", {**page.form(), "code": "AAAA-AAAA"})
    page = browser.get("/confirm-email/")
    if page.status == 200:
        browser.post("/confirm-email/", {**page.form(), "code": right})
    assert browser.who() is None


# Who may see what


def test_numbers_are_for_this_machine_alone(service: Service) -> None:
    assert Browser(service).get("/metrics").status == 200
    assert Browser(service, "10.1.1.1").get("/metrics").status == 404


def test_only_administrators_invite(service: Service) -> None:
    browser = fresh(service)
    browser.join(f"ordinary{next(_numbers)}@example.org")
    browser.confirm()
    assert browser.get("/invite/").status == 403


def test_a_worker_that_is_killed_loses_nothing_that_was_answered(service: Service) -> None:
    with signing_up(lambda: fresh(service), _numbers) as acknowledged:
        for _ in range(3):
            least = len(acknowledged) + 3
            wait_for(lambda least=least: len(acknowledged) >= least, 30)  # type: ignore[misc]
            os.kill(service.workers()[0], signal.SIGKILL)
        count = len(acknowledged)
        wait_for(lambda: len(acknowledged) > count + 2, 30)
    assert acknowledged
    assert [len(people(service, email)) for email in acknowledged] == [1] * len(acknowledged)
    assert_nobody_is_half_there(service)


def assert_nobody_is_half_there(service: Service) -> None:
    half = service.rows(
        "SELECT email FROM people_person p WHERE NOT EXISTS (SELECT 1 FROM people_handle h "
        "WHERE h.person_id = p.id AND h.name = p.email) OR (SELECT count(*) FROM "
        'account_emailaddress a WHERE a.user_id = p.id AND a."primary") <> 1'
    )
    assert half == []
