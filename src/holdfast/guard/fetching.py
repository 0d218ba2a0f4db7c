"""Requests to the provider: bounded in time and size, never redirected."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

MOST_BYTES = 1_000_000
WITHIN_S = 5.0
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class ProviderDown(Exception):
    """The provider did not answer, or not with what was asked for; its text says which."""


Fetch = Callable[[str], bytes]
"""Returns what lies at an address. Raises ProviderDown."""


def fetch(address: str) -> bytes:
    """Return what lies at an address of the provider. Raises ProviderDown."""
    return _asked("GET", address, {}, None)


def post(address: str, fields: Mapping[str, str], client: tuple[str, str] | None) -> bytes:
    """Return the answer to a form; `client` is the id and the secret to sign in with.

    Raises ProviderDown.
    """
    headers = {}
    if client:  # RFC 6749, 2.3.1: each is form-encoded first
        pair = ":".join(quote(part, safe="") for part in client)
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return _asked("POST", address, headers, fields)


def is_safe(address: str) -> bool:
    """Whether what goes to an address can be read by nobody on the way."""
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))


def _asked(
    method: str, address: str, headers: Mapping[str, str], fields: Mapping[str, str] | None
) -> bytes:
    deadline = time.monotonic() + WITHIN_S
    if not is_safe(address):
        raise ProviderDown("its address is neither https nor this machine's own")
    try:
        with (
            httpx.Client(timeout=WITHIN_S, follow_redirects=False) as client,
            _broken_off_after(WITHIN_S) as trace,
            client.stream(
                method, address, headers=headers, data=fields, extensions={"trace": trace}
            ) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise ProviderDown(f"it answered {answer.status_code}")
            body = bytearray()
            for part in answer.iter_bytes():
                body += part
                if len(body) > MOST_BYTES:
                    raise ProviderDown(f"its answer is longer than {MOST_BYTES} bytes")
            if time.monotonic() > deadline:
                raise ProviderDown(f"its answer takes longer than {WITHIN_S:g} s")
            return bytes(body)
    except httpx.HTTPError as error:
        raise ProviderDown(f"no answer: {type(error).__name__}") from error


@contextmanager
def _broken_off_after(seconds: float) -> Iterator[Callable[[str, Mapping[str, Any]], None]]:
    """Give what watches a request (httpx's trace), and has its connection end in time.

    A timeout of httpx holds for one wait: whoever sends a byte now and then never reaches it.
    """
    streams: list[Any] = []

    def seen(event: str, told: Mapping[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            streams.append(told["return_value"])

    def end() -> None:
        for stream in streams:
            with suppress(OSError):  # it has ended, or TLS goes on over it
                stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield seen
    finally:
        timer.cancel()
