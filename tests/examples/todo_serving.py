"""Runs the to-do list of the tests, sound or weakened; or signs somebody in to it.

python todo_serving.py serve FOLDER ADDRESS:PORT [WEAKNESS] [CERT KEY]
python todo_serving.py session FOLDER PERSON
"""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "examples/todo")]

import uvicorn  # noqa: E402

from examples.todo_running import ANN, BOB, ROLELESS, Running  # noqa: E402
from examples.weak_todo import weakened  # noqa: E402

PEOPLE = {"ann": ANN, "bob": BOB, "zoe": ROLELESS}


def serve(folder: str, listen: str, weakness: str = "", *certificate: str) -> None:
    host, _, port = listen.rpartition(":")
    running = weakened(Path(folder), weakness, f"https://{NAME}")
    cert, key = certificate or (None, None)
    uvicorn.run(
        running.app,
        host=host,
        port=int(port),
        log_level="error",
        ssl_certfile=cert,
        ssl_keyfile=key,
    )


def session(folder: str, person: str) -> None:
    running = Running.in_folder(Path(folder), f"https://{NAME}")
    name, _ = running.guard.sessions.make(PEOPLE[person])
    print(f"Cookie: {running.guard.session_cookie}={name}")
    running.close()


NAME = "todo.example.com"

if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(*sys.argv[2:])
    else:
        session(*sys.argv[2:])
