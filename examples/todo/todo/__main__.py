"""`python -m todo SETTINGS.toml`: serve the application."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import uvicorn

from todo.app import application
from todo.database import connected
from todo.protection import guard
from todo.settings import Unusable, read


def main(argv: list[str]) -> int:
    """Serve until the end; return the exit code."""
    if len(argv) != 1:
        print("todo: name one file of settings: python -m todo todo.toml", file=sys.stderr)
        return 2
    try:
        settings = read(Path(argv[0]))
    except Unusable as error:
        print(f"todo: {error}", file=sys.stderr)
        return 2
    os.umask(0o077)  # the database is nobody else's
    host, _, port = settings.listen.rpartition(":")
    engine = connected(settings.database)
    app = application(engine, guard(settings, engine))
    uvicorn.run(app, host=host, port=int(port), server_header=False, proxy_headers=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
