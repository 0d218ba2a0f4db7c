"""`python -m todo SETTINGS.toml`: serve the application.

`python -m todo SETTINGS.toml --session NAME` signs a throw-away person in, for `holdfast prove
--app`, and prints the header that does; with `--without-role` they may not add anything.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import uvicorn

from holdfast.guard import Person
from todo.app import ROLE, application
from todo.database import connected
from todo.protection import guard
from todo.settings import Settings, Unusable, read

THROW_AWAY = "trial-"


def main(argv: list[str]) -> int:
    """Do what is asked; return the exit code."""
    parser = argparse.ArgumentParser(prog="todo", description=__doc__)
    parser.add_argument("settings", type=Path, metavar="SETTINGS.toml")
    parser.add_argument("--session", metavar="NAME", help="print a session of a throw-away person")
    parser.add_argument("--without-role", action="store_true", help="of one who may not write")
    said = parser.parse_args(argv)
    try:
        settings = read(said.settings)
    except Unusable as error:
        print(f"todo: {error}", file=sys.stderr)
        return 2
    os.umask(0o077)  # the database is nobody else's
    if said.session:
        print(session(settings, said.session, writes=not said.without_role))
        return 0
    host, _, port = settings.listen.rpartition(":")
    engine = connected(settings.database)
    app = application(engine, guard(settings, engine))
    uvicorn.run(app, host=host, port=int(port), server_header=False, proxy_headers=False)
    return 0


def session(settings: Settings, name: str, *, writes: bool) -> str:
    """Sign in somebody whom the provider does not know; return the header of their browser."""
    engine = connected(settings.database)
    guarding = guard(settings, engine)
    roles = frozenset({ROLE}) if writes else frozenset[str]()
    made, _ = guarding.sessions.make(Person(f"{THROW_AWAY}{name}", name=name, roles=roles))
    engine.dispose()
    return f"Cookie: {guarding.session_cookie}={made}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
