"""The gate in front of sign-in and its kin, as it runs: who gets in, and what others pay."""

from __future__ import annotations

import itertools
import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.engines import EACH, serving_on
from accounts.service import (
    GOOD,
    Browser,
    Page,
    Service,
    code_in,
    free_port,
    serving,
    visitors,
    wait_for,
)
from holdfast.work.solver import solve

BEHIND = "proxies = 1\n"
WEAKENED = str(Path(__file__).parent / "security" / "weakened.py")
STRICT = BEHIND + "[gate]\ngenerous = 1\ntolerated = 100000\n"
FREE = 5
"""Wrong guesses at one account that nothing is asked for."""
WRONG = "wrong"
numbers = itertools.count(1)
fresh = visitors(40)


@pytest.fixture(scope="module", params=EACH)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("gate")
    with serving_on(request.param, folder, STRICT) as service:
        yield service


def somewhere(service: Service) -> Browser:
    """A browser at an address that is in no network with another."""
    number = next(numbers)
    return Browser(service, f"21.{number // 250}.{number % 250}.7")


def somebody(service: Service) -> str:
    email = f"gate{next(numbers)}@example.org"
    somewhere(service).join(email)
    return email


def guess(browser: Browser, email: str, password: str = WRONG, **fields: str) -> Page:
    form = browser.get("/login/").form("/login/")
    return browser.post("/login/", {**form, "login": email, "password": password, **fields})


def asked(browser: Browser, route: str, **fields: str) -> dict[str, object]:
    """What a page's script is told before it sends the form."""
    token = browser.get("/login/").form("/login/")["csrfmiddlewaretoken"]
    page = browser.post(f"/gate/{route}/", {"csrfmiddlewaretoken": token, **fields})
    assert page.status == 200, page.body
    found: dict[str, object] = json.loads(page.body)
    return found


def without_tokens(page: Page) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", page.body)


def under_attack(service: Service, email: str, guesses: int = FREE) -> None:
    """Wrong guesses at an account, each from a network of its own."""
    for _ in range(guesses):
        assert guess(somewhere(service), email).status == 200


def test_beyond_its_budget_an_account_is_guessed_at_for_work_alone(service: Service) -> None:
    email = somebody(service)
    under_attack(service, email)
    attacker = somewhere(service)
    assert guess(attacker, email).status == 429
    assert guess(attacker, email, GOOD).status == 429, "not even what is right is looked at"
    puzzle = str(asked(attacker, "account_login", account=email)["puzzle"])
    answer = solve(puzzle)
    page = guess(attacker, email, work=answer)
    assert page.status == 200
    assert "not correct" in page.body
    assert guess(attacker, email, work=answer).status == 429, "an answer is worth one guess"


@pytest.mark.parametrize(
    "blanks", [" " * 512, "\t" * 600, "\u3000" * 512], ids=["512", "tabs", "wide"]
)
def test_blanks_before_a_name_are_no_way_around_its_budget(service: Service, blanks: str) -> None:
    email = somebody(service)
    under_attack(service, email)
    assert guess(somewhere(service), f"{blanks}{email}").status == 429


def test_a_page_that_breaks_after_a_guess_gives_nothing_back(tmp_path: Path) -> None:
    with serving(tmp_path, STRICT, program=(WEAKENED, "breaking_pages")) as broken:
        email = somebody(broken)
        answers = [guess(somewhere(broken), email).status for _ in range(FREE + 1)]
    assert answers == [500] * FREE + [429]


@pytest.mark.parametrize("charset", ["unicode_escape", "utf-7", "utf-16", '"latin-1"'])
def test_a_form_is_written_in_utf_8(service: Service, charset: str) -> None:
    """Of others a page can be made to break: what they say has no bytes in UTF-8."""
    kind = f"application/x-www-form-urlencoded; charset={charset}"
    sent = somewhere(service).post("/login/", {"login": "x"}, **{"Content-Type": kind})
    assert sent.status == 415


def test_a_sign_in_without_a_look_at_the_password_is_not_a_good_one(service: Service) -> None:
    browser = somewhere(service)
    email = f"gate{next(numbers)}@example.org"
    browser.join(email)
    form = browser.get("/account/").form("/language/")
    fields = {**form, "login": email, "password": "x"}
    answers = [browser.post("/login/", fields).status for _ in range(25)]
    assert (answers[0], answers[-1]) == (302, 429)


def test_a_stolen_session_does_not_guess_the_password_where_it_is_changed(service: Service) -> None:
    browser = somewhere(service)
    email = f"gate{next(numbers)}@example.org"
    browser.join(email)
    statuses = []
    for _ in range(25):  # its device has ten of its own
        form = browser.get("/password/change/").form("/password/change/")
        fields = {"oldpassword": WRONG, "password1": f"{GOOD}x", "password2": f"{GOOD}x"}
        statuses.append(browser.post("/password/change/", {**form, **fields}).status)
    assert statuses[-1] == 429


def test_without_the_gate_everybody_guesses_for_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, STRICT, program=(WEAKENED, "no_gate")) as weak:
        email = somebody(weak)
        under_attack(weak, email, 4 * FREE)


def test_the_owner_gets_in_elsewhere_by_work(service: Service) -> None:
    email = somebody(service)
    under_attack(service, email)
    owner = somewhere(service)
    answer = solve(str(asked(owner, "account_login", account=email)["puzzle"]))
    assert guess(owner, email, GOOD, work=answer).status == 302
    assert owner.who()


def test_the_owner_gets_in_on_a_known_device_as_if_nothing_was(service: Service) -> None:
    email = f"gate{next(numbers)}@example.org"
    home = somewhere(service)
    home.join(email)
    home.post("/logout/", {"csrfmiddlewaretoken": home.token()})
    assert "device" in home.jar
    under_attack(service, email)
    assert asked(home, "account_login", account=email) == {}
    assert home.sign_in(email).status == 200
    assert home.who()


def test_a_device_token_is_worth_nothing_at_another_account(service: Service) -> None:
    email, other = somebody(service), f"gate{next(numbers)}@example.org"
    attacker = somewhere(service)
    attacker.join(other)
    attacker.post("/logout/", {"csrfmiddlewaretoken": attacker.token()})
    under_attack(service, email)
    assert guess(attacker, email).status == 429


def test_the_owner_gets_in_without_javascript_by_a_mailed_code(service: Service) -> None:
    email = somebody(service)
    under_attack(service, email)
    owner = somewhere(service)
    page = guess(owner, email, GOOD)
    assert page.status == 429
    assert "/login/code/" in page.body
    owner.submit("/login/code/", email=email)
    owner.submit("/login/code/confirm/", code=code_in(service.mails(email)[-1]))
    assert owner.who()
    owner.post("/logout/", {"csrfmiddlewaretoken": owner.token()})
    assert owner.sign_in(email).status == 200, "and from then on its device is known"
    assert owner.who()


def test_guesses_at_an_address_do_not_tell_whose_user_name_it_belongs_to(service: Service) -> None:
    email, name = f"gate{next(numbers)}@example.org", f"gate{next(numbers)}"
    somewhere(service).join(email, username=name)
    under_attack(service, email)
    assert asked(somewhere(service), "account_login", account=name) == {}


def test_nobody_is_guarded_as_somebody_is(service: Service) -> None:
    nobody = f"nobody{next(numbers)}@example.org"
    under_attack(service, nobody)
    attacker = somewhere(service)
    refused = guess(attacker, nobody)
    assert refused.status == 429
    puzzle = str(asked(attacker, "account_login", account=nobody)["puzzle"])
    assert guess(attacker, nobody, work=solve(puzzle)).status == 200
    email = somebody(service)
    under_attack(service, email)
    assert without_tokens(guess(attacker, email)) == without_tokens(refused)


@pytest.mark.parametrize("change", ["account", "action", "cost", "spliced", "nonsense", "huge"])
def test_what_was_not_worked_for_here_is_refused(service: Service, change: str) -> None:
    email = somebody(service)
    under_attack(service, email)
    attacker = somewhere(service)
    puzzle = str(asked(attacker, "account_login", account=email)["puzzle"])
    fields = puzzle.split(":")
    if change == "account":
        other = somebody(service)
        under_attack(service, other)
        answer = solve(str(asked(attacker, "account_login", account=other)["puzzle"]))
    elif change == "action":
        for _ in range(5):
            attacker.submit("/signup/", email="x")
        answer = solve(str(asked(attacker, "account_signup")["puzzle"]))
    elif change == "cost":
        answer = solve(":".join([*fields[:3], "1", *fields[4:]]))
    elif change == "spliced":
        again = str(asked(attacker, "account_login", account=email)["puzzle"]).split(":")
        answer = solve(":".join([*fields[:5], again[5], *fields[6:]]))
    elif change == "nonsense":
        answer = f"{puzzle}:1.2.3"
    else:
        answer = "1" * 5000
    page = guess(attacker, email, GOOD, work=answer)
    assert page.status == 429
    assert attacker.who() is None


def test_one_answer_lets_one_of_two_hundred_in(service: Service) -> None:
    email = somebody(service)
    under_attack(service, email)
    attacker = somewhere(service)
    answer = solve(str(asked(attacker, "account_login", account=email)["puzzle"]))
    form = attacker.get("/login/").form("/login/")
    data = {**form, "login": email, "password": "wrong", "work": answer}

    def send(_: int) -> int:
        return attacker.post("/login/", data).status

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(send, range(200)))
    assert sorted(statuses) == [200] + [429] * 199


def test_people_who_get_in_use_nothing_up(service: Service) -> None:
    email = somebody(service)
    for _ in range(FREE + 3):
        visitor = somewhere(service)
        assert visitor.sign_in(email).status == 200
        assert visitor.who()


def test_a_network_that_guesses_at_many_works_and_then_waits(service: Service) -> None:
    attacker = somewhere(service)
    for number in range(20):
        assert guess(attacker, f"spray{number}@example.org").status == 200
    said = asked(attacker, "account_login", account="another@example.org")
    assert "puzzle" in said
    assert guess(attacker, "another@example.org").status == 429
    elsewhere = somewhere(service)
    assert asked(elsewhere, "account_login", account="another@example.org") == {}


def test_mail_is_bounded_by_network_and_the_code_is_the_same(service: Service) -> None:
    email = somebody(service)
    before = len(service.mails(email))
    for _ in range(6):
        somewhere(service).submit("/login/code/", email=email)
    owner = somewhere(service)
    owner.submit("/login/code/", email=email)
    mails = service.mails(email)[before:]
    assert len(mails) == 3, "a mailbox does not fill"
    codes = {code_in(mail) for mail in mails}
    assert len(codes) == 1
    owner.submit("/login/code/confirm/", code=codes.pop())
    assert owner.who(), "whoever else asked"


def test_a_mailed_code_counts_once_in_whichever_browser(service: Service) -> None:
    email = somebody(service)
    owner, other = somewhere(service), somewhere(service)
    for browser in (owner, other):
        browser.submit("/login/code/", email=email)
    code = code_in(service.mails(email)[-1])
    owner.submit("/login/code/confirm/", code=code)
    assert owner.who()
    other.submit("/login/code/confirm/", code=code)
    assert other.who() is None
    third = somewhere(service)
    third.submit("/login/code/", email=email)
    assert code_in(service.mails(email)[-1]) != code
    third.submit("/login/code/confirm/", code=code_in(service.mails(email)[-1]))
    assert third.who()


def test_the_code_of_the_time_before_is_as_good_where_others_had_it_mailed(tmp_path: Path) -> None:
    with serving(tmp_path, STRICT, program=(WEAKENED, "quick_codes")) as service:
        email = somebody(service)
        before = len(service.mails(email))
        wait_for(lambda: time.time() % 8 < 1, 20)
        for _ in range(4):
            somewhere(service).submit("/login/code/", email=email)
        mails = service.mails(email)[before:]
        wait_for(lambda: time.time() % 8 < 1, 20)
        owner = somewhere(service)
        owner.submit("/login/code/", email=email)
        assert service.mails(email)[before:] == mails, "the mailbox has enough"
        owner.submit("/login/code/confirm/", code=code_in(mails[0]))
        assert owner.who()


def test_asking_for_codes_is_limited_by_network_and_never_by_account(service: Service) -> None:
    email = somebody(service)
    attacker = somewhere(service)
    statuses = []
    for _ in range(12):
        attacker.jar.clear()
        form = attacker.get("/login/code/").form()
        statuses.append(attacker.post("/login/code/", {**form, "email": email}).status)
    assert statuses == [302] * 10 + [429] * 2
    assert "puzzle" in asked(attacker, "account_request_login_code")
    form = attacker.get("/login/code/").form()
    page = attacker.post("/login/code/", {**form, "email": email})
    assert "try again in" in page.body, "without a script one waits"
    owner = somewhere(service)
    form = owner.get("/login/code/").form()
    assert owner.post("/login/code/", {**form, "email": email}).status == 302


def test_a_second_factor_is_guessed_at_no_faster(service: Service) -> None:
    email = f"gate{next(numbers)}@example.org"
    home = somewhere(service)
    home.join(email)
    _, recovery = home.enrol()
    statuses = []
    for _ in range(12):
        thief = somewhere(service)
        page = thief.sign_in(email)
        if "authenticat" not in page.url:
            break
        form = thief.get("/2fa/authenticate/").form()
        statuses.append(thief.post("/2fa/authenticate/", {**form, "code": "000000"}).status)
    assert statuses[:10] == [200] * 10
    assert set(statuses[10:]) <= {429}
    home.post("/logout/", {"csrfmiddlewaretoken": home.token()})
    home.sign_in(email)
    page = home.submit("/2fa/authenticate/", "/2fa/authenticate/", code=recovery[0])
    home.follow(home.post(page.url, {**page.form(), "action": "trust"}))
    assert home.who(), "on the device of its owner"


def test_a_flood_of_sign_ups_works_for_each(service: Service) -> None:
    flood = somewhere(service)
    for _ in range(5):
        flood.get("/signup/")
        page = flood.sign_up(f"flood{next(numbers)}@example.org")
        assert "confirm-email" in page.url
        flood.jar.clear()
    form = flood.get("/signup/").form()
    data = {**form, "email": f"flood{next(numbers)}@example.org", "password1": GOOD}
    assert flood.post("/signup/", data).status == 429
    answer = solve(str(asked(flood, "account_signup")["puzzle"]))
    assert flood.post("/signup/", {**data, "work": answer}).status == 302


def test_the_script_is_told_of_no_route_that_has_no_gate(service: Service) -> None:
    browser = somewhere(service)
    token = browser.get("/login/").form("/login/")["csrfmiddlewaretoken"]
    page = browser.post("/gate/own_account/", {"csrfmiddlewaretoken": token})
    assert page.status == 404


def test_the_console_and_the_numbers_tell_what_attacks_paid(service: Service) -> None:
    email = somebody(service)
    under_attack(service, email)
    attacker = somewhere(service)
    answer = solve(str(asked(attacker, "account_login", account=email)["puzzle"]))
    assert guess(attacker, email, work=answer).status == 200
    text = Browser(service).get("/metrics").body
    paid = re.search(r'holdfast_gate_hashes_total\{action="sign-in"\} ([0-9.e+]+)', text)
    assert paid is not None, text
    assert float(paid[1]) >= 400_000
    assert 'holdfast_gate_total{action="sign-in",outcome="asked.work"}' in text
    wait_for(
        lambda: bool(
            service.rows(
                "SELECT amount FROM holdfast_tally WHERE name = %s", "sign-in.failed.hashes"
            )
        ),
        15,
    )


def guessing_routes() -> set[str]:
    """The routes whose form asks for a password, a code, or an address to mail something to."""
    found: set[str] = set()

    def walk(patterns: list[URLPattern | URLResolver], names: tuple[str, ...]) -> None:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                if pattern.namespace is None:
                    walk(pattern.url_patterns, names)
            elif pattern.name:
                found.add(pattern.name)

    walk(get_resolver().url_patterns, ())
    return found


NOT_GUESSED = {
    "account_set_password": "of who is signed in",
    "account_reset_password_from_key": "its link has 128 bits and more",
    "break_glass": "its link has 256 bits",
    "first_admin": "its link has 256 bits",
    "invite": "of administrators",
    "account_email": "of who is signed in",
    "mfa_activate_totp": "of who is signed in: it guesses at a secret of one's own",
    "account_confirm_password_reset_code": "codes for that are off",
    "account_verify_phone": "telephones are off",
    "account_change_phone": "telephones are off",
    "account_change_email": "of who is signed in",
}


def test_every_route_that_takes_a_guess_has_a_gate() -> None:
    from holdfast.accounts.gate.places import PLACES

    names = guessing_routes()
    assert set(PLACES) <= names
    words = ("login", "signup", "password", "authenticate", "code", "link", "glass", "admin")
    guessed = {name for name in names if any(word in name for word in words)}
    rest = guessed - set(PLACES) - set(NOT_GUESSED)
    assert rest <= {
        "account_reset_password_done",
        "account_reset_password_from_key_done",
        "mfa_login_webauthn",
        "mfa_reauthenticate_webauthn",
        "mfa_signup_webauthn",
        "mfa_generate_recovery_codes",
        "mfa_view_recovery_codes",
        "mfa_download_recovery_codes",
        "sign_in_link",
        "socialaccount_login_cancelled",
        "socialaccount_login_error",
        "account_signup_by_passkey",
        "usersessions_list",
    }, rest


@pytest.mark.every
def test_an_attack_on_everybody_has_everybody_unknown_work(tmp_path: Path) -> None:
    settings = BEHIND + "[gate]\ntolerated = 10\n"
    with serving(tmp_path, settings) as service:
        email = f"gate{next(numbers)}@example.org"
        home = somewhere(service)
        home.join(email)
        home.post("/logout/", {"csrfmiddlewaretoken": home.token()})
        deadline = time.monotonic() + 150
        stranger = somewhere(service)
        while "puzzle" not in asked(stranger, "account_login", account="new@example.org"):
            assert time.monotonic() < deadline
            guess(somewhere(service), f"other{next(numbers)}@example.org")
        assert asked(home, "account_login", account=email) == {}
        assert home.sign_in(email).status == 200
        assert home.who(), "the device is known"


def test_a_store_that_is_down_refuses_says_so_and_recovers(tmp_path: Path) -> None:
    port = free_port()

    def redis() -> subprocess.Popen[bytes]:
        argv = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=tmp_path
        )

    server = redis()
    try:
        settings = f'cache = "redis://127.0.0.1:{port}/0"\n{STRICT}'
        with serving(tmp_path / "service", settings) as service:
            email = somebody(service)
            server.send_signal(signal.SIGKILL)
            server.wait()
            visitor = somewhere(service)
            page = guess(visitor, email, GOOD)
            assert page.status == 503
            assert page.headers["Retry-After"] == "10"
            assert visitor.who() is None
            assert any("Redis of budgets" in str(line) for line in service.lines)
            server = redis()
            deadline = time.monotonic() + 15
            while guess(visitor, email, GOOD).status != 302:
                assert time.monotonic() < deadline
                time.sleep(0.2)
            assert visitor.who()
    finally:
        server.kill()
        server.wait()
