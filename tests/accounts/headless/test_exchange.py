"""Who has signed in by an application's own form gets its tokens (RFC 8693)."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from accounts.headless.application import SECRETS, Visitor, numbers, settings
from accounts.service import GOOD, Service, serving

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
KIND = "urn:holdfast:session-token"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("exchange")
    with serving(folder, settings(folder)) as running:
        yield running


def asks(service: Service, endpoint: str, name: str = "todo", **fields: str) -> httpx.Response:
    at = f"{service.origin}/openid/{endpoint}"
    return httpx.post(at, data=fields, auth=(name, SECRETS[name]))


def exchanged(service: Service, token: str, name: str = "todo", **more: str) -> httpx.Response:
    fields = {"grant_type": GRANT, "subject_token": token, "subject_token_type": KIND, **more}
    return asks(service, "token", name, **fields)


def signed_in(service: Service) -> Visitor:
    visitor = Visitor(service)
    assert visitor.join(f"exchange{next(numbers)}@example.org").status == 200
    return visitor


def test_a_session_is_exchanged_for_tokens(service: Service) -> None:
    ann = signed_in(service)
    answer = exchanged(service, ann.token)
    held = answer.json()
    assert answer.status_code == 200, answer.text
    assert held["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    said = asks(service, "introspect", token=held["access_token"]).json()
    assert (said["active"], said["sub"]) == (True, ann.who())
    assert "id_token" in held
    again = asks(service, "token", grant_type="refresh_token", refresh_token=held["refresh_token"])
    assert again.status_code == 200


def test_signing_out_ends_them(service: Service) -> None:
    ann = signed_in(service)
    held = exchanged(service, ann.token).json()
    ann.sign_out()
    assert asks(service, "introspect", token=held["access_token"]).json() == {"active": False}


def test_the_session_of_another_application_gets_nothing(service: Service) -> None:
    ann = signed_in(service)
    for name in ("shop", "pages"):
        assert exchanged(service, ann.token, name).status_code == 400
    answer = exchanged(service, ann.token, subject_token_type="urn:other")
    assert answer.json()["error"] == "invalid_request"
    assert exchanged(service, "x" * 40).json()["error"] == "invalid_grant"
    assert exchanged(service, ann.token, scope="openid offline_access").status_code == 400


def test_who_is_not_through_yet_gets_nothing(service: Service) -> None:
    visitor = Visitor(service)
    email = f"exchange{next(numbers)}@example.org"
    assert visitor.post("signup", email=email, password=GOOD).pending == ["verify_email"]
    assert exchanged(service, visitor.token).json()["error"] == "invalid_grant"
