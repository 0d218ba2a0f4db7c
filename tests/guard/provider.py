"""A provider on this machine, as a test wants it: honest, lying, slow or away."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from guard.signing import jwk, key_set


class Pretended:
    """What a provider answers, and what it was asked."""

    def __init__(self) -> None:
        self.address = ""
        self.keys = key_set(jwk("RS256"), jwk("ES256"), jwk("EdDSA"))
        self.status = 200
        self.headers: dict[str, str] = {}
        self.described: dict[str, object] = {}
        self.asked: list[str] = []
        self.exchanged: list[dict[str, str]] = []
        self.authorizations: list[str] = []
        self.answer_to_code: Callable[[], object] = dict

    def description(self) -> dict[str, object]:
        return {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
            "end_session_endpoint": f"{self.address}/logout",
            **self.described,
        }

    def answer(self, path: str) -> bytes:
        self.asked.append(path)
        if path == "/keys":
            return self.keys
        if path.startswith("/.well-known/"):
            return json.dumps(self.description()).encode()
        return json.dumps(self.answer_to_code()).encode()


@contextmanager
def provider() -> Iterator[Pretended]:
    """A provider that listens on loopback until the end."""
    pretended = Pretended()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answered()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            pretended.exchanged.append({k: v[0] for k, v in parse_qs(body).items()})
            pretended.authorizations.append(self.headers.get("authorization", ""))
            self._answered()

        def _answered(self) -> None:
            body = pretended.answer(self.path)
            self.send_response(pretended.status)
            for name, value in pretended.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    pretended.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield pretended
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def dripping(first: bytes, then: bytes) -> Iterator[str]:
    """Give the address of a server that sends a beginning and then bytes, until it is left."""
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        peer, _ = listening.accept()
        with peer:
            peer.recv(65_536)
            peer.sendall(first)
            while not over.wait(0.02):
                try:
                    peer.sendall(then)
                except OSError:  # the other side has gone
                    return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        over.set()
        thread.join()
        listening.close()
