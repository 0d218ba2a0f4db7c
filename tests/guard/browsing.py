"""A browser at an application with a guard, and what an honest provider says of who uses it."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt

from guard.provider import Pretended
from guard.signing import CLIENT, PRIVATE
from holdfast.guard import Guard, Provider, Sessions
from holdfast.guard.answers import Answer
from holdfast.guard.cookies import Cookie
from holdfast.guard.request import Request
from holdfast.guard.sessions import Memory, Store

HERE = "http://localhost:3000"


class Browser:
    """A browser at an application with a guard, and the provider that it goes to."""

    def __init__(self, pretended: Pretended, store: Store | None = None) -> None:
        self.provider = pretended
        known = Provider(pretended.address, CLIENT, "a secret")
        self.guard = Guard(HERE, b"k" * 32, Sessions(store or Memory()), provider=known)
        self.cookies: dict[str, str] = {}

    def gets(self, address: str, method: str = "GET", **headers: str) -> Answer:
        parts = urlsplit(address)
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        told = {"host": "localhost:3000", "cookie": cookie, "accept": "text/html", **headers}
        arrival = self.guard.arrive(Request(method, parts.path, parts.query, told))
        assert arrival.answer is not None
        self.takes(arrival.answer.cookies)
        return arrival.answer

    def takes(self, cookies: tuple[Cookie, ...]) -> None:
        for cookie in cookies:
            self.cookies[cookie.name] = cookie.value
            if not cookie.value:
                del self.cookies[cookie.name]

    def begins(self, to: str = "/todos") -> dict[str, str]:
        """Go to the provider; return what it was asked."""
        answer = self.gets(f"/guard/sign-in?to={to}")
        asked = parse_qs(urlsplit(location(answer)).query)
        return {name: values[0] for name, values in asked.items()}

    def signs_in(self) -> str:
        """Go there and come back; return the name of the session."""
        asked = self.begins()
        comes_back(self, asked, id_token(self, asked))
        return self.cookies["guard-session"]

    def person(self) -> Any:
        told = {
            "host": "localhost:3000",
            "cookie": f"guard-session={self.cookies.get('guard-session', '')}",
        }
        return self.guard.arrive(Request("GET", "/", headers=told)).visitor.person


def location(answer: Answer) -> str:
    return dict(answer.headers)["location"]


def id_token(browser: Browser, asked: dict[str, str], **changed: Any) -> str:
    """What an honest provider says of Ann."""
    now = int(time.time())
    claims = {
        "iss": browser.provider.address,
        "aud": CLIENT,
        "sub": "ann",
        "nonce": asked["nonce"],
        "iat": now,
        "exp": now + 300,
        "name": "Ann",
        "email": "ann@example.org",
        "email_verified": True,
        "roles": ["A"],
        **changed,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, PRIVATE["RS256"], "RS256", headers={"kid": "RS256"})


def comes_back(browser: Browser, asked: dict[str, str], token: str, **changed: str) -> Answer:
    browser.provider.answer_to_code = lambda: {"id_token": token, "access_token": "x"}
    said = {"code": "c", "state": asked["state"], **changed}
    query = "&".join(f"{name}={value}" for name, value in said.items() if value)
    return browser.gets(f"/guard/signed-in?{query}")
