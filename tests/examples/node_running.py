"""The Node application for tests: installed by its lock file, running beside a real service."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from accounts.service import Browser, Service, wait_for

EXAMPLE = Path(__file__).parents[2] / "examples/node"
LOCK = ("package.json", "package-lock.json")
SECRET = "only-for-tests-" + "x" * 32
INSTALLS_WITHIN_S = 300


def installed() -> Path:
    """Return the packages of the lock file, which npm fetches once for each user and lock."""
    name = hashlib.sha256(b"".join((EXAMPLE / one).read_bytes() for one in LOCK)).hexdigest()[:16]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kept = home / "holdfast-tests" / f"node-{name}"
    if not kept.exists():
        assert shutil.which("npm"), "needs Debian's packages nodejs and npm"
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as draft:
            for one in LOCK:
                shutil.copy(EXAMPLE / one, draft)
            argv = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
            subprocess.run(argv, cwd=draft, check=True, timeout=INSTALLS_WITHIN_S)
            try:
                (Path(draft) / "node_modules").rename(kept)
            except OSError:
                assert kept.exists()  # another worker was first
    return kept


@contextmanager
def serving_node(
    folder: Path, port: int, issuer: str, changes: Sequence[tuple[str, str]] = ()
) -> Iterator[Service]:
    """Run the application; `changes` replace texts of its source: to weaken it."""
    folder.mkdir(mode=0o700, parents=True)
    shutil.copytree(installed(), folder / "node_modules")
    source = {path.name: path.read_text() for path in EXAMPLE.glob("*.js*")}
    for old, new in changes:
        (name,) = (name for name, text in source.items() if old in text)
        source[name] = source[name].replace(old, new)
    for name, text in source.items():
        (folder / name).write_text(text)
    secret = folder / "client-secret"
    secret.touch(0o600)
    secret.write_text(SECRET)
    settings = {
        "origin": f"http://localhost:{port}",
        "listen": f"127.0.0.1:{port}",
        "issuer": issuer,
        "client_id": "node",
        "client_secret": "client-secret",
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    said = folder / "said"
    with said.open("wb") as output:
        process = subprocess.Popen(
            [*node(), "app.js", "settings.json"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    application = Service(port, folder, process, said)
    try:
        wait_for(lambda: _answers(application))
        yield application
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def node() -> list[str]:
    """The program; what Debian 12 has hides its cryptography behind a flag."""
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    major = int(version.stdout.removeprefix("v").partition(".")[0])
    return ["node", *(["--experimental-global-webcrypto"] if major < 20 else [])]


def _answers(application: Service) -> bool:
    assert application.process.poll() is None, application.log
    try:
        return Browser(application).get("/").status == 200
    except OSError:
        return False
