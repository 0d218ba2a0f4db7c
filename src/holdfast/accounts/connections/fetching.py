"""Asking a provider something: a JSON object, bounded in size and time, from nowhere else."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx

from holdfast.accounts.configuration import LOCAL_NAMES
from holdfast.accounts.connections.identity import Refused
from holdfast.accounts.webhooks.sending import is_allowed

MOST_BYTES = 256 * 1024
STEP_S = 5.0
WHOLE_S = 10.0


def is_safe(url: object) -> bool:
    """Whether an address may be asked, and people be led to: https, or on this machine."""
    if not isinstance(url, str) or len(url) > 2000 or not url.isascii() or not url.isprintable():
        return False
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or port == 0 or parts.username is not None or parts.fragment or " " in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in LOCAL_NAMES)


def is_of(url: object, issuer: str) -> bool:
    """Whether a provider may have us ask an address: at its own host, or one that is public.

    A document of its own must not lead us to this machine, or into the network around it.
    """
    place, own = urlsplit(str(url)), urlsplit(issuer)
    if place.hostname == own.hostname:
        return place.scheme == own.scheme
    if place.scheme != "https" or not place.hostname:
        return False
    try:
        found = socket.getaddrinfo(place.hostname, place.port or 443, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(is_allowed(ip_address(str(one[4][0]).partition("%")[0]), ()) for one in found)


def asked(
    url: object,
    *,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
) -> Any:
    """Return the JSON that is at an address, or that a form is answered with. Raises Refused."""
    if not isinstance(url, str) or not is_safe(url):
        raise Refused("the provider names an address that is not https")
    sent = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
    try:
        with (
            httpx.Client(timeout=STEP_S, follow_redirects=False, trust_env=False) as client,
            client.stream(
                "GET" if form is None else "POST",
                url,
                data=dict(form) if form is not None else None,
                headers=sent,
                auth=auth,
            ) as answer,
        ):
            body = _body(answer)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Refused(f"the provider does not answer: {type(error).__name__}") from None
    if answer.status_code != 200:
        raise Refused(f"the provider answered {answer.status_code}")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Refused("the provider's answer is no JSON") from None


def _body(answer: httpx.Response) -> bytes:
    ends = time.monotonic() + WHOLE_S
    body = bytearray()
    for part in answer.iter_raw():
        body += part
        if len(body) > MOST_BYTES:
            raise Refused("the provider's answer is too long")
        if time.monotonic() > ends:
            raise Refused("the provider's answer takes too long")
    return bytes(body)
