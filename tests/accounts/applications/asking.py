"""An application of a test: it asks as it should, but for what the test changes."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import jwt

from accounts.service import Browser, Page, Service, serving

BACK, OUT = "http://localhost:3000/guard/signed-in", "http://localhost:3000/"
SECRET = secrets.token_urlsafe(32)
SETTINGS = f"""\
[applications.todo]
name = "To-do"
redirect = ["{BACK}"]
signed_out = ["{OUT}"]
secret = "file:SECRET"
roles = ["CREATE_TODO", "READ_ALL"]
everyone = ["CREATE_TODO"]
first_party = true

[applications.phone]
redirect = ["{BACK}"]
roles = ["GUEST"]
"""


@contextmanager
def providing(folder: Path, more: str = "") -> Iterator[Service]:
    """Run a service with these applications; `more` goes on in its configuration."""
    path = folder / "secret"
    path.write_text(SECRET)
    path.chmod(0o600)
    settings = f"{SETTINGS}{more}".replace("file:SECRET", f"file:{path}")
    with serving(folder, settings) as running:
        yield running


@dataclass
class Client:
    """An application that asks as it should, but for what a test changes."""

    service: Service
    name: str = "todo"
    secret: str = SECRET

    def __post_init__(self) -> None:
        self.verifier, self.nonce, self.state = (secrets.token_urlsafe(32) for _ in range(3))
        address = f"{self.service.origin}/.well-known/openid-configuration"
        self.described: dict[str, Any] = httpx.get(address).json()

    def challenge(self) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def path(self, **changed: str) -> str:
        """Where a browser is sent; what is changed to "" is left out."""
        asked = {
            "response_type": "code",
            "client_id": self.name,
            "redirect_uri": BACK,
            "scope": "openid profile email",
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": self.challenge(),
            "code_challenge_method": "S256",
            **changed,
        }
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"{urlsplit(self.described['authorization_endpoint']).path}?{query}"

    def consents_at(self, **changed: str) -> str:
        """Where a browser sends what its person says of that."""
        return self.path(**changed).replace("/authorize", "/consent")

    def code(self, browser: Browser, **changed: str) -> str:
        page = browser.get(self.path(**changed))
        assert page.status == 302, page.body
        came = parse_qs(urlsplit(page.headers["Location"]).query)
        assert came["state"] == [self.state]
        return came["code"][0]

    def exchange(self, code: str, **changed: str) -> httpx.Response:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": BACK,
            "code_verifier": self.verifier,
            "client_id": self.name,
            **changed,
        }
        fields = {name: value for name, value in fields.items() if value}
        auth = (self.name, self.secret) if self.secret else None
        return httpx.post(self.described["token_endpoint"], data=fields, auth=auth)

    def tokens(self, browser: Browser) -> dict[str, Any]:
        answer = self.exchange(self.code(browser))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def claims(self, token: str) -> dict[str, Any]:
        """What a token says, after its signature was verified with the published key."""
        keys = jwt.PyJWKSet.from_dict(httpx.get(self.described["jwks_uri"]).json())
        key = keys[jwt.get_unverified_header(token)["kid"]]
        found: dict[str, Any] = jwt.decode(
            token, key, ["RS256"], audience=self.name, issuer=self.service.origin
        )
        return found

    def refreshed(self, token: str, **changed: str) -> httpx.Response:
        """Exchange a refresh token."""
        return self.exchange(
            "",
            grant_type="refresh_token",
            refresh_token=token,
            redirect_uri="",
            code_verifier="",
            **changed,
        )

    def asks(self, endpoint: str, **fields: str) -> httpx.Response:
        """Ask an endpoint that discovery names, as this application."""
        auth = (self.name, self.secret) if self.secret else None
        fields = fields if self.secret else {"client_id": self.name, **fields}
        return httpx.post(self.described[endpoint], data=fields, auth=auth)

    def is_active(self, token: str) -> bool:
        """Whether a token is good, by introspection."""
        answer = self.asks("introspection_endpoint", token=token)
        assert answer.status_code == 200, answer.text
        found: bool = answer.json()["active"]
        return found


def sent_back(page: Page) -> dict[str, str]:
    """What an application is told, by where a browser is sent."""
    assert page.status in (302, 303), page.body
    assert page.headers["Location"].startswith(f"{BACK}?"), page.headers["Location"]
    return {
        name: found[0] for name, found in parse_qs(urlsplit(page.headers["Location"]).query).items()
    }


def refused(answer: httpx.Response) -> bool:
    return answer.status_code in (400, 401) and "access_token" not in answer.json()
