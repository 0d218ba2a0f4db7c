"""Tokens after the first: refreshed, looked into, taken back; and what a thief gets of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from accounts.api.asking import program
from accounts.applications.asking import BACK, SECRET, Client, providing, refused
from accounts.service import Browser, Service, visitors

MORE = f"""
[applications.api]
grants = ["client_credentials"]
secret = "{SECRET[::-1]}"
scopes = ["reports.read", "reports.write"]

[applications.shop]
redirect = ["{BACK}"]
secret = "{SECRET[::-1]}"
scopes = ["orders"]
audience = ["api"]
first_party = true
access_token = "PT1M"

[applications.old]
redirect = ["{BACK}"]
secret = "{SECRET[::-1]}"
first_party = true
pkce = false
"""
fresh = visitors(62)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with providing(tmp_path_factory.mktemp("tokens"), MORE) as running:
        yield running


def api(service: Service) -> Client:
    return Client(service, "api", SECRET[::-1])


def later(service: Service) -> None:
    """Let what was used have been used longer ago than the grace is."""
    service.rows(
        "UPDATE applications_refreshtoken SET used = %s WHERE used IS NOT NULL",
        "2020-01-01 00:00:00",
        commit=True,
    )


def told(service: Service, what: str) -> list[str]:
    """Of whom the trail says something, in order."""
    asked = 'SELECT "object" FROM trail_trailentry WHERE what = %s ORDER BY number'
    return [str(of) for (of,) in service.rows(asked, what)]


# Refresh tokens


def test_a_refresh_token_is_exchanged_for_another(client: Client, ann: Browser) -> None:
    first = client.tokens(ann)
    second = client.refreshed(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    said = client.claims(second["access_token"])
    assert (said["sub"], said["roles"]) == (ann.who(), ["CREATE_TODO"])
    before, after = (client.claims(one["id_token"]) for one in (first, second))
    assert (after["sub"], after["auth_time"]) == (before["sub"], before["auth_time"])
    assert "nonce" not in after
    third = client.refreshed(second["refresh_token"])
    assert third.status_code == 200
    assert third.headers["Cache-Control"] == "no-store"
    assert third.headers["Pragma"] == "no-cache"


def test_fifty_uses_at_once_sign_nobody_out(client: Client, ann: Browser) -> None:
    held = client.tokens(ann)["refresh_token"]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: client.refreshed(held), range(50)))
    assert {answer.status_code for answer in answers} == {200}
    following = {answer.json()["refresh_token"] for answer in answers}
    assert len(following) == 1  # whichever of them is kept is the right one
    assert client.refreshed(following.pop()).status_code == 200


def test_whoever_did_not_get_the_answer_asks_again(client: Client, ann: Browser) -> None:
    held = client.tokens(ann)["refresh_token"]
    lost = client.refreshed(held).json()["refresh_token"]
    assert client.refreshed(held).json()["refresh_token"] == lost


def test_a_stolen_older_one_ends_the_whole_sign_in(
    service: Service, client: Client, ann: Browser
) -> None:
    first = client.tokens(ann)
    second = client.refreshed(first["refresh_token"]).json()
    third = client.refreshed(second["refresh_token"]).json()
    assert client.is_active(third["access_token"])
    later(service)
    assert refused(client.refreshed(first["refresh_token"]))
    assert refused(client.refreshed(third["refresh_token"]))
    assert not client.is_active(third["access_token"])
    assert told(service, "application.theft")[-1] == ann.who()


def test_of_a_thief_and_the_owner_neither_goes_on(
    service: Service, client: Client, ann: Browser
) -> None:
    stolen = client.tokens(ann)["refresh_token"]
    owners = client.refreshed(stolen).json()["refresh_token"]
    later(service)
    assert refused(client.refreshed(stolen))
    assert refused(client.refreshed(owners))


def test_others_sign_ins_go_on(service: Service, client: Client, ann: Browser) -> None:
    stolen, other = client.tokens(ann), client.tokens(ann)
    client.refreshed(stolen["refresh_token"])
    later(service)
    assert refused(client.refreshed(stolen["refresh_token"]))
    assert client.refreshed(other["refresh_token"]).status_code == 200


def test_a_refresh_token_is_worth_nothing_to_another_application(
    service: Service, client: Client, ann: Browser
) -> None:
    held = client.tokens(ann)["refresh_token"]
    assert refused(Client(service, "shop", SECRET[::-1]).refreshed(held))
    assert refused(Client(service, "phone", "").refreshed(held))
    client.secret = "x" * 43
    assert refused(client.refreshed(held))


def test_less_may_be_asked_for_and_never_more(service: Service, ann: Browser) -> None:
    client = Client(service, "shop", SECRET[::-1])
    answer = client.exchange(client.code(ann, scope="openid email"))
    held = answer.json()["refresh_token"]
    assert refused(client.refreshed(held, scope="openid email orders"))
    answer = client.refreshed(held, scope="openid")
    assert answer.json()["scope"] == "openid"


def test_a_sign_in_has_an_end(service: Service, client: Client, ann: Browser) -> None:
    held = client.tokens(ann)
    service.rows("UPDATE applications_grant SET ends = %s", "2020-01-01 00:00:00", commit=True)
    assert refused(client.refreshed(held["refresh_token"]))
    assert not client.is_active(held["access_token"])


def leaves(browser: Browser) -> None:
    browser.post("/logout/", {"csrfmiddlewaretoken": browser.token()})


def test_signing_out_here_ends_what_was_begun_from_here(service: Service, client: Client) -> None:
    browser = fresh(service)
    browser.join("leaves@example.org")
    held = client.tokens(browser)
    offline = client.exchange(client.code(browser, scope="openid offline_access")).json()
    leaves(browser)
    assert refused(client.refreshed(held["refresh_token"]))
    assert not client.is_active(held["access_token"])
    assert client.refreshed(offline["refresh_token"]).status_code == 200


def test_a_code_ends_with_what_it_was_given_in(service: Service, client: Client) -> None:
    browser = fresh(service)
    browser.join("unspent@example.org")
    code = client.code(browser)
    leaves(browser)
    assert refused(client.exchange(code))


def test_signing_out_everywhere_ends_what_is_meant_to_last(service: Service) -> None:
    client, browser = Client(service), fresh(service)
    browser.join("everywhere@example.org")
    held = client.exchange(client.code(browser, scope="openid offline_access")).json()
    full = program(service, "ends", "sessions:write")
    assert full("POST", f"/people/{browser.who()}/sign-out").status == 200
    assert refused(client.refreshed(held["refresh_token"]))
    assert not client.is_active(held["access_token"])


# Codes


def test_a_code_that_comes_twice_ends_what_it_began(
    service: Service, client: Client, ann: Browser
) -> None:
    code = client.code(ann)
    held = client.exchange(code).json()
    assert client.is_active(held["access_token"])
    assert refused(client.exchange(code))
    assert not client.is_active(held["access_token"])
    assert refused(client.refreshed(held["refresh_token"]))


def test_a_code_counts_once_in_all_workers(client: Client, ann: Browser) -> None:
    code = client.code(ann)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: client.exchange(code), range(20)))
    assert sum(answer.status_code == 200 for answer in answers) <= 1


def test_who_is_exempted_may_go_without_a_challenge_and_not_around_one(
    service: Service, ann: Browser
) -> None:
    old = Client(service, "old", SECRET[::-1])
    unbound = {"code_challenge": "", "code_challenge_method": ""}
    assert old.exchange(old.code(ann, **unbound), code_verifier="").status_code == 200
    assert refused(old.exchange(old.code(ann, **unbound)))  # RFC 9700, 2.1.1: a downgrade
    assert refused(old.exchange(old.code(ann), code_verifier=""))
    assert old.exchange(old.code(ann)).status_code == 200


# Introspection


def test_an_application_looks_into_its_own_tokens(client: Client, ann: Browser) -> None:
    held = client.tokens(ann)
    said = client.asks("introspection_endpoint", token=held["access_token"]).json()
    assert (said["active"], said["client_id"], said["sub"]) == (True, "todo", ann.who())
    assert said["scope"].split() == ["openid", "profile", "email"]
    assert client.is_active(held["refresh_token"])


def test_tokens_of_others_are_not_shown(service: Service, client: Client, ann: Browser) -> None:
    held = client.tokens(ann)
    for other in (api(service), Client(service, "shop", SECRET[::-1])):
        for name in ("access_token", "refresh_token"):
            answer = other.asks("introspection_endpoint", token=held[name])
            assert answer.json() == {"active": False}


def test_whom_a_token_is_for_may_look_into_it(service: Service, ann: Browser) -> None:
    shop = Client(service, "shop", SECRET[::-1])
    held = shop.tokens(ann)
    assert api(service).is_active(held["access_token"])
    assert not api(service).is_active(held["refresh_token"])
    assert held["expires_in"] == 60


def test_a_public_application_looks_into_nothing(service: Service, ann: Browser) -> None:
    phone = Client(service, "phone", "")
    answer = phone.asks("introspection_endpoint", token="x")
    assert answer.status_code == 401


FORGED: dict[str, Callable[[dict[str, Any], str], str]] = {
    "nothing": lambda claims, token: "x",
    "no signature": lambda claims, token: ".".join([*token.split(".")[:2], ""]),
    "another signature": lambda claims, token: f"{token[:-8]}AAAAAAAA",
    "alg none": lambda claims, token: ".".join(
        [_coded({"alg": "none", "typ": "at+jwt"}), _coded({**claims, "sub": "x"}), ""]
    ),
    "an ID token": lambda claims, token: str(claims["id_token"]),
    "a long one": lambda claims, token: f"{'x' * 3000}.{'x' * 3000}.x",
}


def _coded(data: dict[str, Any]) -> str:
    text = json.dumps({key: value for key, value in data.items() if key != "id_token"})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_token_is_good_for_nothing(client: Client, ann: Browser, name: str) -> None:
    held = client.tokens(ann)
    claims = {**client.claims(held["access_token"]), "id_token": held["id_token"]}
    forged = FORGED[name](claims, held["access_token"])
    assert not client.is_active(forged)
    at = client.described["userinfo_endpoint"]
    answer = httpx.get(at, headers={"authorization": f"Bearer {forged}"})
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


# Revocation


def test_a_refresh_token_that_is_taken_back_ends_its_sign_in(client: Client, ann: Browser) -> None:
    held = client.tokens(ann)
    assert client.asks("revocation_endpoint", token=held["refresh_token"]).status_code == 200
    assert refused(client.refreshed(held["refresh_token"]))
    assert not client.is_active(held["access_token"])


def test_an_access_token_that_is_taken_back_ends_alone(client: Client, ann: Browser) -> None:
    held = client.tokens(ann)
    hints = {"token_type_hint": "refresh_token"}  # a wrong hint is only a hint (RFC 7009, 2.1)
    answer = client.asks("revocation_endpoint", token=held["access_token"], **hints)
    assert answer.status_code == 200
    assert not client.is_active(held["access_token"])
    at = client.described["userinfo_endpoint"]
    header = {"authorization": f"Bearer {held['access_token']}"}
    assert httpx.get(at, headers=header).status_code == 401
    assert client.refreshed(held["refresh_token"]).status_code == 200


def test_nobody_takes_back_the_tokens_of_others(
    service: Service, client: Client, ann: Browser
) -> None:
    held = client.tokens(ann)
    for name in ("access_token", "refresh_token"):
        Client(service, "phone", "").asks("revocation_endpoint", token=held[name])
        assert client.is_active(held[name])


def test_a_token_that_is_none_is_taken_back_without_a_word(client: Client) -> None:
    assert client.asks("revocation_endpoint", token="x").status_code == 200


# Applications by themselves


def test_an_application_has_a_token_of_its_own(service: Service) -> None:
    client = api(service)
    answer = client.asks("token_endpoint", grant_type="client_credentials", scope="reports.read")
    held = answer.json()
    said = client.claims(held["access_token"])
    assert (said["sub"], said["scope"]) == ("api", "reports.read")
    assert "refresh_token" not in held
    assert "id_token" not in held
    assert client.is_active(held["access_token"])
    header = {"authorization": f"Bearer {held['access_token']}"}
    assert httpx.get(client.described["userinfo_endpoint"], headers=header).status_code == 401


@pytest.mark.parametrize("scope", ["openid", "reports.all", "reports.read admin"])
def test_it_gets_no_more_than_it_is_registered_for(service: Service, scope: str) -> None:
    answer = api(service).asks("token_endpoint", grant_type="client_credentials", scope=scope)
    assert answer.json()["error"] == "invalid_scope"


def test_a_grant_that_is_not_its_own_is_refused(service: Service, client: Client) -> None:
    answer = client.asks("token_endpoint", grant_type="client_credentials")
    assert answer.json()["error"] == "unauthorized_client"
    answer = client.asks("token_endpoint", grant_type="password", username="ann", password="x")
    assert answer.json()["error"] == "unsupported_grant_type"


# Which application asks


def test_a_wrong_secret_is_answered_as_the_standard_says(service: Service) -> None:
    client = Client(service, "todo", "x" * 43)
    answer = client.asks("token_endpoint", grant_type="client_credentials")
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


ASKED_WRONGLY: dict[str, dict[str, Any]] = {
    "two ways of saying who it is": {
        "data": {"grant_type": "client_credentials", "client_secret": SECRET[::-1]},
    },
    "another name in the body": {
        "data": {"grant_type": "client_credentials", "client_id": "todo"},
    },
    "a field twice": {
        "content": b"grant_type=client_credentials&grant_type=client_credentials",
        "headers": {"content-type": "application/x-www-form-urlencoded"},
    },
    "fields in the address": {
        "params": {"grant_type": "client_credentials"},
        "data": {"grant_type": "client_credentials"},
    },
    "JSON": {"json": {"grant_type": "client_credentials"}},
    "no grant": {"data": {"x": "y"}},
}


@pytest.mark.parametrize("name", ASKED_WRONGLY)
def test_a_request_that_is_not_one_is_refused(service: Service, name: str) -> None:
    client = api(service)
    asked = ASKED_WRONGLY[name]
    at = client.described["token_endpoint"]
    answer = httpx.post(at, auth=(client.name, client.secret), **asked)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert httpx.get(at).status_code == 405


def test_secrets_are_not_guessed_without_end(service: Service) -> None:
    client = Client(service, "todo", "x" * 43)
    answers = [client.asks("token_endpoint", grant_type="x").status_code for _ in range(30)]
    assert answers[0] == 401 or 429 in answers
    assert answers[-1] == 429
    assert api(service).asks("token_endpoint", grant_type="client_credentials").status_code == 200


def test_a_page_of_a_public_application_may_read_its_answers(
    service: Service, client: Client
) -> None:
    origin = BACK.removesuffix("/guard/signed-in")
    for asking, of, shared in (
        (Client(service, "phone", ""), origin, origin),
        (Client(service, "phone", ""), "https://evil.example", None),
        (client, origin, None),
    ):
        auth = (asking.name, asking.secret) if asking.secret else None
        fields = {"token": "x", **({} if asking.secret else {"client_id": asking.name})}
        at = asking.described["revocation_endpoint"]
        answer = httpx.post(at, data=fields, auth=auth, headers={"origin": of})
        assert answer.status_code == 200
        assert answer.headers.get("Access-Control-Allow-Origin") == shared
