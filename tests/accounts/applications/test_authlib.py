"""Authlib, a client that is none of ours, goes through every flow of the provider."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from accounts.service import Browser, Service, serving, visitors

BACK = "http://localhost:3000/signed-in"
SCOPE = "openid profile email"
SECRET = secrets.token_urlsafe(32)
SETTINGS = f"""\
[applications.shop]
redirect = ["{BACK}"]
secret = "file:SECRET"
roles = ["BUYER"]
everyone = ["BUYER"]
first_party = true
grants = ["authorization_code", "refresh_token", "client_credentials"]

[applications.phone]
redirect = ["{BACK}"]
first_party = true
grants = ["authorization_code", "refresh_token", "device_code"]
"""
CLIENT_CREDENTIALS = "client_credentials"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
METHODS = {"shop": ("client_secret_basic", "client_secret_post"), "phone": ("none",)}
CLIENTS = [(name, method) for name, methods in METHODS.items() for method in methods]
fresh = visitors(62)
Make = Callable[[str, str], OAuth2Session]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("authlib")
    path = folder / "secret"
    path.touch(0o600)
    path.write_text(SECRET)
    with serving(folder, SETTINGS.replace("SECRET", str(path), 1)) as running:
        yield running


@pytest.fixture(scope="module")
def described(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{service.origin}/.well-known/openid-configuration").json()
    return found


@pytest.fixture
def client(described: dict[str, Any]) -> Iterator[Make]:
    """Makes clients by name and the way in which they show who they are."""
    made: list[OAuth2Session] = []

    def make(name: str, method: str) -> OAuth2Session:
        session = OAuth2Session(
            name,
            None if method == "none" else SECRET,
            token_endpoint_auth_method=method,
            revocation_endpoint_auth_method=method,
            scope=SCOPE,
            redirect_uri=BACK,
            code_challenge_method="S256",
            token_endpoint=described["token_endpoint"],
        )
        made.append(session)
        return session

    yield make
    for session in made:
        session.close()


def signed_in(
    client: OAuth2Session, described: dict[str, Any], browser: Browser
) -> tuple[dict[str, Any], str]:
    """Take somebody through the code flow; return their tokens and the nonce."""
    verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    url, state = client.create_authorization_url(
        described["authorization_endpoint"], code_verifier=verifier, nonce=nonce
    )
    page = browser.get(url)
    assert page.status == 302, page.body
    answer = page.headers["Location"]
    return client.fetch_token(
        authorization_response=answer, code_verifier=verifier, state=state
    ), nonce


def judged(
    token: str, described: dict[str, Any], audience: str, nonce: str, access_token: str = ""
) -> CodeIDToken:
    """What an ID token says, once Authlib has found it good by the published keys."""
    keys = KeySet.import_key_set(httpx.get(described["jwks_uri"]).json())
    decoded = jwt.decode(token, keys, algorithms=["RS256"])
    claims = CodeIDToken(
        decoded.claims,
        decoded.header,
        {
            "iss": {"essential": True, "value": described["issuer"]},
            "aud": {"essential": True, "value": audience},
            "nonce": {"essential": True, "value": nonce},
        },
        {"nonce": nonce, "client_id": audience, "access_token": access_token},
    )
    claims.validate()
    return claims


@pytest.mark.parametrize(("name", "method"), CLIENTS)
def test_code_flow_id_token_userinfo_refresh_and_revocation(
    client: Make, described: dict[str, Any], ann: Browser, name: str, method: str
) -> None:
    one = client(name, method)
    tokens, nonce = signed_in(one, described, ann)
    said = judged(tokens["id_token"], described, name, nonce, tokens["access_token"])
    assert said["sub"] == ann.who()
    assert said["roles"] == (["BUYER"] if name == "shop" else [])
    assert one.get(described["userinfo_endpoint"]).json()["sub"] == ann.who()

    first = tokens["refresh_token"]
    renewed = one.refresh_token()
    assert renewed["access_token"] != tokens["access_token"]
    assert renewed["refresh_token"] != first
    assert one.get(described["userinfo_endpoint"]).json()["sub"] == ann.who()

    gone = one.revoke_token(
        described["revocation_endpoint"], renewed["refresh_token"], "refresh_token"
    )
    assert gone.status_code == 200
    with pytest.raises(OAuthError, match="invalid_grant"):
        one.refresh_token(refresh_token=renewed["refresh_token"])


def test_a_revoked_access_token_shows_nobody(
    client: Make, described: dict[str, Any], ann: Browser
) -> None:
    one = client("shop", "client_secret_basic")
    tokens, _ = signed_in(one, described, ann)
    one.revoke_token(described["revocation_endpoint"], tokens["access_token"], "access_token")
    assert one.get(described["userinfo_endpoint"]).status_code == 401


def test_the_wrong_way_to_show_who_a_client_is_gets_no_token(
    client: Make, described: dict[str, Any], ann: Browser
) -> None:
    with pytest.raises(OAuthError):
        signed_in(client("shop", "none"), described, ann)


def test_authlib_refuses_what_is_not_for_it(
    client: Make, described: dict[str, Any], ann: Browser
) -> None:
    tokens, nonce = signed_in(client("shop", "client_secret_basic"), described, ann)
    judged(tokens["id_token"], described, "shop", nonce)
    for audience, said in (("phone", nonce), ("shop", "another")):
        with pytest.raises(JoseError):
            judged(tokens["id_token"], described, audience, said)
    head, _, _ = tokens["id_token"].rpartition(".")
    with pytest.raises(JoseError):
        judged(f"{head}.{'A' * 342}", described, "shop", nonce)


# The other grants


@pytest.mark.parametrize("method", METHODS["shop"])
def test_client_credentials(client: Make, described: dict[str, Any], method: str) -> None:
    one = client("shop", method)
    tokens = one.fetch_token(grant_type=CLIENT_CREDENTIALS, scope="")
    assert "refresh_token" not in tokens
    assert "id_token" not in tokens
    keys = KeySet.import_key_set(httpx.get(described["jwks_uri"]).json())
    claims = jwt.decode(tokens["access_token"], keys, algorithms=["RS256"]).claims
    assert (claims["iss"], claims["client_id"]) == (described["issuer"], "shop")


def test_a_public_client_has_no_credentials(client: Make, described: dict[str, Any]) -> None:
    with pytest.raises(OAuthError):
        client("phone", "none").fetch_token(
            grant_type=CLIENT_CREDENTIALS, client_id="phone", scope=""
        )


@pytest.mark.parametrize("method", METHODS["shop"])
def test_introspection(client: Make, described: dict[str, Any], ann: Browser, method: str) -> None:
    endpoint = described["introspection_endpoint"]
    one = client("shop", method)
    tokens, _ = signed_in(one, described, ann)
    shown = one.introspect_token(endpoint, tokens["access_token"], "access_token").json()
    assert (shown["active"], shown["client_id"]) == (True, "shop")
    assert shown["sub"] == ann.who()
    one.revoke_token(described["revocation_endpoint"], tokens["access_token"], "access_token")
    gone = one.introspect_token(endpoint, tokens["access_token"], "access_token").json()
    assert gone == {"active": False}
    assert one.introspect_token(endpoint, "made-up").json() == {"active": False}


def test_nobody_looks_into_tokens_without_a_secret(
    described: dict[str, Any], client: Make, ann: Browser
) -> None:
    endpoint = described["introspection_endpoint"]
    tokens, _ = signed_in(client("shop", "client_secret_basic"), described, ann)
    for auth in (None, ("shop", "x" * 43)):
        answer = httpx.post(endpoint, data={"token": tokens["access_token"]}, auth=auth)
        assert "sub" not in answer.text


def asked_by_a_device(
    one: OAuth2Session, described: dict[str, Any]
) -> tuple[dict[str, str], dict[str, str]]:
    """Begin a device's sign-in; return the answer, and what the device asks again and again."""
    answer = one.post(
        described["device_authorization_endpoint"],
        data={"client_id": one.client_id, "scope": SCOPE},
        withhold_token=True,
    )
    assert answer.status_code == 200, answer.text
    code = answer.json()["device_code"]
    return answer.json(), {
        "grant_type": DEVICE_CODE,
        "device_code": code,
    }


def answered(browser: Browser, shown: dict[str, str], answer: str) -> None:
    """Say of a device, whose link was opened, what it may."""
    browser.confirm()
    page = browser.get(shown["verification_uri_complete"])
    page = browser.follow(browser.post("/device", page.form("/device")))
    browser.post("/device/allow", {**page.form("/device/allow"), "answer": answer})


def test_a_device_without_a_browser_signs_somebody_in(
    client: Make, described: dict[str, Any], ann: Browser
) -> None:
    one = client("phone", "none")
    answer, again = asked_by_a_device(one, described)
    answered(ann, answer, "allow")
    one.fetch_token(**again)
    assert one.get(described["userinfo_endpoint"]).json()["sub"] == ann.who()
    with pytest.raises(OAuthError):
        one.fetch_token(**again)


def test_a_device_that_asks_too_often_is_slowed_and_one_that_is_denied_gets_nothing(
    client: Make, described: dict[str, Any], ann: Browser
) -> None:
    one = client("phone", "none")
    answer, again = asked_by_a_device(one, described)
    with pytest.raises(OAuthError, match="authorization_pending"):
        one.fetch_token(**again)
    with pytest.raises(OAuthError, match="slow_down"):
        one.fetch_token(**again)
    answer, again = asked_by_a_device(one, described)
    answered(ann, answer, "decline")
    with pytest.raises(OAuthError, match="access_denied"):
        one.fetch_token(**again)


def test_the_answer_names_who_gives_it(
    client: Make, described: dict[str, Any], ann: Browser
) -> None:
    one = client("shop", "client_secret_basic")
    url, _ = one.create_authorization_url(
        described["authorization_endpoint"], code_verifier=secrets.token_urlsafe(48), nonce="n"
    )
    answer = parse_qs(urlsplit(ann.get(url).headers["Location"]).query)
    assert answer["iss"] == [described["issuer"]]
