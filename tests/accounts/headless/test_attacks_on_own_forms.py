"""Attacks through the API of own forms, and on it; where it can be, each is seen to succeed."""

from __future__ import annotations

import base64
import json
import re
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from accounts.headless.application import SECRETS, Answer, Visitor, numbers, settings
from accounts.security import weakened
from accounts.service import GOOD, Browser, Service, code_in, serving, wait_for
from holdfast.accounts.headless.bodies import MOST_FIELDS, Malformed, fields

STRICT = "\n[gate]\ngenerous = 1\ntolerated = 100000\n"
WEAKENED = str(Path(weakened.__file__))
FREE = 5

Attack = Callable[[Service], bool]
"""Returns whether it succeeded."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("forms-attacked")
    with serving(folder, settings(folder) + STRICT) as running:
        yield running


def somebody(service: Service) -> str:
    email = f"attacked{next(numbers)}@example.org"
    assert Visitor(service).join(email).status == 200
    return email


@pytest.fixture(scope="module", autouse=True)
def early(service: Service) -> tuple[str, float]:
    """Somebody who is there from the beginning, and when that was."""
    return somebody(service), time.monotonic()


def browser(service: Service) -> Browser:
    number = next(numbers)
    return Browser(service, f"24.{number // 250}.{number % 250}.7")


# Attacks that succeed on a weakened copy


def guessing(service: Service) -> bool:
    """Guess at one account, from a network of its own each time."""
    email = somebody(service)
    return all(Visitor(service).sign_in(email, "wrong").status == 400 for _ in range(FREE + 1))


def guessing_by_put(service: Service) -> bool:
    """Guess by a method that a form does not use."""
    email = somebody(service)
    fields = {"email": email, "password": "wrong"}
    methods = ("PUT", "PATCH", "DELETE", "OPTIONS")
    return any(
        Visitor(service).ask(method, "auth/login", **fields).codes == ["email_password_mismatch"]
        for method in methods
    )


def another_applications_token(service: Service) -> bool:
    """Use a session that another application has made."""
    email = somebody(service)
    ann, thief = Visitor(service), Visitor(service, "shop")
    ann.sign_in(email)
    thief.token = ann.token
    return thief.who() is not None


def token_as_cookie(service: Service) -> bool:
    """Use the token of an application's session on the pages."""
    email = somebody(service)
    ann, thief = Visitor(service), browser(service)
    ann.sign_in(email)
    thief.jar["session"] = ann.token
    return thief.who() is not None


def cookie_as_token(service: Service) -> bool:
    """Use the cookie of a browser's session through an application."""
    email = somebody(service)
    home, thief = browser(service), Visitor(service)
    home.sign_in(email)
    thief.token = home.jar["session"]
    return thief.who() is not None


def fixation(service: Service) -> bool:
    """Give the victim a session before they sign in, and use it afterwards."""
    email = somebody(service)
    victim, thief = Visitor(service), Visitor(service)
    thief.post("code/request", email=email)
    victim.token = thief.token
    victim.post("code/request", email=email)
    assert victim.post("code/confirm", code=code_in(service.mails(email)[-1])).status == 200
    return thief.who() is not None


def forged_visitors(service: Service) -> bool:
    """Say that one visits from elsewhere each time, without a secret; it succeeds where that
    guesses, or spends the budget of the network that it names."""
    email = somebody(service)
    for secret in ("", "wrong", SECRETS["shop"]):
        stranger = Visitor(service, auth=("todo", secret))
        if stranger.sign_in(email, "wrong").status != 401:
            return True
    return False


ATTACKS: dict[str, Attack] = {
    "guessing": guessing,
    "guessing by another method": guessing_by_put,
    "another application's token": another_applications_token,
    "a token as a cookie": token_as_cookie,
    "a cookie as a token": cookie_as_token,
    "fixation": fixation,
    "forged visitors": forged_visitors,
}


@pytest.mark.parametrize("name", ATTACKS)
def test_it_is_repelled(service: Service, name: str) -> None:
    assert not ATTACKS[name](service)


def test_each_succeeds_on_a_weakened_copy(tmp_path: Path) -> None:
    chosen = settings(tmp_path) + STRICT
    with serving(tmp_path, chosen, program=(WEAKENED, "careless_forms")) as weak:
        assert {name: attack(weak) for name, attack in ATTACKS.items()} == dict.fromkeys(
            ATTACKS, True
        )


# Who is let in


NOBODY = {
    "none": "",
    "a scheme alone": "Basic",
    "no base64": "Basic !!!",
    "no colon": "Basic " + base64.b64encode(b"todo").decode(),
    "no text": "Basic " + base64.b64encode(b"\xff:\xff").decode(),
    "no own form": "Basic " + base64.b64encode(f"pages:{SECRETS['pages']}".encode()).decode(),
    "unknown": "Basic " + base64.b64encode(b"nobody:" + b"x" * 43).decode(),
    "another scheme": "Bearer " + base64.b64encode(f"todo:{SECRETS['todo']}".encode()).decode(),
}


@pytest.mark.parametrize("name", NOBODY)
def test_who_shows_no_secret_is_told_one_thing(service: Service, name: str) -> None:
    header = NOBODY[name]
    headers = {"Holdfast-Visitor": "198.51.100.1", "Authorization": header}
    answer = httpx.get(f"{service.origin}/_allauth/app/v1/config", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert answer.json()["errors"][0]["code"] == "invalid_client"


def test_an_unknown_application_is_told_what_a_known_one_is(service: Service) -> None:
    told = [
        Visitor(service, auth=pair).ask("GET", "config")
        for pair in (("todo", "x" * 43), ("nobody", "x" * 43), ("pages", "x" * 43))
    ]
    assert len({(one.status, json.dumps(one.body)) for one in told}) == 1


@pytest.mark.parametrize(
    "address", ["", "x", "1.2.3", "fe80::1%eth0", "1.2.3.4, 5.6.7.8", "1.2.3.4" * 20]
)
def test_an_application_says_one_address(service: Service, address: str) -> None:
    asking = Visitor(service)
    said = asking.send("GET", "auth/session", headers={"Holdfast-Visitor": address})
    assert (said.status, said.codes) == (400, ["visitor"])


def test_a_browsers_cookie_counts_for_nothing(service: Service) -> None:
    email = somebody(service)
    home = browser(service)
    home.sign_in(email)
    cookie = "; ".join(f"{name}={value}" for name, value in home.jar.items())
    ann = Visitor(service)
    assert ann.send("GET", "auth/session", headers={"Cookie": cookie}).status == 401
    assert ann.send("DELETE", "auth/session", headers={"Cookie": cookie}).status == 401
    assert home.who(), "nor is its session touched"


# Networks


def test_many_accounts_from_one_network_cost_work(service: Service) -> None:
    address = "31.1.1.7"
    for number in range(20):
        one = Visitor(service, address=address)
        assert one.sign_in(f"spray{number}@example.org", "wrong").status == 400
    assert Visitor(service, address=address).sign_in("x@example.org", "x").codes == ["work"]
    assert Visitor(service).sign_in("x@example.org", "x").status == 400


def test_an_application_that_lies_spends_the_budgets_of_its_own_visitors(service: Service) -> None:
    address = "31.2.2.7"
    for number in range(20):
        liar = Visitor(service, "shop", address=address)
        liar.sign_in(f"lie{number}@example.org", "wrong")
    assert Visitor(service, "shop", address=address).sign_in("y@example.org").status == 429
    assert Visitor(service, "todo", address=address).sign_in("y@example.org").status == 400
    page = Browser(service, address)
    form = page.get("/login/").form("/login/")
    assert page.post("/login/", {**form, "login": "z@example.org", "password": "x"}).status == 200


@pytest.mark.parametrize("blanks", [" " * 512, "\t" * 600, "\u3000" * 512])
@pytest.mark.parametrize("field", ["email", "username"])
def test_no_way_to_write_a_name_goes_around_its_budget(
    service: Service, blanks: str, field: str
) -> None:
    email = somebody(service)
    for _ in range(FREE):
        Visitor(service).sign_in(email, "wrong")
    for name in (f"{blanks}{email}", email.upper(), f"{email}\n"):
        fields = {field: name, "password": GOOD}
        assert Visitor(service).post("login", **fields).status == 429, name
    both = {"email": email, "username": "other", "password": GOOD}
    assert Visitor(service).post("login", **both).status == 429
    both = {"email": " ", "username": email, "password": GOOD}
    assert Visitor(service).post("login", **both).status in (400, 429)


def test_a_second_factor_is_guessed_at_no_faster(service: Service) -> None:
    email = f"attacked{next(numbers)}@example.org"
    home = browser(service)
    home.join(email)
    home.enrol()
    statuses = []
    for _ in range(12):
        thief = Visitor(service)
        assert thief.sign_in(email).pending == ["mfa_authenticate"]
        statuses.append(thief.post("2fa/authenticate", code="000000").status)
    assert statuses == [400] * 10 + [429] * 2


def test_a_stolen_token_does_not_guess_the_password(service: Service) -> None:
    thief = Visitor(service)
    thief.join(f"attacked{next(numbers)}@example.org")
    thief.device = ""
    statuses = []
    for _ in range(12):
        thief.device = ""
        statuses.append(thief.post("reauthenticate", password="wrong").status)
    assert statuses == [400] * 10 + [429] * 2


def test_guessing_a_mailed_code_ends_soon(service: Service) -> None:
    email = somebody(service)
    thief = Visitor(service)
    thief.post("code/request", email=email)
    for _ in range(5):
        thief.post("code/confirm", code="BBBB-BBBB")
    assert thief.post("code/confirm", code=code_in(service.mails(email)[-1])).status == 409


def test_a_network_that_enters_codes_all_the_time_waits(service: Service) -> None:
    told = [Visitor(service, address="31.3.3.7").post("code/confirm", code="x") for _ in range(31)]
    assert {one.status for one in told[:30]} == {409}
    assert (told[30].status, told[30].codes) == (429, ["wait"])
    assert int(told[30].headers["Retry-After"]) == told[30].body["meta"]["wait"] > 0


# Stages


def test_nothing_leads_past_the_second_factor(service: Service) -> None:
    email = f"attacked{next(numbers)}@example.org"
    home = browser(service)
    home.join(email)
    home.enrol()
    thief = Visitor(service)
    thief.sign_in(email)
    for route, sent in {
        "code/confirm": {"code": "x"},
        "email/verify": {"key": "x"},
        "reauthenticate": {"password": GOOD},
        "login": {"email": email, "password": GOOD},
    }.items():
        thief.post(route, **sent)
        assert thief.who() is None, route
    thief.post("code/request", email=email)
    said = thief.post("code/confirm", code=code_in(service.mails(email)[-1]))
    assert (said.status, said.pending) == (401, ["mfa_authenticate"])
    assert thief.who() is None


# Who exists


STORIES: dict[str, dict[str, str]] = {
    "login": {"password": "surely not this password"},
    "code/request": {},
    "password/request": {},
    "signup": {"password": GOOD},
}


@pytest.mark.parametrize("route", STORIES)
def test_the_answer_and_the_number_of_mails_tell_nobody(
    service: Service, early: tuple[str, float], route: str
) -> None:
    known, unknown = early[0], f"nobody{next(numbers)}@example.org"
    # allauth sends one mail to an address in ten seconds
    wait_for(lambda: route != "signup" or time.monotonic() - early[1] > 10.5, 12)
    before = len(service.mails(known))
    told = [Visitor(service).post(route, email=name, **STORIES[route]) for name in (known, unknown)]
    assert shape(told[0], known) == shape(told[1], unknown)
    assert len(service.mails(known)) - before == len(service.mails(unknown))


def shape(answer: Answer, name: str) -> str:
    text = json.dumps([answer.status, answer.body]).replace(name, "NAME")
    return re.sub(r'"session_token": "[^"]+"', "", text)


def p_value(one: list[float], other: list[float]) -> float:
    """Of the Mann-Whitney U test, two-sided, by the normal approximation."""
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranks = sum(place + 1 for place, (_, sample) in enumerate(ranked) if sample == 0)
    n, m = len(one), len(other)
    spread = (n * m * (n + m + 1) / 12) ** 0.5
    z = abs(ranks - n * (n + 1) / 2 - n * m / 2) / spread
    return 2 * (1 - statistics.NormalDist().cdf(z))


def times(service: Service, runs: int) -> tuple[list[float], list[float]]:
    """Of wrong passwords for somebody known and somebody unknown, in turn; each guess is free."""
    found: tuple[list[float], list[float]] = ([], [])
    for turn in range(runs):
        if turn % FREE == 0:
            pairs = [(0, somebody(service)), (1, f"nobody{next(numbers)}@example.org")]
        for column, name in pairs if turn % 2 else reversed(pairs):
            visitor = Visitor(service)
            began = time.perf_counter()
            assert visitor.sign_in(name, "surely not this password").status == 400
            found[column].append(time.perf_counter() - began)
    return found


def test_the_time_of_a_sign_in_tells_nobody_who_is_known(service: Service) -> None:
    assert any(p_value(*times(service, 40)) > 0.01 for _ in range(2))


# What is sent


BAD = {
    "twice": b'{"email": "a@example.org", "email": "b@example.org", "password": "x"}',
    "twice, spelled apart": b'{"email": "a@example.org", "\\u0065mail": "b@example.org"}',
    "a zero": b'{"email": "a\\u0000@example.org"}',
    "half a letter": b'{"email": "\\ud800@example.org"}',
    "half a letter in a name": b'{"\\udfff": "x"}',
    "no text": b'{"email": ["a@example.org"]}',
    "a number": b'{"email": 1}',
    "a large number": b'{"email": ' + b"9" * 50_000 + b"}",
    "no number": b'{"email": NaN}',
    "nothing": b'{"email": null}',
    "an object in it": b'{"email": {"a": "b"}}',
    "a list": b'["email"]',
    "a text": b'"email"',
    "deep": b"[" * 30_000 + b"]" * 30_000,
    "deep objects": b'{"a":' * 10_000 + b'"x"' + b"}" * 10_000,
    "many": json.dumps({f"f{number}": "x" for number in range(MOST_FIELDS + 1)}).encode(),
    "utf-16": '{"email": "a@example.org"}'.encode("utf-16"),
    "a mark before it": b"\xef\xbb\xbf{}",
    "latin-1": '{"email": "é"}'.encode("latin-1"),
    "two": b"{}{}",
    "cut off": b'{"email": "a@exa',
}


@pytest.mark.parametrize("name", BAD)
def test_a_body_is_one_flat_object_of_texts(name: str) -> None:
    with pytest.raises(Malformed):
        fields(BAD[name])


def test_what_is_none_is_refused_before_anything_looks_at_it(service: Service) -> None:
    asking = Visitor(service)
    kind = {"Content-Type": "application/json"}
    for name, body in BAD.items():
        said = asking.send("POST", "auth/login", content=body, headers=kind)
        assert (said.status, said.codes) == (400, ["malformed"]), name
    assert "Traceback" not in service.log


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/json; charset=utf-16", 415),
        ("application/json; charset=utf-8", 400),
    ],
)
def test_it_is_sent_as_json_in_utf_8(service: Service, kind: str, status: int) -> None:
    body = b'{"email": "a@example.org", "password": "x"}'
    headers = {"Content-Type": kind}
    assert Visitor(service).send("POST", "auth/login", content=body, headers=headers).status == (
        status
    )


def test_a_body_of_16_mb_is_refused(service: Service) -> None:
    body = b'{"password": "' + b"x" * 16 * 2**20 + b'"}'
    try:
        said = Visitor(service).send("POST", "auth/login", content=body)
    except httpx.WriteError:
        return  # it was refused before all of it was sent
    assert said.status == 413


def test_no_secret_and_no_token_is_logged(service: Service) -> None:
    email = somebody(service)
    ann = Visitor(service)
    ann.sign_in(email, "s3cret-marker-otter")
    ann.sign_in(email)
    ann.who()
    told = [ann.token, ann.device, "s3cret-marker", *SECRETS.values()]
    told += [base64.b64encode(f"{name}:{one}".encode()).decode() for name, one in SECRETS.items()]
    assert not any(one in service.log for one in told)
    assert ann.token not in str(service.rows("SELECT session_key FROM django_session"))
