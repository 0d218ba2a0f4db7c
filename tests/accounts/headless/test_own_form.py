"""An application signs people in by its own form: each story, and what holds as on the pages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver

from accounts.engines import EACH, serving_on
from accounts.headless.application import Visitor, numbers, settings
from accounts.service import GOOD, Browser, Service, code_in, link_in, totp, wait_for
from holdfast.work.solver import solve

OTHER = "seven lanterns drift eastward"
STRICT = "\n[gate]\ngenerous = 1\ntolerated = 100000\n"
FREE = 5
"""Wrong guesses at one account that nothing is asked for."""


@pytest.fixture(scope="module", params=EACH)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("own-form")
    with serving_on(request.param, folder, settings(folder) + STRICT) as running:
        yield running


def somebody(service: Service) -> str:
    """The address of somebody new."""
    email = f"form{next(numbers)}@example.org"
    assert Visitor(service).join(email).status == 200
    return email


def browser(service: Service) -> Browser:
    number = next(numbers)
    return Browser(service, f"23.{number // 250}.{number % 250}.7")


# The stories


def test_an_application_signs_up_verifies_and_signs_out(service: Service) -> None:
    ann = Visitor(service)
    email = f"form{next(numbers)}@example.org"
    answer = ann.post("signup", email=email, password=GOOD, name="Ann")
    assert (answer.status, answer.pending) == (401, ["verify_email"])
    assert ann.who() is None
    answer = ann.post("email/verify", key=code_in(service.mails(email)[-1]))
    assert answer.status == 200
    assert answer.body["data"]["user"]["display"] == "Ann"
    assert ann.who()
    assert ann.sign_out().status == 401
    assert ann.who() is None


def test_an_application_signs_in_with_a_password(service: Service) -> None:
    email = somebody(service)
    ann = Visitor(service)
    assert ann.sign_in(email, "wrong").codes == ["email_password_mismatch"]
    assert ann.sign_in(email).status == 200
    assert ann.who()


def test_a_password_is_taken_to_the_letter(service: Service) -> None:
    email, password = f"form{next(numbers)}@example.org", f"  {GOOD}  "
    Visitor(service).join(email, password)
    assert browser(service).sign_in(email, password).status == 200
    assert Visitor(service).sign_in(email, password).status == 200
    assert Visitor(service).sign_in(email, GOOD).status == 400


def test_an_application_signs_in_with_a_mailed_code(service: Service) -> None:
    email = somebody(service)
    ann = Visitor(service)
    assert ann.post("code/request", email=email).pending == ["login_by_code"]
    assert ann.post("code/confirm", code="BBBB-BBBB").codes == ["incorrect_code"]
    assert ann.post("code/confirm", code=code_in(service.mails(email)[-1])).status == 200
    assert ann.who()


def test_an_application_signs_in_with_a_second_factor(service: Service) -> None:
    email = f"form{next(numbers)}@example.org"
    home = browser(service)
    home.join(email)
    secret, recovery = home.enrol()
    ann = Visitor(service)
    assert ann.sign_in(email).pending == ["mfa_authenticate"]
    assert ann.who() is None
    assert ann.post("2fa/authenticate", code="000000").codes == ["incorrect_code"]
    service.rows("DELETE FROM people_spent", commit=True)  # one was spent as it was set up
    assert ann.post("2fa/authenticate", code=totp(secret)).status == 200
    assert ann.who()
    again = Visitor(service)
    again.sign_in(email)
    assert again.post("2fa/authenticate", code=recovery[0]).status == 200
    assert again.who()


def test_an_application_has_a_password_reset(service: Service) -> None:
    email = somebody(service)
    ann = Visitor(service)
    ann.sign_in(email)
    other = Visitor(service)
    assert other.post("password/request", email=email).status == 200
    key = link_in(service.mails(email)[-1]).rstrip("/").rpartition("/")[2]
    assert other.post("password/reset", key=key, password="short").status == 400
    assert other.post("password/reset", key=key, password=OTHER).status == 401
    assert other.who() is None, "whoever resets signs in afterwards"
    assert other.post("password/reset", key=key, password=GOOD).status == 400, "a key counts once"
    assert ann.who() is None, "who was signed in before is not"
    assert other.sign_in(email, OTHER).status == 200


def test_somebody_shows_once_more_who_they_are(service: Service) -> None:
    email = somebody(service)
    ann = Visitor(service)
    assert ann.post("reauthenticate", password=GOOD).status == 401
    ann.sign_in(email)
    assert ann.post("reauthenticate", password="wrong").codes == ["incorrect_password"]
    assert ann.post("reauthenticate", password=GOOD).status == 200


# What holds as on the pages


def test_sign_up_asks_what_the_page_asks(service: Service) -> None:
    ann = Visitor(service)
    email = f"form{next(numbers)}@example.org"
    said = ann.post("signup", email=email, password=f"{email}x")
    assert said.status == 400, "one's own address is no password"
    assert {error["param"] for error in said.body["errors"]} == {"password"}
    assert ann.post("signup", email=email, password=GOOD, username="root").status == 400
    assert ann.post("signup", email="x", password=GOOD).status == 400


def test_who_has_not_shown_their_address_is_not_signed_in(service: Service) -> None:
    ann, email = Visitor(service), f"form{next(numbers)}@example.org"
    ann.post("signup", email=email, password=GOOD)
    assert ann.who() is None
    assert ann.post("2fa/authenticate", code="000000").status == 401
    assert ann.post("code/confirm", code="").status == 409
    assert ann.post("reauthenticate", password=GOOD).status == 401
    assert ann.sign_in(email).status in (400, 401)
    assert ann.who() is None
    assert Visitor(service).sign_in(email).status in (400, 401)


def test_who_is_inactive_is_not_signed_in(service: Service) -> None:
    email = somebody(service)
    ann = Visitor(service)
    ann.sign_in(email)
    statement = "UPDATE people_person SET is_active = false WHERE email = %s"
    service.rows(statement, email, commit=True)
    assert ann.who() is None
    assert ann.sign_in(email).status == 401
    assert ann.who() is None


def test_the_trail_names_the_application(service: Service) -> None:
    email = somebody(service)
    Visitor(service, "shop").sign_in(email, "wrong")
    ann = Visitor(service, "shop")
    ann.sign_in(email)
    person = ann.who()
    ann.sign_out()
    told = service.rows("SELECT data FROM trail_trailentry ORDER BY number")
    entries = [json.loads(row[0]) for row in told]
    mine = [one for one in entries if person in (one["who"], one["on"])]
    through = {one["what"] for one in mine if one["details"].get("application") == "shop"}
    assert through == {"sign-in.failed", "sign-in.good", "sign-in.ended"}
    assert mine[-1]["where"] == ann.address


def test_what_is_said_is_in_the_visitors_language(service: Service) -> None:
    sent = {"email": "nobody@example.org", "password": "x"}
    german = {"Accept-Language": "de"}
    said = Visitor(service).send("POST", "auth/login", json=sent, headers=german)
    assert "Passwort" in said.body["errors"][0]["message"]


# Sessions


def test_a_session_is_seen_and_ended_on_the_persons_own_page(service: Service) -> None:
    email = somebody(service)
    ann, other = Visitor(service, "shop"), Visitor(service)
    ann.sign_in(email)
    other.sign_in(email)
    home = browser(service)
    home.sign_in(email)
    page = home.get("/sessions/").body
    found = re.search(rf"The shop</strong>.*?{ann.address}.*?/account/sessions/(\d+)/", page, re.S)
    assert found is not None, page
    home.post(f"/account/sessions/{found[1]}/end/", {"csrfmiddlewaretoken": home.token()})
    assert ann.who() is None
    assert other.who()


def test_a_session_lasts_as_long_as_its_application_says(service: Service) -> None:
    email = somebody(service)
    ann, long = Visitor(service, "brief"), Visitor(service)
    for visitor in (ann, long):
        visitor.sign_in(email)
        assert visitor.who()
    wait_for(lambda: ann.who() is None)
    assert ann.ask("GET", "auth/session").status == 410
    assert long.who()


# The gate


def test_beyond_its_budget_an_account_is_guessed_at_for_work_alone(service: Service) -> None:
    email = somebody(service)
    for _ in range(FREE):
        assert Visitor(service).sign_in(email, "wrong").status == 400
    ann = Visitor(service)
    asked = ann.sign_in(email)
    assert (asked.status, asked.codes) == (429, ["work"]), "not even what is right is looked at"
    answer = solve(asked.puzzle)
    assert ann.sign_in(email, "wrong", work=answer).status == 400
    assert ann.sign_in(email, work=answer).status == 429, "an answer is worth one guess"
    assert ann.sign_in(email, work=solve(ann.sign_in(email).puzzle)).status == 200
    assert ann.who()


def test_the_pages_and_the_api_share_the_budget_of_an_account(service: Service) -> None:
    email = somebody(service)
    for _ in range(FREE):
        Visitor(service).sign_in(email, "wrong")
    assert browser(service).sign_in(email, "wrong").status == 429


def test_the_owner_gets_in_on_a_known_device_and_by_a_mailed_code(service: Service) -> None:
    email = somebody(service)
    home = Visitor(service)
    home.sign_in(email)
    home.sign_out()
    for _ in range(FREE):
        Visitor(service).sign_in(email, "wrong")
    assert home.device
    home.token = ""
    assert home.sign_in(email).status == 200
    elsewhere = Visitor(service)
    assert elsewhere.sign_in(email).status == 429
    elsewhere.post("code/request", email=email)
    assert elsewhere.post("code/confirm", code=code_in(service.mails(email)[-1])).status == 200


def test_a_right_guess_uses_nothing_up(service: Service) -> None:
    email = somebody(service)
    for _ in range(FREE + 3):
        assert Visitor(service).sign_in(email).status == 200


# What is offered


def all_of_allauth() -> set[str]:
    """Every route of allauth's headless API, for each kind of client."""
    from allauth.headless.constants import Client
    from allauth.headless.urls import build_urlpatterns

    def walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
        for pattern in patterns:
            path = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, path)
            else:
                yield path

    return {
        path for client in Client for path in walk(build_urlpatterns(client), f"{client.value}/")
    }


def test_all_that_a_form_does_not_need_is_nowhere(service: Service) -> None:
    from holdfast.accounts.headless.urls import OFFERED

    offered = {f"app/v1/{route}" for route, _, _ in OFFERED}
    rest = all_of_allauth() - offered
    assert len(rest) > 30
    ann = Visitor(service)
    ann.sign_in(somebody(service))
    for path in rest:
        for method in ("GET", "POST"):
            assert ann.send(method, f"../../{path}").status == 404, path
    assert offered <= all_of_allauth()
    assert all(ann.send("GET", f"../../{path}").status != 404 for path in offered)


def test_every_route_that_takes_something_is_behind_the_gate() -> None:
    from holdfast.accounts.gate.places import PLACES
    from holdfast.accounts.headless.urls import OFFERED

    assert {name for _, view, name in OFFERED if "POST" in view.methods} == {
        name for name in PLACES if name.startswith("headless_")
    }


def test_the_configuration_says_what_a_form_can_offer(service: Service) -> None:
    said = Visitor(service).ask("GET", "config")
    assert said.status == 200
    assert said.body["data"]["account"]["is_open_for_signup"] is True
