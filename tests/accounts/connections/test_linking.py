"""Whose account an identity of elsewhere signs in to: never somebody else's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from accounts.connections.providers import (
    CLIENT,
    OTHER_KEY,
    SECRET,
    Provider,
    arrive,
    begin,
    come_back,
    first_admin,
    led,
    provider,
    set_up,
)
from accounts.security import weakened
from accounts.service import GOOD, Browser, Page, Service, code_in, link_in, serving, totp, visitors

WEAKENED = str(Path(weakened.__file__))
BEHIND = "proxies = 1\n"
APPLES_KEY = (
    ec.generate_private_key(ec.SECP256R1())
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)
numbers = iter(range(1, 60000))
fresh = visitors(72)


@dataclass(frozen=True)
class Place:
    """A service, the provider of all its connections, and who administers it."""

    service: Service
    there: Provider
    admin: Browser

    def browser(self) -> Browser:
        return fresh(self.service)

    def arrive(self, slug: str, email: str, sub: str = "", **claims: Any) -> Browser:
        """Somebody new at the service, whom the provider knows."""
        browser = self.browser()
        said = {"sub": sub or email, "email": email, "email_verified": True, **claims}
        arrive(browser, slug, self.there, **said)
        return browser

    def linked(self, person: str | None) -> list[str]:
        """With which connections somebody's identities are."""
        rows = self.service.rows(
            "SELECT provider FROM socialaccount_socialaccount WHERE user_id = %s ORDER BY provider",
            (person or "").replace("-", ""),
        )
        return [row[0] for row in rows]


def filled(service: Service, there: Provider) -> Place:
    admin = first_admin(service, fresh(service))
    set_up(admin, "plain", issuer=there.issuer)
    trusted = {"domains": "example.org, bücher.example", "trusts_addresses": "on"}
    set_up(admin, "trusted", issuer=there.issuer, **trusted)
    return Place(service, there, admin)


@pytest.fixture(scope="module")
def there() -> Iterator[Provider]:
    with provider() as running:
        yield running


@pytest.fixture(scope="module")
def place(there: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with serving(tmp_path_factory.mktemp("linking"), BEHIND) as running:
        yield filled(running, there)


def address(name: str = "ann", domain: str = "example.org") -> str:
    return f"{name}{next(numbers)}@{domain}"


def somebody(place: Place) -> tuple[Browser, str]:
    """Somebody with an account here, whose address is shown to be theirs."""
    browser, email = place.browser(), address()
    browser.join(email)
    return browser, email


# Who gets in


def test_an_address_that_a_provider_may_not_vouch_for_is_shown_here(place: Place) -> None:
    email = address()
    browser = place.arrive("plain", email)
    assert browser.who() is None
    assert place.service.rows("SELECT 1 FROM socialaccount_socialaccount WHERE uid = 'x'") == []
    browser.submit("/confirm-email/", code=code_in(place.service.mails(email)[-1]))
    who = browser.who()
    assert who is not None
    assert place.linked(who) == ["plain"]
    assert place.arrive("plain", email).who() == who, "it is linked from now on"


def test_one_that_it_may_vouch_for_is_taken(place: Place) -> None:
    email = address()
    browser = place.arrive("trusted", email, name="Ann Example")
    who = browser.who()
    assert who is not None
    assert place.service.mails(email) == []
    assert "Ann Example" in browser.get("/account/").body
    assert place.arrive("trusted", email).who() == who


def test_who_has_shown_their_address_is_signed_in_by_it(place: Place) -> None:
    owner, email = somebody(place)
    browser = place.arrive("trusted", email, sub=email)
    assert browser.who() == owner.who()
    assert place.linked(owner.who()) == ["trusted"]
    assert len(place.service.mails(email)) == 2, "they are told"
    moved = place.arrive("trusted", address("moved"), sub=email)
    assert moved.who() == owner.who(), "whatever address the provider has by now"


def test_a_second_factor_is_asked_for_all_the_same(place: Place) -> None:
    owner, email = somebody(place)
    secret, codes = owner.enrol()
    browser = place.arrive("trusted", email)
    assert browser.who() is None
    assert place.linked(owner.who()) == [], "nothing is linked before that"
    page = browser.submit("/2fa/authenticate/", "/2fa/authenticate/", code=codes[0])
    browser.follow(browser.post(page.url, {**page.form(), "action": "none"}))
    assert browser.who() == owner.who()
    assert place.linked(owner.who()) == ["trusted"]
    assert secret != totp(secret)


def test_who_gives_no_address_is_asked_for_one(place: Place) -> None:
    browser, email, sub = place.browser(), address(), address("silent")
    place.there.userinfo = {"sub": sub}
    page = arrive(browser, "plain", place.there, sub=sub)
    assert page.url.endswith("/3rdparty/signup/")
    page = browser.submit(page.url, email=email, name="Silent")
    assert browser.who() is None
    browser.submit(page.url, code=code_in(place.service.mails(email)[-1]))
    assert place.linked(browser.who()) == ["plain"]


def test_what_is_linked_is_listed_and_unlinked(place: Place) -> None:
    browser, _email = somebody(place)
    browser.confirm()
    sub = address("mine")
    _, asked = begin(browser, "plain", process="connect")
    code = place.there.code(asked, sub=sub, email=address(), email_verified=True)
    page = come_back(browser, "plain", code=code, state=asked["state"])
    assert page.url.endswith("/3rdparty/")
    assert place.linked(browser.who()) == ["plain"]
    assert "Plain" in browser.get("/account/").body
    assert place.arrive("plain", address(), sub=sub).who() == browser.who()
    assert '"connected_accounts"' in browser.submit("/account/data/").body
    page = browser.submit("/3rdparty/", "/3rdparty/")
    assert place.linked(browser.who()) == []


def test_nobody_is_left_without_a_way_in(place: Place) -> None:
    browser = place.arrive("trusted", address())
    page = browser.submit("/3rdparty/", "/3rdparty/")
    assert "no password" in page.body
    assert place.linked(browser.who()) == ["trusted"]


def test_linking_asks_once_more_who_it_is(place: Place) -> None:
    _, email = somebody(place)
    later = place.browser()
    later.sign_in(email)
    start = "/sign-in/with/plain/"
    page = later.post(start, {**later.get(start).form(start), "process": "connect"})
    assert "/reauthenticate/" in page.headers["Location"]


def test_the_trail_says_what_was_linked_and_no_secret(place: Place) -> None:
    browser = place.arrive("trusted", address())
    rows = place.service.rows("SELECT what, who, data FROM trail_trailentry")
    assert ("identity.linked", browser.who()) in [row[:2] for row in rows]
    assert "connection.added" in [row[0] for row in rows]
    assert SECRET not in str(rows)
    assert SECRET not in place.service.log
    kept = place.service.rows("SELECT secret FROM connections_connection")
    assert all(row[0] and SECRET not in row[0] for row in kept)


# Taking over an account. Each returns whether somebody else got in.


def unverified_at_the_provider(place: Place) -> bool:
    """The provider knows an address that nobody showed to it."""
    owner, email = somebody(place)
    attacker = place.arrive("trusted", email, sub=address("evil"), email_verified=False)
    return attacker.who() == owner.who()


def provider_that_may_not_say(place: Place) -> bool:
    """A provider that anybody can have anything said by."""
    owner, email = somebody(place)
    attacker = place.arrive("plain", email, sub=address("evil"))
    return attacker.who() == owner.who()


def address_of_another_domain(place: Place) -> bool:
    """A provider of one company says that somebody has an address of another one."""
    owner, email = place.browser(), address("ceo", "other.example")
    owner.join(email)
    return place.arrive("trusted", email, sub=address("evil")).who() == owner.who()


def words_for_true(place: Place) -> bool:
    """The provider's `email_verified` is no truth value."""
    owner, email = somebody(place)
    for said in ("false", "true", 1, "yes", [True]):
        attacker = place.arrive("trusted", email, sub=address("evil"), email_verified=said)
        if attacker.who() == owner.who():
            return True
    return False


def prepared_account(place: Place) -> bool:
    """An account with somebody else's address waits for them, with a password known."""
    email = address("victim")
    attacker = place.browser()
    attacker.sign_up(email, "attackers otter paddles north")
    victim = place.arrive("trusted", email)
    assert victim.who() is not None
    later = place.browser()
    later.sign_in(email, "attackers otter paddles north")
    attacker.get("/confirm-email/")
    attacker.get("/account/")
    return victim.who() in (later.who(), attacker.who())


def prepared_by_an_identity(place: Place) -> bool:
    """An account with somebody else's address waits for them, an identity linked to it."""
    email, evil = address("victim"), address("evil")
    attacker = place.arrive("plain", email, sub=evil)
    victim = place.browser()
    victim.submit("/sign-in/link/", email=email)
    victim.submit(link_in(place.service.mails(email)[-1]))
    assert victim.who() is not None
    attacker.get("/confirm-email/")
    again = place.arrive("plain", email, sub=evil)
    return victim.who() in (attacker.who(), again.who())


def prepared_for_a_link(place: Place) -> bool:
    """An account with somebody else's address waits until they get in by a mailed link."""
    email = address("victim")
    place.browser().sign_up(email, "attackers otter paddles north")
    victim, later = place.browser(), place.browser()
    victim.submit("/sign-in/link/", email=email)
    victim.submit(link_in(place.service.mails(email)[-1]))
    assert victim.who() is not None
    later.sign_in(email, "attackers otter paddles north")
    return later.who() == victim.who()


def prepared_for_a_code(place: Place) -> bool:
    """An account with somebody else's address waits until they get in by a mailed code."""
    email = address("victim")
    place.browser().sign_up(email, "attackers otter paddles north")
    victim, later = place.browser(), place.browser()
    victim.submit("/login/code/", email=email)
    victim.submit("/login/code/confirm/", code=code_in(place.service.mails(email)[-1]))
    assert victim.who() is not None
    later.sign_in(email, "attackers otter paddles north")
    return later.who() == victim.who()


def changed_address(place: Place) -> bool:
    """Somebody changes their address at the provider to another's, after it was linked."""
    owner, email = somebody(place)
    evil = address("evil")
    first = place.arrive("trusted", evil, sub=evil)
    assert first.who() is not None
    return place.arrive("trusted", email, sub=evil).who() == owner.who()


def same_subject_elsewhere(place: Place) -> bool:
    """Another provider calls somebody by the same name."""
    owner = place.arrive("trusted", address(), sub="number-1")
    return place.arrive("plain", address(), sub="number-1").who() == owner.who()


def role_by_address(place: Place) -> bool:
    """A provider, or who got into it, says to be an administrator."""
    attacker = place.arrive("trusted", "admin@example.org", sub=address("evil"))
    return attacker.who() == place.admin.who()


def link_to_a_victim(place: Place) -> bool:
    """Have a victim's browser end what the attacker began, so that the attacker's is linked."""
    victim, _ = somebody(place)
    victim.confirm()
    attacker, _ = somebody(place)
    attacker.confirm()
    evil = address("evil")
    for process in ("connect", "login"):
        _, asked = begin(attacker, "plain", process=process)
        code = place.there.code(asked, sub=evil, email=address(), email_verified=True)
        come_back(victim, "plain", code=code, state=asked["state"])
    return "plain" in place.linked(victim.who())


def sign_a_victim_in(place: Place) -> bool:
    """Login CSRF: the victim's browser is signed in as the attacker, and types things in there."""
    evil = address("evil")
    attacker, victim = place.arrive("trusted", evil, sub=evil), place.browser()
    begin(victim, "trusted")
    _, asked = begin(attacker, "trusted")
    code = place.there.code(asked, sub=evil, email=evil, email_verified=True)
    come_back(victim, "trusted", code=code, state=asked["state"])
    return victim.who() is not None


ATTACKS: dict[str, Callable[[Place], bool]] = {
    "unverified at the provider": unverified_at_the_provider,
    "a provider that may not say": provider_that_may_not_say,
    "another domain": address_of_another_domain,
    "words for true": words_for_true,
    "a prepared account": prepared_account,
    "prepared by an identity": prepared_by_an_identity,
    "prepared for a link": prepared_for_a_link,
    "prepared for a code": prepared_for_a_code,
    "a changed address": changed_address,
    "the same subject elsewhere": same_subject_elsewhere,
    "a role by its address": role_by_address,
    "linked to a victim": link_to_a_victim,
    "a victim signed in": sign_a_victim_in,
}
SUCCEED = (
    *("a provider that may not say", "another domain", "a prepared account"),
    *("prepared for a link", "prepared for a code", "linked to a victim", "a victim signed in"),
)
"""Where every provider is trusted, and every answer taken."""


@pytest.mark.parametrize("name", ATTACKS)
def test_nobody_gets_into_anothers_account_by(place: Place, name: str) -> None:
    assert not ATTACKS[name](place)


def test_attacks_succeed_on_a_weakened_copy(there: Provider, tmp_path: Path) -> None:
    with serving(tmp_path, BEHIND, program=(WEAKENED, "trusting")) as weak:
        place = filled(weak, there)
        assert [name for name in SUCCEED if not ATTACKS[name](place)] == []


def test_an_identity_of_somebody_else_is_not_linked(place: Place) -> None:
    sub = address("theirs")
    owner = place.arrive("trusted", sub, sub=sub)
    thief, _ = somebody(place)
    thief.confirm()
    _, asked = begin(thief, "trusted", process="connect")
    code = place.there.code(asked, sub=sub, email=sub, email_verified=True)
    come_back(thief, "trusted", code=code, state=asked["state"])
    assert place.linked(thief.who()) == []
    assert place.linked(owner.who()) == ["trusted"]


def test_linking_takes_no_account_over_that_has_the_address(place: Place) -> None:
    owner, email = somebody(place)
    other, _ = somebody(place)
    other.confirm()
    before = other.who()
    _, asked = begin(other, "trusted", process="connect")
    code = place.there.code(asked, sub=address("second"), email=email, email_verified=True)
    come_back(other, "trusted", code=code, state=asked["state"])
    assert other.who() == before
    assert place.linked(before) == ["trusted"]
    assert place.linked(owner.who()) == []


def test_a_button_is_a_form_of_our_own(place: Place) -> None:
    browser, start = place.browser(), "/sign-in/with/plain/"
    assert "http-equiv" not in browser.get(start).body, "a link begins nothing"
    assert browser.post(start, {}, Origin="https://evil.example").status == 403
    page = browser.get("/login/?next=/account/data/")
    form = page.form("/sign-in/with/plain/")
    assert form["next"] == "/account/data/"
    assert browser.get("/sign-in/with/nowhere/").status == 404


# Answers that are somebody else's, or nobody's

WRONG: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "another audience": {"aud": "another"},
    "many audiences, of another": {"aud": [CLIENT, "another"], "azp": "another"},
    "many audiences": {"aud": [CLIENT, "another"]},
    "another issuer": {"iss": "https://other.example"},
    "no subject": {"sub": None},
    "a subject that is a number": {"sub": 7},
    "a subject that is too long": {"sub": "x" * 1100},
    "it has ended": {"exp": 1_000_000_000},
    "it never ends": {"exp": None},
    "it is of no time": {"iat": None},
    "another key": {"key": OTHER_KEY},
}


@pytest.mark.parametrize("name", WRONG)
def test_an_id_token_lets_nobody_in_with(place: Place, name: str) -> None:
    browser = place.browser()
    page = arrive(browser, "trusted", place.there, **{"email": address(), **WRONG[name]})
    assert page.status == 400
    assert browser.who() is None


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_an_id_token_without_a_signature_of_the_provider_lets_nobody_in(
    place: Place, algorithm: str
) -> None:
    browser = place.browser()
    _, asked = begin(browser, "trusted")
    said = {"iss": place.there.issuer, "aud": CLIENT, "sub": "x", "iat": 1, "exp": 4e9}
    said["nonce"] = asked["nonce"]
    key = SECRET if algorithm == "HS256" else ""
    token = jwt.encode(said, key, algorithm, headers={"kid": "first"})
    code = place.there.code_of({"id_token": token, "access_token": "x"}, asked)
    assert come_back(browser, "trusted", code=code, state=asked["state"]).status == 400
    assert browser.who() is None


def test_what_is_said_of_somebody_else_is_not_taken(place: Place) -> None:
    victim = address()
    place.there.userinfo = {"sub": "another", "email": victim, "email_verified": True}
    browser = place.browser()
    assert arrive(browser, "trusted", place.there, sub=address("evil")).status == 400
    assert browser.who() is None


def test_an_answer_counts_once_in_its_own_session_at_its_own_address(place: Place) -> None:
    browser, email = place.browser(), address()
    _, asked = begin(browser, "trusted")
    claims = {"sub": email, "email": email, "email_verified": True}
    mixed = come_back(browser, "plain", code=place.there.code(asked), state=asked["state"])
    assert mixed.status == 400, "the answer of one connection, at the address of another"
    for wrong in ({"state": "x" * 43}, {}, {"state": ""}):
        assert come_back(browser, "trusted", code=place.there.code(asked), **wrong).status == 400
    code = place.there.code(asked, **claims)
    come_back(browser, "trusted", code=code, state=asked["state"])
    assert browser.who()
    again = place.there.code(asked, **claims)
    assert come_back(browser, "trusted", code=again, state=asked["state"]).status == 400


def test_an_answer_of_another_provider_is_not_taken(place: Place) -> None:
    browser = place.browser()
    _, asked = begin(browser, "trusted")
    code, state = place.there.code(asked), asked["state"]
    page = come_back(browser, "trusted", code=code, state=state, iss="https://evil.example")
    assert page.status == 400
    assert code in place.there.answers, "nobody was asked for it"


def test_who_changes_their_mind_is_back_at_the_sign_in_page(place: Place) -> None:
    browser = place.browser()
    _, asked = begin(browser, "plain")
    page = come_back(browser, "plain", error="access_denied", state=asked["state"])
    assert page.url.endswith("/login/")
    assert "You did not sign in there." in page.body


MISBEHAVING = (b"", b"[]", b"null", b"x" * 300_000, b"[" * 200_000, b'{"access_token": 1}', b"\xff")


@pytest.mark.parametrize("raw", MISBEHAVING, ids=range(len(MISBEHAVING)))
def test_a_provider_that_misbehaves_breaks_nothing(place: Place, raw: bytes) -> None:
    browser = place.browser()
    _, asked = begin(browser, "plain")
    code = place.there.code(asked)
    place.there.raw = raw
    try:
        page = come_back(browser, "plain", code=code, state=asked["state"])
    finally:
        place.there.raw = b""
    assert page.status == 400
    assert browser.who() is None


# Google, Apple and GitHub: standing in for them, at an address of this machine


def pointed(place: Place, kind: str, **fields: str) -> None:
    set_up(place.admin, kind, kind, **fields)
    statement = "UPDATE connections_connection SET issuer = %s WHERE slug = %s"
    place.service.rows(statement, place.there.issuer, kind, commit=True)


def test_google_may_say_whose_its_own_addresses_are_and_no_others(place: Place) -> None:
    pointed(place, "google")
    for email, workspace, is_in in (
        (address("g", "gmail.com"), None, True),
        (address("g", "work.example"), "work.example", True),
        (address("g", "work.example"), "other.example", False),
        (address("g", "work.example"), None, False),
    ):
        browser = place.arrive("google", email, hd=workspace)
        assert (browser.who() is not None) == is_in, (email, workspace)
    unshown = place.arrive("google", address("g", "gmail.com"), email_verified=False)
    assert unshown.who() is None


def test_apple_posts_its_answer_and_gets_a_signed_secret(place: Place) -> None:
    fields = {"team_id": "TEAM567890", "key_id": "KEY4567890", "private_key": APPLES_KEY}
    pointed(place, "apple", trusts_addresses="on", **fields)
    browser, email = place.browser(), address("a", "privaterelay.appleid.com")
    _, asked = begin(browser, "apple")
    assert asked["response_mode"] == "form_post"
    code = place.there.code(asked, sub=email, email=email, email_verified="true")
    bare = Browser(place.service, browser.address)
    sent = {"code": code, "state": asked["state"], "user": "{}"}
    page = bare.post("/sign-in/with/apple/back/", sent, Origin="https://appleid.apple.com")
    browser.follow(page)
    assert browser.who()
    told = place.there.asked[-1]["client_secret"]
    said = jwt.decode(told, options={"verify_signature": False})
    assert (said["iss"], said["sub"]) == ("TEAM567890", CLIENT)
    assert said["exp"] - said["iat"] <= 300
    assert jwt.get_unverified_header(told)["kid"] == "KEY4567890"


def test_github_is_asked_who_it_is_and_which_address_is_theirs(place: Place) -> None:
    set_up(place.admin, "github", "github", issuer=place.there.issuer, trusts_addresses="on")
    mine, victim = address("hub"), somebody(place)[1]
    addresses = [
        {"email": victim, "primary": False, "verified": True},
        {"email": mine, "primary": True, "verified": True},
    ]
    place.there.users["token-1"] = ({"id": 7, "login": "ann", "email": victim}, addresses)
    browser = place.browser()
    url, asked = begin(browser, "github")
    assert url.startswith(f"{place.there.issuer}/login/oauth/authorize?")
    code = place.there.code_of({"access_token": "token-1"}, asked)
    come_back(browser, "github", code=code, state=asked["state"])
    found = "SELECT email FROM people_person WHERE id = %s"
    assert place.service.rows(found, str(browser.who()).replace("-", "")) == [(mine,)]
    place.there.users["token-2"] = (
        {"id": 8, "login": "eve"},
        [{"email": victim, "primary": True, "verified": False}],
    )
    thief = place.browser()
    _, asked = begin(thief, "github")
    code = place.there.code_of({"access_token": "token-2"}, asked)
    come_back(thief, "github", code=code, state=asked["state"])
    assert thief.who() is None


# Domains that belong to a provider


def typed(browser: Browser, login: str, password: str = "") -> Page:
    form = browser.get("/login/").form("/login/")
    return browser.post("/login/", {**form, "login": login, "password": password})


def test_who_types_an_address_of_a_providers_domain_is_led_there(place: Place) -> None:
    for email in (address(), address().upper(), address("x", "bücher.example")):
        url, _ = led(typed(place.browser(), email))
        assert url.startswith(f"{place.there.issuer}/authorize?")
    assert 'role="alert"' in typed(place.browser(), address("x", "other.example")).body
    owner, email = somebody(place)
    later = place.browser()
    later.sign_in(email)
    assert later.who() == owner.who(), "a password still works"


def test_people_of_a_domain_sign_in_by_its_provider_alone(place: Place) -> None:
    owner, email = place.browser(), address("w", "strict.example")
    owner.join(email)
    strict = {"domains": "strict.example", "trusts_addresses": "on", "only": "on"}
    set_up(place.admin, "strict", issuer=place.there.issuer, **strict)
    by_password = typed(place.browser(), email, GOOD)
    assert by_password.status == 200
    wrong = typed(place.browser(), email, "surely not this one")

    def bare(page: Page) -> str:
        return re.sub(r'value="[^"]{20,}"', "", page.body)

    assert bare(by_password) == bare(wrong), "nobody learns that it was right"
    by_link = place.browser()
    by_link.submit("/sign-in/link/", email=email)
    page = by_link.submit(link_in(place.service.mails(email)[-1]))
    assert page.url.endswith("/sign-in/with/strict/")
    assert by_link.who() is None
    assert place.arrive("trusted", email, sub=address("evil")).who() is None
    assert place.arrive("strict", email).who() == owner.who()


def test_what_a_connection_linked_goes_with_it(place: Place) -> None:
    set_up(place.admin, "brief", issuer=place.there.issuer, domains="brief.example")
    email, sub = address("b", "brief.example"), address("b")
    browser = place.arrive("brief", email, sub=sub)
    browser.submit("/confirm-email/", code=code_in(place.service.mails(email)[-1]))
    who = browser.who()
    assert place.linked(who) == ["brief"]
    statement = "SELECT id FROM connections_connection WHERE slug = 'brief'"
    path = f"/console/connections/connection/{place.service.rows(statement)[0][0]}/delete/"
    place.admin.post(path, {"csrfmiddlewaretoken": place.admin.token(), "post": "yes"})
    assert place.linked(who) == []
    assert browser.get("/sign-in/with/brief/").status == 404
    set_up(place.admin, "brief", issuer=place.there.issuer)
    assert place.arrive("brief", email, sub=sub).who() is None


def test_who_was_not_invited_does_not_sign_up_by_a_provider_either(
    there: Provider, tmp_path: Path
) -> None:
    settings = f'{BEHIND}[sign_up]\nmode = "invite"\n'
    with serving(tmp_path, settings) as service:
        place = filled(service, there)
        email = address()
        stranger = place.arrive("trusted", email)
        assert stranger.who() is None
        assert service.rows("SELECT 1 FROM people_person WHERE email = %s", email) == []
        place.admin.submit("/invite/", email=email)
        guest = place.browser()
        link = link_in(service.mails(email)[-1])
        guest.post(link, guest.get(link).form())
        arrive(guest, "trusted", there, sub=email, email=email, email_verified=True)
        assert guest.who()


# The console


def test_what_is_kept_of_a_connection_is_never_shown(place: Place) -> None:
    rows = place.service.rows("SELECT id, secret FROM connections_connection")
    assert len(rows) > 2
    for key, sealed in rows:
        body = place.admin.get(f"/console/connections/connection/{key}/change/").body
        assert SECRET not in body
        assert not sealed or sealed not in body
        assert "BEGIN PRIVATE KEY" not in body
    assert SECRET not in place.admin.get("/console/connections/connection/").body


def test_a_changed_connection_keeps_its_secret_and_what_it_stands_for(place: Place) -> None:
    statement = "SELECT id, slug, issuer, secret FROM connections_connection WHERE slug = 'plain'"
    key, slug, issuer, secret = place.service.rows(statement)[0]
    path = f"/console/connections/connection/{key}/change/"
    token = {"csrfmiddlewaretoken": place.admin.token()}
    fields = {"name": "Renamed", "enabled": "on", "client_id": CLIENT, "new_secret": ""}
    other = {"slug": "other", "kind": "saml", "issuer": "https://evil.example"}
    assert place.admin.post(path, {**token, **fields, **other}).status == 302
    assert place.service.rows(statement)[0] == (key, slug, issuer, secret)
    changed = "SELECT data FROM trail_trailentry WHERE what = 'connection.changed'"
    assert json.loads(place.service.rows(changed)[-1][0])["on"] == "connection:plain"
    place.admin.post(path, {**token, **fields, "name": "Plain"})


def test_a_connection_is_asked_whether_it_answers(place: Place) -> None:
    key = place.service.rows("SELECT id FROM connections_connection WHERE slug = 'plain'")[0][0]
    form = {"action": "ask", "_selected_action": str(key), "index": "0"}
    form["csrfmiddlewaretoken"] = place.admin.token()
    page = place.admin.follow(place.admin.post("/console/connections/connection/", form))
    assert "it answers" in page.body


BAD: dict[str, dict[str, str]] = {
    "in clear": {"issuer": "http://idp.example.org"},
    "no address": {"issuer": "javascript:alert(1)"},
    "whose it is, in the address": {"issuer": "https://a:b@idp.example.org"},
    "trusting without domains": {"trusts_addresses": "on", "domains": ""},
    "alone without trust": {"only": "on", "domains": "example.org"},
    "alone without domains": {"only": "on", "domains": ""},
    "a domain that is none": {"domains": "exa mple"},
    "a slug with capitals": {"slug": "Shouting"},
    "no client id": {"client_id": ""},
    "a second Google": {"kind": "google"},
    "Apple without its key": {"kind": "apple", "team_id": "TEAM567890", "key_id": "KEY4567890"},
}


@pytest.mark.parametrize("name", BAD)
def test_a_connection_is_not_set_up_with(place: Place, name: str) -> None:
    from accounts.connections.providers import connect

    if not place.service.rows("SELECT 1 FROM connections_connection WHERE kind = 'google'"):
        set_up(place.admin, "google", "google")
    fields = {"slug": f"bad{next(numbers)}", "issuer": "https://idp.example.org", **BAD[name]}
    slug = fields.pop("slug")
    page = connect(place.admin, slug, **fields)
    assert page.status == 200
    found = place.service.rows("SELECT 1 FROM connections_connection WHERE slug = %s", slug)
    assert found == []


def test_what_is_asked_of_the_provider_is_bound_to_us(place: Place) -> None:
    url, asked = begin(place.browser(), "plain")
    assert asked["redirect_uri"] == f"{place.service.origin}/sign-in/with/plain/back/"
    assert len(asked["state"]) == len(asked["nonce"]) == len(asked["code_challenge"]) == 43
    assert SECRET not in url
    assert urlencode({"client_id": CLIENT}) in url
