"""A site whose form asks for work, under a strict policy, and what Python says of an answer."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

from holdfast.accounts.people.colours import style_sheet

ROOT = Path(__file__).parents[2]
WIDGET = ROOT / "native/web"
STYLES = ROOT / "src/holdfast/accounts/static/holdfast/pages.css"
POLICY = (
    "default-src 'none'; script-src 'self'{more}; worker-src 'self'; connect-src 'self'; "
    "style-src 'self'; img-src data:; form-action 'self'"
)
POLICIES = {"wasm": POLICY.format(more=" 'wasm-unsafe-eval'"), "none": POLICY.format(more="")}
TYPES = {".js": "text/javascript", ".wasm": "application/wasm", ".css": "text/css"}
ACCENT = "#1f5fbf"
FAR = 4_000_000_000  # seconds since 1970
PAGE = """<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>Sign in</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">
<link rel="stylesheet" href="pages.css">
<link rel="stylesheet" href="colours.css"><script type="module" src="holdfast-work.js"></script>
</head><body><header class="top"><a class="name" href="#">A service</a></header>
<main class="narrow"><h1>Sign in</h1><form method="post" action="send">
<input type="hidden" name="csrfmiddlewaretoken" value="token of the form">
<div class="field"><label for="login">Address</label>
<input id="login" name="login" value="anna@example.org"></div>
<holdfast-work {attributes}></holdfast-work>
<div class="actions"><button class="button" name="how" value="password">Sign in</button></div>
</form></main></body></html>"""


@dataclass
class Site:
    """Where it runs, what it replies to whom asks for a puzzle, and what it was sent.

    A number is an HTTP status, words are sent as they are; with no reply left, nothing is asked.
    """

    port: int = 0
    replies: list[object] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    sent: list[dict[str, str]] = field(default_factory=list)

    def page(self, *, wasm: bool = True, lang: str = "en", **attributes: str) -> str:
        """The address of a page whose <holdfast-work> has these attributes."""
        given = " ".join(
            f'{name.replace("_", "-")}="{html.escape(value)}"' for name, value in attributes.items()
        )
        policy = "wasm" if wasm else "none"
        return f"http://127.0.0.1:{self.port}/{policy}/?lang={lang}&attributes={quote(given)}"


class _Handler(BaseHTTPRequestHandler):
    """The first part of every path names the policy, so that the worker's file is under it too."""

    site: Site

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        name = asked.path.rpartition("/")[2]
        file = STYLES if name == STYLES.name else WIDGET / name
        if name == "colours.css":
            self._answer(style_sheet(ACCENT).encode(), TYPES[".css"])
        elif name and file.is_file() and file.suffix in TYPES:
            self._answer(file.read_bytes(), TYPES[file.suffix])
        elif name:
            self._answer(b"", "text/plain", 404)
        else:
            self._answer(
                PAGE.format_map(dict(parse_qsl(asked.query, keep_blank_values=True))).encode(),
                "text/html",
            )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        fields = dict(parse_qsl(body, keep_blank_values=True))
        if self.path.endswith("/send"):
            self.site.sent.append(fields)
            self._answer(b"<!doctype html><title>Sent</title>", "text/html")
            return
        self.site.asked.append(fields)
        reply = self.site.replies.pop(0) if self.site.replies else {}
        status = reply if isinstance(reply, int) else 200
        words = reply if isinstance(reply, str) else json.dumps(reply)
        self._answer(words.encode(), "application/json", status)

    def _answer(self, body: bytes, media: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{media}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        policy = POLICIES.get(self.path.split("/")[1])
        if policy:
            self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what was asked and sent is kept."""


@contextmanager
def serving() -> Iterator[Site]:
    """A site on a free port of this machine."""
    site = Site()
    handler = type("Handler", (_Handler,), {"site": site})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        site.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


def puzzle(cost: int = 1000, parts: int = 8, *, kind: str = "sha256", expires: int = FAR) -> str:
    """A puzzle of the right form; nobody here looks at its signature."""
    names = (
        base64.urlsafe_b64encode(os.urandom(size)).decode().rstrip("=") for size in (16, 16, 32)
    )
    return ":".join(("1", kind, str(parts), str(cost), str(expires), *names))


def solves(answer: str, text: str) -> bool:
    """Whether that is an answer to a puzzle of kind sha256, by hashlib alone."""
    asked, _, counters = answer.rpartition(":")
    parts, cost = (int(number) for number in text.split(":")[2:4])
    numbers = [int(counter) for counter in counters.split(".")]
    seed = hashlib.sha256(text.encode("ascii")).digest()
    return (
        asked == text
        and len(numbers) == parts
        and all(0 < number < 2**32 for number in numbers)
        and all(_hash(seed, part, number) < 2**256 // cost for part, number in enumerate(numbers))
    )


def _hash(seed: bytes, part: int, counter: int) -> int:
    block = seed + part.to_bytes(4, "big") + counter.to_bytes(4, "big")
    return int.from_bytes(hashlib.sha256(block).digest(), "big")
