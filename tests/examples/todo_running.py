"""The to-do list for tests: in this process, with people signed in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from guard.signing import CLIENT, ISSUER
from holdfast.guard import Guard, Person
from todo.app import ROLE, application
from todo.database import connected
from todo.protection import guard
from todo.settings import Settings

HERE = "http://localhost:3000"
ANN = Person("ann", "Ann", "ann@example.org", frozenset({ROLE}))
BOB = Person("bob", "Bob", "bob@example.org", frozenset({ROLE}))
ROLELESS = Person("zoe", "Zoe")


class Running:
    """One to-do list and its people."""

    def __init__(self, url: str, origin: str = HERE) -> None:
        settings = Settings(
            origin=origin, issuer=ISSUER, client_id=CLIENT, key=b"k" * 32, database=url
        )
        self.engine = connected(url)
        self.guard: Guard = guard(settings, self.engine)
        self.app: FastAPI = application(self.engine, self.guard)

    @classmethod
    def in_folder(cls, folder: Path, origin: str = HERE) -> Running:
        return cls(f"sqlite:///{folder}/todo.sqlite3", origin)

    def browser(self, person: Person | None = None) -> Browser:
        cookies = {}
        if person is not None:
            cookies["guard-session"] = self.guard.sessions.make(person)[0]
        return Browser(self.app, cookies)

    def close(self) -> None:
        self.engine.dispose()


class Browser:
    """Sends what a browser sends, and goes where it is sent."""

    def __init__(self, app: Any, cookies: Mapping[str, str]) -> None:
        self.app, self.cookies = app, dict(cookies)

    def sends(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def sent() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, client=("192.0.2.1", 1))
            async with httpx.AsyncClient(
                transport=transport, base_url=HERE, cookies=self.cookies, follow_redirects=False
            ) as client:
                answer = await client.request(method, path, **more)
                self.cookies = dict(client.cookies)
                return answer

        headers = {"accept": "text/html", **more.pop("headers", {})}
        more["headers"] = headers
        return asyncio.run(sent())

    def gets(self, path: str, **more: Any) -> httpx.Response:
        return self.sends("GET", path, **more)

    def token(self) -> str:
        page = self.gets("/").text
        marked = page.partition('name="csrf-token" value="')[2]
        return marked.partition('"')[0]

    def posts(self, path: str, **fields: str) -> httpx.Response:
        """Send a form as its page does."""
        return self.sends("POST", path, data={"csrf-token": self.token(), **fields})

    def adds(self, title: str) -> int:
        """Add a todo; return its number."""
        assert self.posts("/todos", title=title).status_code == 303
        return self.numbers()[0]

    def numbers(self) -> list[int]:
        found = self.gets("/api/todos", headers={"accept": "application/json"}).json()
        return [int(todo["id"]) for todo in found]

    def titles(self, query: str = "") -> list[str]:
        found = self.gets(f"/api/todos{query}", headers={"accept": "application/json"}).json()
        return [str(todo["title"]) for todo in found]
