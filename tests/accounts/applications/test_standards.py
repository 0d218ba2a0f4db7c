"""What the standards demand beside the stories: docs/standards.md names a test for each."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx
import jwt
import pytest

from accounts.applications.asking import BACK, OUT, SECRET, Client, providing, refused, sent_back
from accounts.service import Browser, Service, visitors

ROOT = Path(__file__).parents[3]
TABLE = ROOT / "docs" / "standards.md"
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
REQUIRED = (
    *("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"),
    *("response_types_supported", "subject_types_supported", "userinfo_endpoint"),
    *("id_token_signing_alg_values_supported", "scopes_supported", "claims_supported"),
)
"""OpenID Connect Discovery, 3."""
FORM = "application/x-www-form-urlencoded"
fresh = visitors(65)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with providing(tmp_path_factory.mktemp("standards")) as running:
        yield running


def test_every_test_that_the_table_names_is_there() -> None:
    named = NAMED.findall(TABLE.read_text())
    assert len(named) > 80
    for file in {file for file, _ in named}:
        tree = ast.parse((ROOT / "tests" / file).read_text())
        known = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert {test for of, test in named if of == file} <= known, file


def test_every_row_of_the_table_names_a_test_or_says_why_not() -> None:
    rows = [line for line in TABLE.read_text().splitlines() if line.startswith("| ")]
    rows = [row for row in rows if not row.startswith(("| §", "| ---"))]
    bare = [row for row in rows if not NAMED.search(row) and "not offered" not in row]
    assert bare == []


# Discovery


def test_everything_required_is_described(service: Service, client: Client) -> None:
    assert set(REQUIRED) <= set(client.described)
    assert client.described["issuer"] == service.origin
    assert "RS256" in client.described["id_token_signing_alg_values_supported"]
    assert client.described["authorization_response_iss_parameter_supported"] is True
    at = f"{service.origin}/.well-known/openid-configuration"
    assert httpx.get(at).headers["Content-Type"] == "application/json"
    at = f"{service.origin}/.well-known/oauth-authorization-server"
    assert httpx.get(at).json() == client.described


def test_every_address_that_is_described_is_there(service: Service, client: Client) -> None:
    for name, at in client.described.items():
        if name.endswith(("_endpoint", "_uri")):
            assert at.startswith(f"{service.origin}/"), name
            assert httpx.get(at).status_code != 404, name


def test_published_keys_are_public_and_for_signing(client: Client) -> None:
    for key in httpx.get(client.described["jwks_uri"]).json()["keys"]:
        assert (key["kty"], key["use"], key["alg"]) == ("RSA", "sig", "RS256")
        assert not {"d", "p", "q", "dp", "dq", "qi"} & set(key)


# Requests


HARMLESS = {
    "an unknown scope": {"scope": "openid address all"},
    "unknown": {"x": "y"},
    "empty": {"display": ""},
    "how it looks": {"display": "popup"},
    "languages": {"ui_locales": "xx de"},
    "languages of claims": {"claims_locales": "de"},
    "a hint": {"login_hint": "ann@example.org"},
    "a class": {"acr_values": "1 2"},
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_not_known_does_no_harm(client: Client, ann: Browser, name: str) -> None:
    assert "code" in sent_back(ann.get(client.path(**{"scope": "openid", **HARMLESS[name]})))


def test_an_empty_field_is_one_that_is_left_out(client: Client, ann: Browser) -> None:
    said = sent_back(ann.get(f"{client.path(state='')}&state="))
    assert "state" not in said
    asked = client.path(scope="").replace("?", "?scope=&")
    assert sent_back(ann.get(asked))["error"] == "invalid_scope"


def test_without_openid_there_is_no_id_token(client: Client, ann: Browser) -> None:
    held = client.exchange(client.code(ann, scope="profile")).json()
    assert "id_token" not in held
    header = {"authorization": f"Bearer {held['access_token']}"}
    answer = httpx.get(client.described["userinfo_endpoint"], headers=header)
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


def test_no_page_is_shown_in_a_frame(service: Service, ann: Browser) -> None:
    for path in (Client(service, "phone", "").path(), "/login/", "/device"):
        page = ann.get(path)
        assert page.headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


def test_no_redirect_has_a_browser_send_a_form_on(service: Service) -> None:
    """RFC 9700, 4.12: with 307 a password would go to the application."""
    browser = fresh(service)
    browser.join("redirects@example.org")
    page = browser.get(Client(service, "phone", "").path())
    at = Client(service, "phone", "").consents_at()
    page = browser.post(at, {**page.form(), "answer": "decline"})
    assert page.status == 302


def test_what_an_application_says_is_shown_as_it_is(client: Client, ann: Browser) -> None:
    state = "<script>alert(1)</script>\"'&"
    said = sent_back(ann.get(client.path(state=state)))
    assert said["state"] == state
    page = ann.get(client.path(client_id="<script>alert(1)</script>"))
    assert "<script>alert" not in page.body


# Tokens


def test_nothing_that_is_handed_out_can_be_guessed(client: Client, ann: Browser) -> None:
    code = client.code(ann)
    held = client.exchange(code).json()
    for secret in (code, held["refresh_token"]):
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", secret)  # 256 bits


def test_an_id_token_says_what_it_must(service: Service, client: Client, ann: Browser) -> None:
    held = client.tokens(ann)
    header = jwt.get_unverified_header(held["id_token"])
    said = client.claims(held["id_token"])
    assert header["alg"] == "RS256"
    assert (said["iss"], said["aud"], said["nonce"]) == (service.origin, "todo", client.nonce)
    assert said["sub"] == ann.who()
    assert len(said["sub"]) < 256
    assert said["iat"] <= time.time() < said["exp"] <= said["iat"] + 600
    assert abs(said["auth_time"] - time.time()) < 3600
    assert said["at_hash"]
    access = jwt.get_unverified_header(held["access_token"])
    assert access["typ"] == "at+jwt"


def test_a_code_expires_soon(client: Client, ann: Browser) -> None:
    from holdfast.accounts.applications import grants

    assert grants.CODE_LIVES.total_seconds() <= 600
    code = client.code(ann)
    client.service.rows("UPDATE applications_grant SET ends = '2020-01-01 00:00:00'", commit=True)
    assert refused(client.exchange(code))


def test_an_answer_with_tokens_is_kept_nowhere(client: Client, ann: Browser) -> None:
    answer = client.exchange(client.code(ann))
    assert (answer.headers["Cache-Control"], answer.headers["Pragma"]) == ("no-store", "no-cache")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["token_type"] == "Bearer"
    assert answer.json()["scope"] == "openid profile email"


# Userinfo


def test_userinfo_is_asked_by_header_and_by_form(client: Client, ann: Browser) -> None:
    token = client.tokens(ann)["access_token"]
    at = client.described["userinfo_endpoint"]
    header = {"authorization": f"Bearer {token}"}
    said = [
        httpx.get(at, headers=header).json(),
        httpx.post(at, headers=header).json(),
        httpx.post(at, data={"access_token": token}).json(),
    ]
    assert [one["sub"] for one in said] == [ann.who()] * 3
    assert said[0]["email"] == "ann@example.org"


def test_userinfo_does_not_take_a_token_from_the_address(client: Client, ann: Browser) -> None:
    token = client.tokens(ann)["access_token"]
    answer = httpx.get(client.described["userinfo_endpoint"], params={"access_token": token})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


# Signing out


def leave(client: Client, **asked: str) -> str:
    return f"{urlsplit(client.described['end_session_endpoint']).path}?{urlencode(asked)}"


@pytest.fixture
def leaving(service: Service) -> Browser:
    browser = fresh(service)
    browser.join(f"leaves{time.monotonic_ns()}@example.org")
    return browser


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_who_is_led_to_sign_out_is_asked_and_led_back(
    client: Client, leaving: Browser, method: str
) -> None:
    hint = client.tokens(leaving)["id_token"]
    asked = {"id_token_hint": hint, "post_logout_redirect_uri": OUT, "state": "s t"}
    if method == "GET":
        page = leaving.get(leave(client, **asked))
    else:
        path = urlsplit(client.described["end_session_endpoint"]).path
        page = leaving.post(path, asked, Origin="http://localhost:3000")
    assert page.status == 200
    assert leaving.who()
    page = leaving.post("/openid/logout", {**page.form(), "action": "logout"})
    assert page.headers["Location"] == f"{OUT}?state=s+t"
    assert leaving.who() is None


def test_who_stays_signed_in_here_leaves_the_application(client: Client, leaving: Browser) -> None:
    held = client.tokens(leaving)
    page = leaving.get(leave(client, id_token_hint=held["id_token"]))
    leaving.post("/openid/logout", {**page.form(), "action": "stay"})
    assert leaving.who()
    assert refused(client.refreshed(held["refresh_token"]))


WRONG = {
    "another address": {"post_logout_redirect_uri": "https://evil.example/"},
    "a path below": {"post_logout_redirect_uri": f"{OUT}x"},
    "a query": {"post_logout_redirect_uri": f"{OUT}?x=1"},
    "the address to sign in": {"post_logout_redirect_uri": BACK},
    "another application": {"post_logout_redirect_uri": OUT, "client_id": "phone"},
    "no application": {"post_logout_redirect_uri": OUT, "id_token_hint": ""},
    "no address": {"post_logout_redirect_uri": "https://["},
    "no port": {"post_logout_redirect_uri": "http://localhost:99999/"},
    "a forged hint": {"post_logout_redirect_uri": OUT, "id_token_hint": "e30.e30.x"},
}


@pytest.mark.parametrize("name", WRONG)
def test_nobody_is_led_where_nothing_was_registered(
    client: Client, leaving: Browser, name: str
) -> None:
    hint = client.tokens(leaving)["id_token"]
    asked = {"id_token_hint": hint, **WRONG[name]}
    page = leaving.get(leave(client, **{key: value for key, value in asked.items() if value}))
    if page.status == 200 and "<form" in page.body.partition("<main")[2]:
        page = leaving.post("/openid/logout", {**page.form(), "action": "logout"})
    leads = page.headers.get("Location", "")
    assert not leads.startswith(("https://evil", "http://localhost:3000"))


def test_an_id_token_that_has_run_out_is_still_a_hint(client: Client, leaving: Browser) -> None:
    hint = client.tokens(leaving)["id_token"]
    from holdfast.accounts.applications import tokens

    assert tokens.ID_TOKEN_LIVES_S == 300  # a session lasts longer: hints are old as a rule
    page = leaving.get(leave(client, id_token_hint=hint, post_logout_redirect_uri=OUT))
    assert page.form()["post_logout_redirect_uri"] == OUT
    assert SECRET not in page.body
