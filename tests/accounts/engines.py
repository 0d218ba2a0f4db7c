"""Database servers of Debian's packages, each in a folder and on a port of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from accounts.service import Service, free_port, serving

NAME, USER, PASSWORD = "accounts", "accounts", "only-for-tests"
STARTS_WITHIN_S = 40.0


@dataclass
class Engine:
    """A running server: its URL, and how it is killed and started again."""

    url: str
    start: Callable[[], subprocess.Popen[bytes]]
    answers: Callable[[], bool]
    process: subprocess.Popen[bytes] = field(init=False)

    def begin(self) -> None:
        self.process = self.start()
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not self.answers():
            assert time.monotonic() < deadline, "the server does not answer"
            if self.process.poll() is not None:  # what is left of a killed one is still going
                self.process = self.start()
            time.sleep(0.05)

    def kill(self) -> None:
        """As a power cut does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def _quiet(argv: list[str], *, text: str | None = None) -> int:
    done = subprocess.run(
        argv, input=text, text=True, capture_output=True, timeout=120, check=False, cwd="/"
    )
    return done.returncode


def _spawn(argv: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )


def _postgresql(folder: Path) -> Engine:
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    data, port = folder / "data", free_port()
    password = folder / "password"
    password.write_text(PASSWORD)
    for path in (folder, password):
        shutil.chown(path, "postgres", "postgres")
    as_server = ["runuser", "-u", "postgres", "--"]
    made = [f"{programs}/initdb", "-D", str(data), "-U", USER, "-A", "scram-sha-256"]
    assert _quiet([*as_server, *made, f"--pwfile={password}", "-E", "UTF8"]) == 0
    listen = ["-c", "listen_addresses=127.0.0.1", "-p", str(port), "-k", str(folder)]
    socket = f"host={folder} port={port} user={USER} password={PASSWORD}"

    def answers() -> bool:
        import psycopg

        try:
            with psycopg.connect(f"{socket} dbname=postgres", autocommit=True) as connection:
                known = connection.execute(
                    "SELECT 1 FROM pg_database WHERE datname = %s", [NAME]
                ).fetchone()
                if known is None:
                    connection.execute(f"CREATE DATABASE {NAME}")
        except psycopg.OperationalError:
            return False
        return True

    return Engine(
        f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}/{NAME}",
        lambda: _spawn([*as_server, f"{programs}/postgres", "-D", str(data), *listen]),
        answers,
    )


def _mariadb(folder: Path) -> Engine:
    data, port, socket = folder / "data", free_port(), folder / "socket"
    shutil.chown(folder, "mysql", "mysql")
    made = ["mariadb-install-db", "--no-defaults", "--user=mysql", f"--datadir={data}"]
    assert _quiet([*made, "--auth-root-authentication-method=normal"]) == 0
    own = ["--no-defaults", "--user=mysql", f"--datadir={data}", f"--socket={socket}"]
    rest = [f"--port={port}", "--bind-address=127.0.0.1", f"--pid-file={folder}/pid"]
    setup = (
        f"CREATE DATABASE IF NOT EXISTS {NAME} CHARACTER SET utf8mb4;"
        f"CREATE USER IF NOT EXISTS {USER}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';"
        f"CREATE USER IF NOT EXISTS {USER}@'localhost' IDENTIFIED BY '{PASSWORD}';"
        f"GRANT ALL ON {NAME}.* TO {USER}@'127.0.0.1';"
        f"GRANT ALL ON {NAME}.* TO {USER}@'localhost';"
    )
    client = ["mariadb", "--no-defaults", f"--socket={socket}", "-u", "root"]
    return Engine(
        f"mysql://{USER}:{PASSWORD}@127.0.0.1:{port}/{NAME}",
        lambda: _spawn(["mariadbd", *own, *rest]),
        lambda: _quiet(client, text=setup) == 0,
    )


ENGINES = {"postgresql": _postgresql, "mariadb": _mariadb}


@contextmanager
def engine(name: str) -> Iterator[Engine]:
    """Run a server until the end of the block, and remove what it wrote."""
    folder = Path(tempfile.mkdtemp(prefix=f"holdfast-{name}-"))
    folder.chmod(0o755)
    server = ENGINES[name](folder)
    try:
        server.begin()
        yield server
    finally:
        if server.process.poll() is None:
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)


EACH = ("sqlite", *(pytest.param(name, marks=pytest.mark.every) for name in ENGINES))
"""Parameters for a fixture: SQLite always, the others where everything is tested."""


PLAIN = ("-m", "holdfast.cli.main")


@contextmanager
def serving_on(
    name: str, folder: Path, settings: str = "", *, program: tuple[str, ...] = PLAIN
) -> Iterator[Service]:
    """Run the service on one of EACH."""
    if name == "sqlite":
        with serving(folder, settings, program=program) as service:
            yield service
        return
    with engine(name) as server, serving_with(server, folder, settings, program) as service:
        yield service


@contextmanager
def serving_with(
    server: Engine,
    folder: Path,
    settings: str = "",
    program: tuple[str, ...] = PLAIN,
    *,
    workers: int = 2,
) -> Iterator[Service]:
    """Run the service with a database server."""
    folder.mkdir(parents=True, exist_ok=True)
    url = folder / "url"
    url.write_text(server.url)
    url.chmod(0o600)
    settings = f'database = "file:{url}"\n{settings}'
    with serving(folder, settings, program=program, workers=workers) as service:
        yield replace(service, database=server.url)
