"""Sends one event over HTTP, to nowhere that a stranger's URL should not lead.

The name is looked up once, its addresses are judged, and one of them is connected to: what the name
says a moment later does not matter. Nothing is followed, and hardly anything is read.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.client
import ipaddress
import re
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

TIMEOUT_S = 10.0
SECRET_PREFIX = "whsec_"  # noqa: S105 - of the Standard Webhooks
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
TOO_LONG = f"it took more than {TIMEOUT_S:.0f} seconds"
TUNNELS = tuple(
    map(
        ipaddress.ip_network,
        ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "192.88.99.0/24", "::/96", "fec0::/10"),
    )
)
"""They lead to an IPv4 address that stands in them, or were once meant for the inside."""


class NotSent(Exception):
    """It was not taken; the message says why, and is shown to administrators."""


@dataclass(frozen=True)
class Target:
    """Where a URL leads."""

    secure: bool
    host: str
    port: int
    path: str


def target(url: str, allowed: Sequence[Network] = ()) -> Target:
    """Read a URL. Raises NotSent for one that nothing is sent to.

    In clear, only where networks are allowed, and then to those alone.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NotSent("that is no URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotSent("write https://HOST/PATH")
    if parts.scheme == "http" and not allowed:
        raise NotSent("write https://: in clear, others read and change what is sent")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise NotSent("a URL holds no name, password or fragment here")
    if not url.isascii() or re.search(r"[\x00-\x20\x7f\\]", url):
        raise NotSent("a URL is ASCII without spaces: write a name with other letters as xn--")
    secure = parts.scheme == "https"
    query = f"?{parts.query}" if parts.query else ""
    return Target(
        secure, parts.hostname, port or (443 if secure else 80), (parts.path or "/") + query
    )


def is_allowed(address: Address, allowed: Sequence[Network], *, secure: bool = True) -> bool:
    """Whether an address is in a network that is allowed, or public and not written to in clear."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if any(address.version == network.version and address in network for network in allowed):
        return True
    tunnelled = any(address.version == net.version and address in net for net in TUNNELS)
    return secure and address.is_global and not address.is_multicast and not tunnelled


def resolved(where: Target, allowed: Sequence[Network]) -> str:
    """Return the address to connect to. Raises NotSent where a name leads to one that is not."""
    try:
        found = socket.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotSent("its name cannot be found") from None
    addresses = [str(one[4][0]).partition("%")[0] for one in found]
    for text in addresses:
        if not is_allowed(ipaddress.ip_address(text), allowed, secure=where.secure):
            raise NotSent("its name leads to an address that is not public: allow its network")
    return addresses[0]


class _Connection(http.client.HTTPConnection):
    """Connects to an address that was judged, whatever the name says by now."""

    def __init__(self, where: Target, address: str) -> None:
        super().__init__(where.host, where.port, timeout=TIMEOUT_S)
        self._where, self._address = where, address
        self.was_cut = False

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self._where.port), TIMEOUT_S)
        self._unless_cut()
        if self._where.secure:
            context = ssl.create_default_context()
            plain, name = self.sock, self._where.host
            self.sock = context.wrap_socket(
                plain, server_hostname=name, do_handshake_on_connect=False
            )
            self._unless_cut()
            self.sock.do_handshake()

    def _unless_cut(self) -> None:
        """What was cut before there was this socket is not gone on with."""
        if self.was_cut:
            raise OSError

    def cut(self) -> None:
        """End it from another thread, however slowly the other side goes on."""
        self.was_cut = True
        with contextlib.suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)


def new_secret() -> str:
    """Return a secret as the Standard Webhooks write one."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(secret: str, name: str, at: int, body: str) -> str:
    """Return the signature of the Standard Webhooks: HMAC-SHA256 over name, time and body."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    made = hmac.new(key, f"{name}.{at}.{body}".encode(), hashlib.sha256).digest()
    return "v1," + base64.b64encode(made).decode()


def send(url: str, secret: str, name: str, body: str, allowed: Sequence[Network]) -> int:
    """Send a body; return the status, which is 2xx. Raises NotSent."""
    where = target(url, allowed)
    connection = _Connection(where, resolved(where, allowed))
    at = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Holdfast",
        "webhook-id": name,
        "webhook-timestamp": str(at),
        "webhook-signature": signature(secret, name, at, body),
    }
    timer = threading.Timer(TIMEOUT_S, connection.cut)
    timer.start()
    try:
        connection.request("POST", where.path, body.encode(), headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException, ValueError) as error:
        said = TOO_LONG if connection.was_cut else f"it did not answer: {type(error).__name__}"
        raise NotSent(said) from None
    finally:
        timer.cancel()
        connection.close()
    if connection.was_cut:  # what was read ends where it was cut, and may look whole
        raise NotSent(TOO_LONG)
    if not 200 <= status < 300:
        said = "it leads elsewhere, which is not followed" if 300 <= status < 400 else "it refused"
        raise NotSent(f"{said}: {status}")
    return status
