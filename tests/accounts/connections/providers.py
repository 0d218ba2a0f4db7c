"""A provider that says whatever a test has it say, and the console's form that sets one up."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from accounts.service import GOOD, Browser, Page, Service

CLIENT, SECRET = "holdfast-here", "a client secret that nobody else has"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Provider:
    """An OpenID provider and a GitHub server, at one address."""

    issuer: str = ""
    described: dict[str, Any] = field(default_factory=dict)
    """What its description says beside, or instead of, the truth."""
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What each code stands for: the answer of the token endpoint."""
    users: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = field(default_factory=dict)
    """Of GitHub: whose token it is, and their addresses."""
    challenges: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    """Each form that the token endpoint got."""
    userinfo: dict[str, Any] = field(default_factory=dict)
    raw: bytes = b""
    """What it answers to everything, where it misbehaves."""

    def description(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            **self.described,
        }

    def code(self, asked: Mapping[str, str], key: Any = KEY, **claims: Any) -> str:
        """Return a code for somebody; what the ID token says is changed, or left out by None."""
        now = int(time.time())
        said = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "somebody",
            "iat": now,
            "exp": now + 300,
            "nonce": asked.get("nonce"),
            **claims,
        }
        told = {name: value for name, value in said.items() if value is not None}
        token = jwt.encode(told, key, "RS256", headers={"kid": "first"})
        return self.code_of({"id_token": token, "access_token": "x", "token_type": "Bearer"}, asked)

    def code_of(self, answer: dict[str, Any], asked: Mapping[str, str]) -> str:
        code = secrets.token_urlsafe(16)
        self.answers[code] = answer
        self.challenges[code] = asked.get("code_challenge", "")
        return code

    def answer(self, path: str, form: dict[str, str], token: str) -> tuple[int, Any]:
        if path == "/.well-known/openid-configuration":
            return 200, self.description()
        if path == "/keys":
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
            return 200, {"keys": [{**public, "kid": "first", "use": "sig", "alg": "RS256"}]}
        if path in ("/token", "/login/oauth/access_token"):
            self.asked.append(form)
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            code = form.get("code", "")
            proof = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            if self.challenges.pop(code, None) != proof:
                return 400, {"error": "invalid_grant"}
            return 200, self.answers.pop(code)
        if path == "/userinfo":
            return 200, self.userinfo
        if path in ("/api/v3/user", "/api/v3/user/emails") and token in self.users:
            return 200, self.users[token][path.endswith("emails")]
        return 404, {}


@contextmanager
def provider() -> Iterator[Provider]:
    """Run one."""
    kept = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer({name: values[0] for name, values in parse_qs(body).items()})

        def _answer(self, form: dict[str, str]) -> None:
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            status, said = kept.answer(urlsplit(self.path).path, form, token)
            body = kept.raw or json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *said: Any) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.issuer = f"http://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def first_admin(service: Service, browser: Browser) -> Browser:
    """Somebody who administers a new service, and has just shown that it is them."""
    page = browser.get(service.first_link())
    filled = {**page.form(), "email": "admin@example.org", "name": "A", "password": GOOD}
    browser.follow(browser.post(service.first_link(), filled))
    assert browser.who()
    browser.confirm()
    return browser


ADD = "/console/connections/connection/add/"


def connect(admin: Browser, slug: str, kind: str = "openid", **fields: str) -> Page:
    """Fill in the console's form; what is not given has its usual value."""
    filled = {
        "name": slug.title(),
        "slug": slug,
        "kind": kind,
        "enabled": "on",
        "client_id": CLIENT,
        "new_secret": SECRET,
        **fields,
        "csrfmiddlewaretoken": admin.token(),
    }
    return admin.post(ADD, filled)


def set_up(admin: Browser, slug: str, kind: str = "openid", **fields: str) -> None:
    page = connect(admin, slug, kind, **fields)
    assert page.status == 302, page.body[page.body.find("error") :][:3000]


def begin(browser: Browser, slug: str, **fields: str) -> tuple[str, dict[str, str]]:
    """Press a connection's button; return where that leads, and what is asked there."""
    start = f"/sign-in/with/{slug}/"
    page = browser.get(start)
    page = browser.post(start, {**page.form(start), **fields})
    return led(page)


def led(page: Page) -> tuple[str, dict[str, str]]:
    """Return where a page leads, and what is asked there."""
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]*)"', page.body)
    assert found is not None, (page.status, page.headers.get("Location"), page.body[:3000])
    url = unescape(found[1])
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    return url, asked


def come_back(browser: Browser, slug: str, **answer: str) -> Page:
    """Bring a provider's answer, and go where that leads."""
    return browser.follow(browser.get(f"/sign-in/with/{slug}/back/?{urlencode(answer)}"))


def arrive(browser: Browser, slug: str, at: Provider, **claims: Any) -> Page:
    """Sign in at a provider that says this of somebody."""
    _, asked = begin(browser, slug)
    return come_back(browser, slug, code=at.code(asked, **claims), state=asked["state"])
