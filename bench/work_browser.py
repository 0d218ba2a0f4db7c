"""How fast a page hashes in one worker: the widget's own worker beside what others use."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

from bench.figures import Better, Figure, Peer
from bench.running import BenchError, Measure, Report, in_turn, run
from browser.conftest import CHROMIUM, FLAGS

WEBCRYPTO_TIMES, WASM_TIMES = 20.0, 5.0
TURN_MS = 600
MILLION = 1e6
PACKAGES = {"altcha": "3.2.2", "hash-wasm": "4.13.0", "@cap.js/wasm": "0.0.6"}
ALTCHA, HASH_WASM, CAP = (f"{name} {version}" for name, version in PACKAGES.items())
SOLVERS = ("simd", "webcrypto", "altcha", "hash-wasm", "cap", "scalar", "script")
MEMORY_HARD = ("argon2", "hash-wasm argon2id")
_ROOT = Path(__file__).parents[1]
_TYPES = {".js": "text/javascript", ".wasm": "application/wasm"}
_RATE = "async ([name, ms]) => (await import('/bench/browser_rates.js')).rate(name, ms)"


def measure_browser(report: Report) -> list[Figure]:
    """Measure all in one run of Chromium, in turn. Raises BenchError."""
    report("hashing in a worker of Chromium, by the widget and by what others use")
    if not CHROMIUM.exists():
        raise BenchError(f"needs a browser at {CHROMIUM}: apt-get install chromium")
    with _serving(_peers()) as origin, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page()
        page.goto(origin)

        def solver(name: str) -> Measure:
            return Measure(lambda: float(page.evaluate(_RATE, [name, TURN_MS])))

        try:
            names = (*SOLVERS, *MEMORY_HARD)
            rates = dict(zip(names, in_turn(*map(solver, names)), strict=True))
        except Error as error:
            raise BenchError(f"a page did not hash: {error}") from error
        browser.close()
    return _figures(rates)


def _figures(rates: dict[str, tuple[float, ...]]) -> list[Figure]:
    millions = {name: tuple(one / MILLION for one in rates[name]) for name in SOLVERS}

    def beside(ours: str, what: str, theirs: str, peer: str, goal: float | None = None) -> Figure:
        stands = Peer(peer, millions[theirs])
        name = f"sha256 in a worker of Chromium, {what}, beside {peer.split()[0]}"
        return Figure(name, "M/s", millions[ours], stands, goal=goal, better=Better.HIGHER)

    awaited = "WebCrypto awaited as in Anubis"
    simd = "WebAssembly SIMD"
    heavy = Peer(HASH_WASM, rates["hash-wasm argon2id"])
    return [
        beside("simd", simd, "webcrypto", awaited, WEBCRYPTO_TIMES),
        beside("simd", simd, "altcha", ALTCHA, WEBCRYPTO_TIMES),
        beside("simd", simd, "hash-wasm", HASH_WASM, WASM_TIMES),
        beside("simd", simd, "cap", CAP, WASM_TIMES),
        beside("scalar", "WebAssembly without SIMD", "webcrypto", awaited),
        beside("script", "plain JavaScript", "webcrypto", awaited),
        Figure(
            "argon2id of 19 MiB in a worker of Chromium",
            "hashes/s",
            rates["argon2"],
            heavy,
            better=Better.HIGHER,
        ),
    ]


def _peers() -> Path:
    """Install the peers by npm into a cache of this user's, unless they are there; no scripts."""
    if shutil.which("npm") is None:
        raise BenchError("the peers are missing: apt-get install npm")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "holdfast-bench"
    cache.mkdir(parents=True, exist_ok=True)
    wanted = [f"{name}@{version}" for name, version in PACKAGES.items()]
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
    run(["npm", "install", "--prefix", str(cache), *quiet, *wanted], timeout_s=300)
    return cache / "node_modules"


@contextmanager
def _serving(peers: Path) -> Iterator[str]:
    """Serve the widget, the peers and what runs them on this machine; yield the address."""
    folders = {"ours": _ROOT / "native/web", "peers": peers, "bench": _ROOT / "bench/peers"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, folder, *names = self.path.split("/")
            file = folders.get(folder, _ROOT).joinpath(*names)
            known = folder in folders and ".." not in names and file.is_file()
            body = file.read_bytes() if known else b"<!doctype html>"
            self.send_response(200 if known or not folder else 404)
            self.send_header("Content-Type", _TYPES.get(file.suffix, "text/html"))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: what is asked for is known."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()
