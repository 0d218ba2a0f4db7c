"""Sign-in at a provider: the way there and back, and a provider or a stranger that lies on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, quote, urlsplit

import jwt
import pytest

from guard.browsing import HERE, Browser, comes_back, id_token, location
from guard.provider import provider
from guard.signing import CLIENT, STRANGER, spelled
from holdfast.guard import Guard, Provider
from holdfast.guard.openid import leads_on
from holdfast.guard.request import Request


@pytest.fixture
def browser() -> Iterator[Browser]:
    with provider() as pretended:
        yield Browser(pretended)


def test_somebody_signs_in_and_is_back_where_they_were(browser: Browser) -> None:
    asked = browser.begins("/todos?x=1")
    answer = comes_back(browser, asked, id_token(browser, asked))
    assert (answer.status, location(answer)) == (303, "/todos?x=1")
    person = browser.person()
    assert (person.sub, person.name, person.email) == ("ann", "Ann", "ann@example.org")
    assert person.roles == {"A"}
    assert set(browser.cookies) == {"guard-session"}


def test_what_is_asked_of_the_provider(browser: Browser) -> None:
    asked = browser.begins()
    assert asked["response_type"] == "code"
    assert asked["redirect_uri"] == f"{HERE}/guard/signed-in"
    assert asked["code_challenge_method"] == "S256"
    comes_back(browser, asked, id_token(browser, asked))
    sent = browser.provider.exchanged[-1]
    assert sent["code"] == "c"
    assert len(sent["code_verifier"]) >= 43
    assert "client_secret" not in sent
    assert browser.provider.authorizations[-1].startswith("Basic ")


def test_a_new_sign_in_is_a_new_session_and_ends_the_old_one(browser: Browser) -> None:
    asked = browser.begins()
    comes_back(browser, asked, id_token(browser, asked))
    first = browser.cookies["guard-session"]
    browser.cookies = {"guard-session": "A" * 43}  # as somebody would plant it
    asked = browser.begins()
    browser.cookies["guard-session"] = first
    comes_back(browser, asked, id_token(browser, asked))
    assert browser.cookies["guard-session"] not in (first, "A" * 43)
    assert browser.guard.sessions.read(first) is None


def by_stranger(browser: Browser, asked: dict[str, str]) -> str:
    claims = jwt.decode(id_token(browser, asked), options={"verify_signature": False})
    return jwt.encode(claims, STRANGER, "RS256", headers={"kid": "RS256"})


def unsigned(browser: Browser, asked: dict[str, str]) -> str:
    claims = jwt.decode(id_token(browser, asked), options={"verify_signature": False})
    return spelled({"alg": "none", "kid": "RS256"}, claims)


LIES: dict[str, Callable[[Browser, dict[str, str]], str]] = {
    "another nonce": lambda b, a: id_token(b, a, nonce="other"),
    "no nonce": lambda b, a: id_token(b, a, nonce=None),
    "another issuer": lambda b, a: id_token(b, a, iss="https://evil.example"),
    "another audience": lambda b, a: id_token(b, a, aud="bank"),
    "for another client": lambda b, a: id_token(b, a, aud=[CLIENT, "bank"], azp="bank"),
    "for several, and not said for whom": lambda b, a: id_token(b, a, aud=[CLIENT, "bank"]),
    "without a subject": lambda b, a: id_token(b, a, sub=None),
    "made later than now": lambda b, a: id_token(b, a, iat=int(time.time()) + 900),
    "long ago": lambda b, a: id_token(b, a, exp=1),
    "signed by a stranger": by_stranger,
    "not signed": unsigned,
    "no token": lambda b, a: "",
}


@pytest.mark.parametrize("name", LIES)
def test_a_token_that_lies_signs_nobody_in(browser: Browser, name: str) -> None:
    asked = browser.begins()
    answer = comes_back(browser, asked, LIES[name](browser, asked))
    assert answer.status in (400, 503)
    assert browser.person() is None


@pytest.mark.parametrize("for_whom", [{"aud": [CLIENT]}, {"aud": [CLIENT, "bank"], "azp": CLIENT}])
def test_a_token_that_says_it_is_for_us_signs_in(
    browser: Browser, for_whom: dict[str, str]
) -> None:
    asked = browser.begins()
    comes_back(browser, asked, id_token(browser, asked, **for_whom))
    assert browser.person() is not None


BACK = {
    "with another state": {"state": "x"},
    "with no state": {"state": ""},
    "from another provider (mix-up)": {"iss": "https://evil.example"},
    "with no code": {"code": ""},
    "declined": {"code": "", "error": "access_denied"},
}


@pytest.mark.parametrize("name", BACK)
def test_coming_back_wrong_signs_nobody_in(browser: Browser, name: str) -> None:
    asked = browser.begins()
    answer = comes_back(browser, asked, id_token(browser, asked), **BACK[name])
    assert answer.status in (400, 403)
    assert browser.person() is None
    assert not browser.provider.exchanged


def test_nobody_is_signed_in_by_a_link_that_an_attacker_has_begun(browser: Browser) -> None:
    asked = browser.begins()
    browser.cookies.clear()  # the victim's browser
    answer = comes_back(browser, asked, id_token(browser, asked))
    assert (answer.status, browser.person()) == (400, None)


def test_what_is_kept_for_the_way_back_cannot_be_changed(browser: Browser) -> None:
    asked = browser.begins()
    kept = browser.cookies["guard-signing-in"]
    for changed in (
        kept[:-1] + "A",
        "x." + kept.partition(".")[2],
        kept.partition(".")[0],
        "",
        ".",
    ):
        browser.cookies = {"guard-signing-in": changed}
        if changed != kept:
            assert comes_back(browser, asked, id_token(browser, asked)).status == 400


def test_who_comes_back_late_begins_anew(browser: Browser) -> None:
    asked = browser.begins()
    later = Guard(
        HERE,
        b"k" * 32,
        browser.guard.sessions,
        provider=Provider(browser.provider.address, CLIENT),
        clock=lambda: time.time() + 601,
    )
    browser.guard = later
    token = id_token(browser, asked, exp=int(time.time()) + 9_000)
    assert comes_back(browser, asked, token).status == 400
    assert not browser.provider.exchanged


DESCRIBED: dict[str, dict[str, object]] = {
    "another issuer": {"issuer": "https://evil.example"},
    "keys in clear": {"jwks_uri": "http://evil.example/keys"},
    "a way in that is a script": {"authorization_endpoint": "javascript:alert(1)"},
    "a list": {"jwks_uri": ["https://evil.example/keys"]},
    "an exchange in clear": {"token_endpoint": "http://evil.example/token"},
    "no endpoint": {"authorization_endpoint": None},
    "a number": {"token_endpoint": 5},
}


@pytest.mark.parametrize("name", DESCRIBED)
def test_a_provider_that_describes_itself_wrongly_is_not_used(browser: Browser, name: str) -> None:
    browser.provider.described = DESCRIBED[name]
    assert browser.gets("/guard/sign-in").status == 503


def test_a_provider_that_is_away_is_asked_once_in_a_while(browser: Browser) -> None:
    browser.provider.status = 500
    assert [browser.gets("/guard/sign-in").status for _ in range(5)] == [503] * 5
    assert len(browser.provider.asked) == 1


AWAY = (
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "javascript:alert(1)",
    "",
    "todos",
    "/x\r\nSet-Cookie: a=b",
    "http:/x",
    "//[",
)


@pytest.mark.parametrize("to", AWAY)
def test_nobody_is_led_away_after_signing_in(to: str) -> None:
    assert leads_on(to) == "/"


@pytest.mark.parametrize("to", ["/", "/todos", "/todos?sort=-title&x=/y", "/a//b"])
def test_a_path_of_ours_is_gone_back_to(to: str) -> None:
    assert leads_on(to) == to


@pytest.mark.parametrize("to", ["/\u20ac", "/\u00fc?x=\u00e9#\u00df", '/a b"<>'])
def test_a_path_in_any_letters_can_stand_in_a_header(to: str) -> None:
    assert leads_on(to).isascii()
    assert leads_on(leads_on(to)) == leads_on(to)
    assert not set(leads_on(to)) & set(' "<>')


@pytest.mark.parametrize("to", [to for to in AWAY if to not in ("", "todos")])
def test_who_is_signed_in_is_not_led_away_either(browser: Browser, to: str) -> None:
    browser.signs_in()
    assert location(browser.gets(f"/guard/sign-in?to={quote(to, safe='')}")) == "/"


def test_signing_out_ends_the_session_and_goes_to_the_provider(browser: Browser) -> None:
    asked = browser.begins()
    comes_back(browser, asked, id_token(browser, asked))
    name = browser.cookies["guard-session"]
    told = {"host": "localhost:3000", "cookie": f"guard-session={name}"}
    shown = browser.guard.arrive(Request("GET", "/", headers=told)).visitor.csrf_token
    answer = browser.gets("/guard/sign-out", "POST", **{"x-csrf-token": shown})
    leads = urlsplit(location(answer))
    assert f"{leads.scheme}://{leads.netloc}{leads.path}" == f"{browser.provider.address}/logout"
    assert parse_qs(leads.query)["post_logout_redirect_uri"] == [f"{HERE}/"]
    assert browser.guard.sessions.read(name) is None


def test_signing_out_by_a_link_is_not_possible(browser: Browser) -> None:
    assert browser.gets("/guard/sign-out").status == 404


def test_a_provider_in_clear_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="https"):
        Provider("http://accounts.example.com", CLIENT)


def test_no_secret_is_shown_by_the_settings() -> None:
    assert "hunter2" not in repr(Provider("https://accounts.example.com", CLIENT, "hunter2"))
