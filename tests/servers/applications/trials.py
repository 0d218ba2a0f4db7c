"""A to-do list with throw-away people, as `prove --app` meets it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from examples.todo_running import ANN, BOB, HERE, ROLELESS, Running
from examples.weak_todo import PASSWORD, weakened
from guard.signing import jwk, key_set, token
from holdfast.guard import Person
from holdfast.servers.applications.connection import Http
from holdfast.servers.applications.people import Source
from holdfast.servers.applications.prove import prove
from holdfast.servers.attack import Kind
from holdfast.servers.catalogue import all_controls
from holdfast.servers.prove import Attempt
from holdfast.site import App, Secret

START = ("/", "/api/todos?sort=title")
FORM: dict[str, Any] = {
    "sign_in": "/weak/sign-in",
    "name": "ann@example.org",
    "password": "env:ASKED_NOWHERE",
}
CONTROLS = {control.id: control for control in all_controls() if control.app_attacks}


def app(start: Sequence[str] = START, **trial: Any) -> App:
    """Return the application as a site file names it, with everything that a trial may have."""
    sources = dict.fromkeys(
        ("first", "second", "roleless", "token", "expired", "foreign", "keys"), "env:ASKED_NOWHERE"
    )
    whole = {
        "start": tuple(start),
        "known_as": ("ann",),
        "role": "CREATE_TODO",
        "sign_out": "/guard/sign-out",
        **sources,
        **trial,
    }
    return App.model_validate(
        {
            "\0name": "todo",
            "host": "app",
            "user": "todo",
            "listen": "127.0.0.1:3000",
            "names": ("localhost",),
            "trial": {name: value for name, value in whole.items() if value is not None},
        }
    )


def _always(text: str) -> Source:
    async def source() -> Secret:
        return Secret(text)

    return source


def _bearer(**changed: Any) -> str:
    said = {"token_use": "access", "sub": "ann", "name": "Ann", "roles": ["CREATE_TODO"], **changed}
    return f"Authorization: Bearer {token(header={'typ': 'at+jwt'}, **said)}"


def sources(running: Running) -> dict[str, Source]:
    """Return what gives the people of the trial their sessions and tokens."""

    def session(person: Person) -> Source:
        async def source() -> Secret:
            return Secret(f"Cookie: guard-session={running.guard.sessions.make(person)[0]}")

        return source

    return {
        "first": session(ANN),
        "second": session(BOB),
        "roleless": session(ROLELESS),
        "token": _always(_bearer()),
        "expired": _always(_bearer(exp=int(time.time()) - 900)),
        "foreign": _always(_bearer(aud="another")),
        "keys": _always(key_set(jwk("RS256")).decode()),
        "password": _always(PASSWORD),
    }


def connection(running: Running) -> Http:
    transport = httpx.ASGITransport(
        app=running.app, client=("192.0.2.1", 1), raise_app_exceptions=False
    )
    client = httpx.AsyncClient(transport=transport, trust_env=False)
    return Http((client, client), HERE, HERE, HERE[7:])


def attacked(
    folder: Path,
    weakness: str,
    control: str,
    of: App,
    kinds: frozenset[Kind] = frozenset(Kind),
    only: str = "",
) -> dict[str, Attempt]:
    """Attack a to-do list with one weakness; return how each attack of a control ended."""
    running = weakened(folder, weakness)
    chosen = CONTROLS[control]
    if only:
        attacks = tuple(one for one in chosen.app_attacks if f"{control}/{one.name}" == only)
        chosen = replace(chosen, app_attacks=attacks)

    async def run() -> dict[str, Attempt]:
        at = connection(running)
        attempts = prove(of, at, [chosen], kinds, sources(running), "outside", lambda _: None)
        return {one.attack: one async for one in attempts}

    try:
        return asyncio.run(run())
    finally:
        running.close()
