"""Apache with Debian's mod_auth_openidc protects a static site by the example's file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import argon2
import httpx
import pytest

from accounts.service import GOOD, Page, Service
from examples.apache_running import (
    ACCOUNTS,
    EXAMPLE,
    SECRET,
    SITE,
    Visitor,
    certified,
    configure,
    install,
    serving_accounts,
)
from holdfast.lab import Host, Lab
from throwaway import SERVERS, UNTOUCHED

MEMBERS, OFTEN = f"https://{SITE}/members/", f"https://{SITE}/members/often/"
PEOPLE = ("ann", "bob", "cat", "dan", "eva", "fay", "gus", "hal")


@dataclass(frozen=True)
class World:
    """A server with the site, the service behind it, and how browsers are made."""

    host: Host
    service: Service
    certificate: str


@pytest.fixture(
    scope="module", params=["bookworm", pytest.param("trixie", marks=pytest.mark.every)]
)
def world(
    request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("apache")
    host = lab.host(SERVERS[request.param].name)
    host.reset(UNTOUCHED)
    certificate, key = certified(SITE, ACCOUNTS)
    hashed = "argon2id$" + argon2.PasswordHasher(1, 7168, 1).hash(GOOD)
    people = "".join(
        json.dumps({"email": f"{name}@example.org", "password_hash": hashed}) + "\n"
        for name in PEOPLE
    )
    address = lab.controllers[0]
    with serving_accounts(folder, address, people) as service:
        install(host, EXAMPLE.read_text(), f"{address}:{service.port}", (certificate, key))
        yield World(host, service, certificate)


@pytest.fixture
def visitor(world: World) -> Iterator[Callable[[], Visitor]]:
    made: list[Visitor] = []

    def make() -> Visitor:
        made.append(Visitor(world.host, world.certificate))
        return made[-1]

    yield make
    for one in made:
        one.close()


def sign_in(browser: Visitor, name: str, url: str = MEMBERS) -> Page:
    page = browser.get(url)
    assert page.url.startswith(f"https://{ACCOUNTS}/login/"), page.body
    return browser.submit(page, login=f"{name}@example.org", password=GOOD)


def make_member(world: World, name: str, *roles: str) -> None:
    """Give somebody the role, or others, who has signed in to the site before."""
    world.service.rows(
        "UPDATE applications_registration SET roles = %s WHERE person_id ="
        " (SELECT id FROM people_person WHERE email = %s)",
        json.dumps(roles or ["MEMBER"]),
        f"{name}@example.org",
        commit=True,
    )


def member(world: World, visitor: Callable[[], Visitor], name: str) -> Visitor:
    sign_in(visitor(), name)
    make_member(world, name)
    browser = visitor()
    assert sign_in(browser, name).body == "for members"
    return browser


def test_what_is_for_everybody_is_shown_to_everybody(visitor: Callable[[], Visitor]) -> None:
    assert visitor().get(f"https://{SITE}/").body == "for everybody"


def test_who_is_not_signed_in_is_led_to_the_service_by_code_and_pkce(
    visitor: Callable[[], Visitor],
) -> None:
    page = visitor().send("GET", MEMBERS)
    leads = page.headers["Location"]
    assert leads.startswith(f"https://{ACCOUNTS}/openid/authorize?")
    for part in ("response_type=code", "code_challenge_method=S256", "state=", "nonce="):
        assert part in leads
    assert "for members" not in page.body


def test_a_member_sees_the_page_and_nobody_else_does(
    world: World, visitor: Callable[[], Visitor]
) -> None:
    assert sign_in(visitor(), "ann").status == 403
    make_member(world, "ann")
    browser = visitor()
    page = sign_in(browser, "ann")
    assert (page.url, page.body) == (MEMBERS, "for members")
    assert page.headers["Cache-Control"] == "no-store"


def test_cookies_are_sent_over_tls_alone_and_hidden_from_scripts(
    world: World, visitor: Callable[[], Visitor]
) -> None:
    browser = visitor()
    begun = browser.send("GET", MEMBERS)
    sign_in(browser, "bob")
    names = dict(browser.clients[SITE].cookies)
    assert any(name.startswith("__Host-openid") for name in names)
    for cookie in begun.cookies:
        assert "secure" in cookie.lower()
        assert "httponly" in cookie.lower()
        assert "samesite=lax" in cookie.lower()


def sign_out(browser: Visitor) -> Page:
    page = browser.get(f"https://{SITE}/openid/signed-in?logout=https%3A%2F%2F{SITE}%2F")
    assert page.url.startswith(f"https://{ACCOUNTS}/openid/logout")
    return browser.submit(page, action="logout")


def test_signing_out_ends_it_here_and_there(world: World, visitor: Callable[[], Visitor]) -> None:
    browser = member(world, visitor, "cat")
    page = sign_out(browser)
    assert (page.url.partition("?")[0], page.body) == (f"https://{SITE}/", "for everybody")
    assert browser.send("GET", MEMBERS).status == 302
    assert browser.get(MEMBERS).url.startswith(f"https://{ACCOUNTS}/login/")


def test_a_refresh_brings_roles_up_to_date_and_whoever_is_locked_is_out(
    world: World, visitor: Callable[[], Visitor]
) -> None:
    browser = member(world, visitor, "dan")
    for _ in range(3):
        assert browser.send("GET", OFTEN).body == "for members, asked often"
    make_member(world, "dan", "GUEST")
    assert browser.send("GET", OFTEN).status == 403
    assert browser.send("GET", MEMBERS).status == 403
    make_member(world, "dan")
    assert browser.send("GET", OFTEN).body == "for members, asked often"
    world.service.rows(
        "UPDATE people_person SET is_active = false WHERE email = %s",
        "dan@example.org",
        commit=True,
    )
    assert "for members" not in browser.get(OFTEN).body
    assert "for members" not in browser.get(MEMBERS).body


# Attacks


def answer(browser: Visitor, name: str) -> str:
    """Sign somebody in as far as the answer; return its address, which is not opened."""
    page = browser.send("GET", MEMBERS)
    page = browser.get(page.headers["Location"])
    filled = {**page.form(), "login": f"{name}@example.org", "password": GOOD}
    page = browser.send("POST", page.url, filled)
    while not page.headers["Location"].startswith(f"https://{SITE}/"):
        page = browser.send("GET", f"https://{ACCOUNTS}{page.headers['Location']}")
    return page.headers["Location"]


def test_an_answer_is_for_the_browser_that_asked_and_counts_once(
    world: World, visitor: Callable[[], Visitor]
) -> None:
    member(world, visitor, "eva")
    attacker, victim = visitor(), visitor()
    address = answer(attacker, "eva")
    assert "for members" not in victim.get(address).body
    assert attacker.get(address).body == "for members"
    attacker.clients[SITE].cookies.clear()
    assert "for members" not in attacker.get(address).body


@pytest.mark.parametrize("changed", ["state", "code"])
def test_a_changed_answer_is_none(
    world: World, visitor: Callable[[], Visitor], changed: str
) -> None:

    browser = visitor()
    address = httpx.URL(answer(browser, "fay"))
    page = browser.send("GET", str(address.copy_set_param(changed, "x" * 43)))
    assert "Location" not in page.headers or page.headers["Location"] != MEMBERS
    assert not any(name == "__Host-openid" for name in browser.clients[SITE].cookies)


Attack = Callable[[World, Callable[[], Visitor]], bool]


def no_member(world: World, visitor: Callable[[], Visitor]) -> bool:
    """Somebody without the role asks for the page."""
    return "for members" in sign_in(visitor(), "gus").body


def kept_cookies(world: World, visitor: Callable[[], Visitor]) -> bool:
    """Somebody has copied the cookies of a member, who then signs out."""
    browser = visitor()
    sign_in(browser, "hal")
    make_member(world, "hal")
    browser = visitor()
    sign_in(browser, "hal")
    kept = dict(browser.clients[SITE].cookies)
    sign_out(browser)
    thief = visitor()
    for name, value in kept.items():
        thief.clients[SITE].cookies.set(name, value)
    return thief.send("GET", MEMBERS).body == "for members"


def led_away(world: World, visitor: Callable[[], Visitor]) -> bool:
    """A link to sign out leads to another site."""
    page = visitor().send(
        "GET", f"https://{SITE}/openid/signed-in?logout=https%3A%2F%2Fevil.example"
    )
    return page.headers.get("Location", "").startswith("https://evil.example")


ATTACKS: tuple[Attack, ...] = (no_member, kept_cookies, led_away)
WEAK = {
    "Require claim roles:MEMBER": "Require valid-user",
    "OIDCSessionType server-cache": "OIDCSessionType client-cookie",
    r"OIDCRedirectURLsAllowed ^https://www\.example\.com/": "OIDCRedirectURLsAllowed .*",
}


def test_attacks_fail_and_succeed_where_the_file_is_weakened(
    world: World, visitor: Callable[[], Visitor]
) -> None:
    text = EXAMPLE.read_text()
    weak = text
    for old, new in WEAK.items():
        assert old in weak
        weak = weak.replace(old, new)
    assert [attack(world, visitor) for attack in ATTACKS] == [False] * len(ATTACKS)
    configure(world.host, weak)
    try:
        assert [attack(world, visitor) for attack in ATTACKS] == [True] * len(ATTACKS)
    finally:
        configure(world.host, text)


def test_the_secret_is_roots_alone(world: World) -> None:
    as_apache = ["runuser", "-u", "www-data", "--", "cat", "/etc/apache2/openid-secrets.conf"]
    assert world.host.run(as_apache).returncode != 0
    logs = world.host.check(["sh", "-c", "cat /var/log/apache2/*.log"])
    assert SECRET not in logs
