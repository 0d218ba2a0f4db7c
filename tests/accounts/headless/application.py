"""An application with a sign-in form of its own, as small as one can be: what its server does."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from accounts.service import GOOD, Service, code_in

SECRETS = {name: secrets.token_urlsafe(32) for name in ("todo", "shop", "brief", "pages")}
numbers = itertools.count(1)


def settings(folder: Path, more: str = "") -> str:
    """Applications with forms of their own, one of them for two seconds, and one without."""
    text = f"proxies = 1\n{more}"
    for name, secret in SECRETS.items():
        path = folder / name
        path.write_text(secret)
        path.chmod(0o600)
        text += f'[applications.{name}]\nname = "The {name}"\nsecret = "file:{path}"\n'
        text += f'redirect = ["http://localhost:3000/{name}"]\n'
        text += f"own_form = {str(name != 'pages').lower()}\nfirst_party = true\n"
        text += 'lifetime = "PT2S"\n' if name == "brief" else ""
    return text


@dataclass
class Answer:
    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]

    @property
    def codes(self) -> list[str]:
        """Why it was refused."""
        return [error["code"] for error in self.body.get("errors", ())]

    @property
    def pending(self) -> list[str]:
        """What a sign-in still needs."""
        flows = self.body.get("data", {}).get("flows", ())
        return [flow["id"] for flow in flows if flow.get("is_pending")]

    @property
    def puzzle(self) -> str:
        return str(self.body["meta"]["puzzle"])


@dataclass
class Visitor:
    """A visitor of an application, and what its server keeps for them: two tokens."""

    service: Service
    name: str = "todo"
    address: str = ""
    token: str = ""
    device: str = ""
    auth: tuple[str, str] | None = field(default=None)

    def __post_init__(self) -> None:
        number = next(numbers)
        self.address = self.address or f"22.{number // 250}.{number % 250}.7"
        self.auth = self.auth or (self.name, SECRETS[self.name])

    def ask(self, method: str, route: str, **fields: str) -> Answer:
        return self.send(method, route, json=fields or None)

    def post(self, route: str, **fields: str) -> Answer:
        return self.ask("POST", f"auth/{route}", **fields)

    def send(self, method: str, route: str, **what: Any) -> Answer:
        headers = {"Holdfast-Visitor": self.address, **what.pop("headers", {})}
        if self.token:
            headers["X-Session-Token"] = self.token
        if self.device:
            headers["Holdfast-Device"] = self.device
        url = f"{self.service.origin}/_allauth/app/v1/{route}"
        found = httpx.request(method, url, headers=headers, auth=self.auth, timeout=30, **what)
        is_json = found.headers.get("content-type", "").startswith("application/json")
        answer = Answer(found.status_code, found.json() if is_json else {}, found.headers)
        assert "set-cookie" not in found.headers
        self.token = answer.body.get("meta", {}).get("session_token", self.token)
        self.device = found.headers.get("holdfast-device", self.device)
        return answer

    # The stories of a form

    def join(self, email: str, password: str = GOOD) -> Answer:
        """Sign up and give the mailed code."""
        assert self.post("signup", email=email, password=password).pending == ["verify_email"]
        return self.post("email/verify", key=code_in(self.service.mails(email)[-1]))

    def sign_in(self, email: str, password: str = GOOD, **fields: str) -> Answer:
        return self.post("login", email=email, password=password, **fields)

    def sign_out(self) -> Answer:
        return self.ask("DELETE", "auth/session")

    def who(self) -> str | None:
        """Who is signed in."""
        answer = self.ask("GET", "auth/session")
        return str(answer.body["data"]["user"]["id"]) if answer.status == 200 else None
