"""`python -m todo.demo`: the accounts service and the application beside it, on this machine."""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ACCOUNTS, TODO = 8400, 3000
STARTS_WITHIN_S = 40.0


def main(argv: list[str]) -> int:
    """Run both until Ctrl-C; return the exit code."""
    parser = argparse.ArgumentParser(prog="todo.demo", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".holdfast/todo-demo"))
    parser.add_argument("--accounts-port", type=int, default=ACCOUNTS)
    parser.add_argument("--todo-port", type=int, default=TODO)
    chosen = parser.parse_args(argv)
    folder: Path = chosen.folder.absolute()
    accounts, todo = written(folder, chosen.accounts_port, chosen.todo_port)
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    running: list[subprocess.Popen[bytes]] = []
    try:
        serve = [sys.executable, "-m", "holdfast.cli.main", "serve", "--config", str(accounts)]
        running.append(subprocess.Popen(serve, start_new_session=True))
        answering(f"http://localhost:{chosen.accounts_port}/readyz", running)
        running.append(
            subprocess.Popen([sys.executable, "-m", "todo", str(todo)], start_new_session=True)
        )
        answering(f"http://localhost:{chosen.todo_port}/", running)
        print(
            f"\n  the to-do list     http://localhost:{chosen.todo_port}"
            f"\n  accounts           http://localhost:{chosen.accounts_port}"
            f"\n  the mails it sent  http://localhost:{chosen.accounts_port}/outbox/"
            f"\n\nEverything is kept in {folder}. Ctrl-C ends both.",
            flush=True,
        )
        while all(process.poll() is None for process in running):
            time.sleep(0.2)
        print("todo.demo: one of the two has ended", file=sys.stderr)
        return 1
    except TimeoutError as error:
        print(f"todo.demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        ended(running)


def written(folder: Path, accounts_port: int, todo_port: int) -> tuple[Path, Path]:
    """Write the settings of both where they are missing; return their files."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("client-secret", "key"):
        path = folder / name
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(48))
    accounts, todo = folder / "accounts.toml", folder / "todo.toml"
    accounts.write_text(
        f'origin = "http://localhost:{accounts_port}"\n'
        f'listen = "127.0.0.1:{accounts_port}"\n'
        f'data = "{folder}/accounts"\n'
        "workers = 1\n\n"
        "[applications.todo]\n"
        'name = "To-do"\n'
        f'redirect = ["http://localhost:{todo_port}/guard/signed-in"]\n'
        f'signed_out = ["http://localhost:{todo_port}/"]\n'
        'secret = "file:client-secret"\n'
        'roles = ["CREATE_TODO"]\n'
        'everyone = ["CREATE_TODO"]\n'
        "first_party = true\n"
    )
    todo.write_text(
        f'origin = "http://localhost:{todo_port}"\n'
        f'listen = "127.0.0.1:{todo_port}"\n'
        f'database = "sqlite:///{folder}/todo.sqlite3"\n'
        f'issuer = "http://localhost:{accounts_port}"\n'
        'client_id = "todo"\n'
        'client_secret = "client-secret"\n'
        'key = "key"\n'
    )
    return accounts, todo


def answering(address: str, running: list[subprocess.Popen[bytes]]) -> None:
    """Wait until something answers there. Raises TimeoutError."""
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline and all(one.poll() is None for one in running):
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310 - http, on this machine
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"{address} does not answer: is its port taken?")


def ended(running: list[subprocess.Popen[bytes]]) -> None:
    """End what was started, the last first."""
    for process in reversed(running):
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
