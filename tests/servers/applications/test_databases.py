"""What SQL lets through on servers with types and with a sleep of their own."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace
from typing import Any

import httpx
import pytest
from applications.trials import CONTROLS
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from accounts.engines import ENGINES, engine
from holdfast.servers.applications.connection import Http
from holdfast.servers.applications.people import Source
from holdfast.servers.applications.prove import prove
from holdfast.servers.attack import Kind, Outcome
from holdfast.servers.prove import Attempt
from holdfast.site import App, Secret
from work.stores import connected

HERE = "http://localhost"
QUIET = frozenset({Kind.SAFE})


def shop(url: str, *, weak: bool) -> Starlette:
    """Things by number and by name, for who is signed in; weak is SQL from text, errors shown."""

    def rows(statement: str, values: tuple[object, ...]) -> str:
        with closing(connected(url)) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values if values else None)
            return " ".join(str(row[0]) for row in cursor.fetchall())

    def found(request: Request) -> Response:
        if request.headers.get("cookie") != "session=first":
            return PlainTextResponse("sign in", 401)
        name, number = request.query_params["name"], request.query_params["number"]
        try:
            if weak:
                text = f"SELECT name FROM thing WHERE name = '{name}' OR number = {number}"  # noqa: S608
                return PlainTextResponse(f"first: {rows(text.replace('%', '%%'), ())}")
            where = "SELECT name FROM thing WHERE name = %s OR number = %s"
            return PlainTextResponse(f"first: {rows(where, (name, int(number)))}")
        except ValueError:
            return PlainTextResponse("a number, please", 422)
        except Exception as error:
            return PlainTextResponse(str(error) if weak else "it failed", 500)

    return Starlette(routes=[Route("/", found)])


def attacks(url: str, *, weak: bool) -> dict[str, Attempt]:
    with closing(connected(url)) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS thing")
        cursor.execute("CREATE TABLE thing (number INT, name VARCHAR(40))")
        cursor.execute("INSERT INTO thing VALUES (1, 'apple'), (2, 'pear')")
    app = App.model_validate(
        {
            "\0name": "shop",
            "host": "app",
            "user": "shop",
            "names": ("localhost",),
            "trial": {"first": "env:NOWHERE", "start": ("/?name=apple&number=2",)},
        }
    )

    async def first() -> Secret:
        return Secret("Cookie: session=first")

    sources: dict[str, Source] = {"first": first}
    transport: Any = httpx.ASGITransport(app=shop(url, weak=weak), raise_app_exceptions=False)

    async def run() -> dict[str, Attempt]:
        client = httpx.AsyncClient(transport=transport)
        at = Http((client, client), HERE, HERE, "localhost")
        control = replace(CONTROLS["app.sql"])
        attempts = prove(app, at, [control], QUIET, sources, "outside", lambda _: None)
        return {one.attack: one async for one in attempts}

    return asyncio.run(run())


@pytest.mark.parametrize("name", ENGINES)
def test_sql_from_text_is_found_on_real_servers_and_sound_statements_are_not(name: str) -> None:
    with engine(name) as server:
        weak = attacks(server.url, weak=True)
        sound = attacks(server.url, weak=False)
    for kind in ("errors", "cast", "union", "time"):
        assert weak[f"app.sql/{kind}"].outcome is Outcome.SUCCEEDED, weak[f"app.sql/{kind}"]
    assert {one.outcome for one in sound.values()} == {Outcome.REPELLED}, sound
