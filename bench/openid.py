"""The OpenID provider: tokens and introspections of a core, beside node-oidc-provider."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from accounts.engines import engine, serving_with
from accounts.service import Browser, free_port
from bench.figures import Better, Figure, Peer
from bench.running import BenchError, Measure, Report, in_turn, processor_s, run

PACKAGE, VERSION = "oidc-provider", "9.13.3"
CLIENT, BACK, SCOPE = "bench", "http://localhost:3000/signed-in", "openid"
CHAINS = 4
"""So many clients ask at once, each with a connection and a refresh token of its own."""
TURN_S = 3.0
CREDENTIALS_PER_S, REFRESHES_PER_S, INTROSPECTIONS_PER_S = 400.0, 300.0, 800.0
_PEER = Path(__file__).parent / "peers/oidc_provider.js"
_SETTINGS = f"""\
[applications.{CLIENT}]
redirect = ["{BACK}"]
secret = "file:SECRET"
first_party = true
grants = ["authorization_code", "refresh_token", "client_credentials"]
"""


@dataclass
class Provider:
    """A provider as it is measured; `chains` are the refresh tokens of its clients."""

    port: int
    secret: str
    process: int
    """The first process of the server's tree."""
    chains: list[str]
    database: int = 0
    """The first process of its database's tree, where it has one."""
    access_token: str = ""
    described: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        with closing(http.client.HTTPConnection("localhost", self.port, timeout=30)) as line:
            line.request("GET", "/.well-known/openid-configuration")
            self.described = json.loads(line.getresponse().read())

    def offers(self, grant: str) -> bool:
        return grant in self.described.get("grant_types_supported", ())

    def ask(
        self, line: http.client.HTTPConnection, endpoint: str, fields: Mapping[str, str]
    ) -> dict[str, Any]:
        """Ask once, over a connection that stays open. Raises BenchError."""
        named = base64.b64encode(f"{CLIENT}:{self.secret}".encode()).decode()
        headers = {
            "Authorization": f"Basic {named}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        line.request("POST", urlsplit(self.described[endpoint]).path, urlencode(fields), headers)
        answer = line.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise BenchError(f"{endpoint} answered {answer.status}: {text[:200]!r}")
        found: dict[str, Any] = json.loads(text)
        return found


Once = Callable[[Provider, http.client.HTTPConnection, int], None]
"""Asks a provider once for something, as the client of a number."""


def credentials(provider: Provider, line: http.client.HTTPConnection, number: int) -> None:
    provider.ask(line, "token_endpoint", {"grant_type": "client_credentials"})


def refresh(provider: Provider, line: http.client.HTTPConnection, number: int) -> None:
    asked = {"grant_type": "refresh_token", "refresh_token": provider.chains[number]}
    provider.chains[number] = provider.ask(line, "token_endpoint", asked)["refresh_token"]


def introspect(provider: Provider, line: http.client.HTTPConnection, number: int) -> None:
    shown = provider.ask(line, "introspection_endpoint", {"token": provider.access_token})
    if shown["active"] is not True:
        raise BenchError("a token that is good is said not to be")


def measure(report: Report) -> list[Figure]:
    """Measure all that the service offers. Raises BenchError."""
    figures = []
    with (
        tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder,
        _ours(Path(folder)) as ours,
        _peers() as peer,
    ):
        # Introspections come first: the peer's memory forgets its oldest of a thousand tokens.
        asked: tuple[tuple[str, str, Once, float, bool], ...] = (
            (
                "introspections",
                "1/s",
                introspect,
                INTROSPECTIONS_PER_S,
                "introspection_endpoint" in ours.described,
            ),
            (
                "tokens by client credentials",
                "tokens/s",
                credentials,
                CREDENTIALS_PER_S,
                ours.offers("client_credentials"),
            ),
            (
                "tokens by refresh",
                "tokens/s",
                refresh,
                REFRESHES_PER_S,
                ours.offers("refresh_token"),
            ),
        )
        for what, unit, once, least, is_offered in asked:
            if not is_offered:
                report(f"{what}: not offered")
                continue
            report(f"{what}, beside node-oidc-provider")
            figures += _figures(what, unit, once, least, ours, peer)
    return figures


def _figures(
    what: str, unit: str, once: Once, least: float, ours: Provider, peer: Provider
) -> list[Figure]:
    with_database: list[float] = []

    def own() -> float:
        alone, together = _a_second_of_a_core(ours, once)
        with_database.append(together)
        return alone

    mine, theirs = in_turn(Measure(own), Measure(lambda: _a_second_of_a_core(peer, once)[0]))
    name = f"{what}, for each second of a core"
    return [
        Figure(
            name,
            unit,
            mine,
            Peer(f"node-{PACKAGE} {VERSION}, Node {_node()}, in memory", theirs),
            limit=least,
            better=Better.HIGHER,
        ),
        Figure(
            f"{name}, PostgreSQL's counted too",
            unit,
            tuple(with_database[1:]),  # the first one warmed up
            better=Better.HIGHER,
        ),
    ]


def _a_second_of_a_core(provider: Provider, once: Once) -> tuple[float, float]:
    """How often it answers for each second of processor that it takes: without and with that of
    its database. What the clients take counts for nothing.
    """
    counts, failed = [0] * CHAINS, list[BenchError]()
    until = time.perf_counter() + TURN_S

    def client(number: int) -> None:
        with closing(http.client.HTTPConnection("localhost", provider.port, timeout=30)) as line:
            try:
                while time.perf_counter() < until and not failed:
                    once(provider, line, number)
                    counts[number] += 1
            except BenchError as error:
                failed.append(error)

    trees = [pid for pid in (provider.process, provider.database) if pid]
    before = [processor_s(pid) for pid in trees]
    threads = [threading.Thread(target=client, args=(number,)) for number in range(CHAINS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    took = [processor_s(pid) - was for pid, was in zip(trees, before, strict=True)]
    return sum(counts) / took[0], sum(counts) / sum(took)


@contextmanager
def _ours(folder: Path) -> Iterator[Provider]:
    """The service with one worker, on PostgreSQL."""
    secret = secrets.token_urlsafe(32)
    path = folder / "secret"
    path.touch(0o600)
    path.write_text(secret)
    with engine("postgresql") as database:
        settings = _SETTINGS.replace("SECRET", str(path))
        with serving_with(database, folder / "service", settings, workers=1) as service:
            browser = Browser(service)
            browser.join("somebody@example.org")
            tokens = [_by_code(browser, secret) for _ in range(CHAINS)]
            yield Provider(
                service.port,
                secret,
                service.process.pid,
                [one["refresh_token"] for one in tokens],
                database.process.pid,
                tokens[0]["access_token"],
            )


def _by_code(browser: Browser, secret: str) -> dict[str, Any]:
    """Sign somebody in to the application; return the tokens."""
    verifier = secrets.token_urlsafe(32)
    digest = hashlib.sha256(verifier.encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": BACK,
        "scope": SCOPE,
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    page = browser.get(f"/openid/authorize?{urlencode(asked)}")
    code = parse_qs(urlsplit(page.headers["Location"]).query)["code"][0]
    named = base64.b64encode(f"{CLIENT}:{secret}".encode()).decode()
    page = browser.post(
        "/openid/token",
        {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": BACK,
            "code_verifier": verifier,
        },
        Authorization=f"Basic {named}",
    )
    found: dict[str, Any] = json.loads(page.body)
    return found


@contextmanager
def _peers() -> Iterator[Provider]:
    """node-oidc-provider, one process, with its own in-memory adapter."""
    folder, secret, port = _installed(), secrets.token_urlsafe(32), free_port()
    settings = json.dumps({"port": port, "secret": secret, "chains": CHAINS})
    process = subprocess.Popen(
        ["node", str(folder / _PEER.name)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(settings)
        process.stdin.close()
        chains = next((line for line in process.stdout if line.startswith("[")), "")
        if not chains:  # before it come warnings of its own
            raise BenchError(f"{PACKAGE} does not start: it needs Node 20 or newer")
        provider = Provider(port, secret, process.pid, json.loads(chains))
        provider.access_token = _opaque(provider)
        yield provider
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _opaque(provider: Provider) -> str:
    """An access token that it introspects: those that are JWTs it leaves to who gets them."""
    asked = {"grant_type": "client_credentials", "resource": "https://opaque.example.com"}
    with closing(http.client.HTTPConnection("localhost", provider.port, timeout=30)) as line:
        return str(provider.ask(line, "token_endpoint", asked)["access_token"])


def _node() -> str:
    return run(["node", "--version"]).out.strip().removeprefix("v")


def _installed() -> Path:
    """Install it by npm into a cache of this user's, unless it is there; no scripts."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise BenchError("the peer is missing: apt-get install nodejs npm")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = home / "holdfast-bench" / f"{PACKAGE}-{VERSION}"
    cache.mkdir(parents=True, exist_ok=True)
    if not (cache / "node_modules" / PACKAGE).exists():
        quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
        wanted = f"{PACKAGE}@{VERSION}"
        run(["npm", "install", "--prefix", str(cache), *quiet, wanted], timeout_s=300)
    (cache / "package.json").write_text('{"type": "module"}')
    shutil.copy(_PEER, cache)
    return cache
