"""How requests get to an application of the site, and nowhere else.

`outside` goes to `https://NAME` at the address of its host, whatever the DNS says. `inside` goes
to what the application listens on, past the web server: over the operator's SSH login, with a
small relay on the host, since a hardened host forwards nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import tempfile
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any

from holdfast.servers.applications.http import LARGEST_BODY, Answer, Request, Unanswered
from holdfast.servers.hand_streams import Streams
from holdfast.servers.session import Session
from holdfast.servers.session_errors import SessionError, quoted
from holdfast.site import App, Listen

MOST_REQUESTS = 30_000  # of one run
SHORTEST_S = 0.002  # between two requests: at most 500 a second
TIMEOUT_S = 15.0
CUT_OFF = 2  # times that a connection may turn out to have ended: servers do so after an error
PORT = 443

TRUST = (
    "; where the certificate is of an authority of your own, name it in SSL_CERT_FILE, or attack "
    "from the inside with --inside"
)

RELAY = """\
import os, socket, sys, threading
there = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
there.settimeout(None)
def back():
    while data := there.recv(65536):
        os.write(1, data)
    os._exit(0)
threading.Thread(target=back, daemon=True).start()
while data := os.read(0, 65536):
    there.sendall(data)
"""


class NoClient(Exception):
    """Raised where the HTTP client is not installed; the message says what to do."""


def http_client() -> Any:
    """Return the client's module. Raises NoClient."""
    try:
        import httpx
    except ImportError:
        raise NoClient(
            "attacking applications needs an HTTP client: pip install 'holdfast[guard]'"
        ) from None
    return httpx


class Http:
    """A connection to one application; see `http.Connection`.

    `base` is where it goes, `host` what the application is called there.
    """

    def __init__(
        self,
        two: tuple[Any, Any],
        base: str,
        origin: str,
        host: str,
        *,
        behind: bool = False,
        sni: str | None = None,
    ) -> None:
        self.origin = origin
        for client in two:  # cookies are people's
            client.cookies.jar = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        self._keeping, self._once = two
        self._base = base
        self._host = host
        self._behind = (
            (("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", host)) if behind else ()
        )
        self._extensions = {"sni_hostname": sni} if sni else {}
        self._sent = 0
        self._last = 0.0

    async def send(self, request: Request) -> Answer:
        self._sent += 1
        if self._sent > MOST_REQUESTS:
            raise Unanswered(f"{MOST_REQUESTS} requests were sent, which is enough")
        await asyncio.sleep(max(0.0, self._last + SHORTEST_S - time.monotonic()))
        self._last = time.monotonic()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._answered(request)
        except TimeoutError:
            raise Unanswered(f"no answer within {TIMEOUT_S:g} s") from None
        except http_client().ConnectError as error:
            what = str(error)
            mend = TRUST if "CERTIFICATE_VERIFY_FAILED" in what else ""
            raise Unanswered(f"no answer: {quoted(what)}{mend}") from None
        except (http_client().HTTPError, http_client().InvalidURL, OSError, ValueError) as error:
            # What the client says may quote what was sent, and so a session.
            raise Unanswered(f"no answer: the exchange ended in {type(error).__name__}") from None

    async def _answered(self, request: Request) -> Answer:
        """Ask, and ask again where a kept connection has turned out to have ended meanwhile.

        What may change something is asked once, over a connection of its own.
        """
        if request.method not in ("GET", "HEAD"):
            return await self._asked(self._once, request)
        for _ in range(CUT_OFF):
            with contextlib.suppress(http_client().NetworkError, http_client().ProtocolError):
                return await self._asked(self._keeping, request)
        return await self._asked(self._once, request)

    async def _asked(self, client: Any, request: Request) -> Answer:
        headers: list[tuple[bytes, bytes]] = [(b"Host", self._host.encode())]
        content = b""
        if request.method not in ("GET", "HEAD"):
            content = request.content()
            if not any(name.lower() == "content-type" for name, _ in request.headers):
                headers.append((b"Content-Type", b"application/x-www-form-urlencoded"))
        for name, value in (*self._behind, ("Accept-Encoding", "identity"), *request.headers):
            headers.append((name.encode("latin-1"), value.encode("latin-1", "replace")))
        # The client would straighten a path such as /../: what is asked for is this.
        target = request.target.encode("ascii", "replace")
        began = time.perf_counter()
        async with client.stream(
            request.method,
            http_client().URL(self._base).copy_with(raw_path=target),
            headers=headers,
            content=content,
            extensions={**self._extensions, "target": target},
        ) as response:
            body = b""
            async for piece in response.aiter_raw():
                body += piece
                if len(body) >= LARGEST_BODY:
                    break
            took = time.perf_counter() - began
            pairs = tuple((name.lower(), value) for name, value in response.headers.multi_items())
            text = _inflated(response.headers.get("content-encoding", ""), body)
            return Answer(response.status_code, pairs, text.decode("utf-8", "replace"), took)


def _inflated(coding: str, body: bytes) -> bytes:
    """Return a body of at most LARGEST_BODY: some servers compress what they were asked not to."""
    if coding.strip().lower() in ("gzip", "x-gzip", "deflate"):
        with contextlib.suppress(zlib.error):
            body = zlib.decompressobj(wbits=47).decompress(body, LARGEST_BODY)
    return body[:LARGEST_BODY]


@asynccontextmanager
async def clients(
    *, trust: ssl.SSLContext | bool = True, socket: Path | None = None
) -> AsyncIterator[tuple[Any, Any]]:
    """Yield two clients: one that keeps connections, and one that opens a new one each time.

    With `socket` they go through that one of this machine, whatever they are asked for.
    """
    httpx = http_client()
    async with contextlib.AsyncExitStack() as stack:
        opened = []
        for kept in (4, 0):
            limits = httpx.Limits(max_connections=4, max_keepalive_connections=kept)
            uds = str(socket) if socket else None
            transport = httpx.AsyncHTTPTransport(verify=trust, limits=limits, uds=uds)
            client = httpx.AsyncClient(
                transport=transport, follow_redirects=False, trust_env=False, timeout=TIMEOUT_S
            )
            opened.append(await stack.enter_async_context(client))
        yield opened[0], opened[1]


@asynccontextmanager
async def outside(app: App, address: str, port: int = PORT) -> AsyncIterator[Http]:
    """Yield a connection to `https://NAME`, at this address of its host."""
    name = app.names[0]
    shown = f"[{address}]" if ":" in address else address
    async with clients(trust=ssl.create_default_context()) as both:
        yield Http(both, f"https://{shown}:{port}", f"https://{name}", name, sni=name)


@asynccontextmanager
async def here(app: App) -> AsyncIterator[Http]:
    """Yield a connection to the copy that its developers run on this machine."""
    listen = _listen(app)
    async with clients() as both:
        name = f"localhost:{listen.port}"
        yield Http(both, f"http://{listen}", f"http://{name}", name)


@asynccontextmanager
async def inside(app: App, session: Session) -> AsyncIterator[Http]:
    """Yield a connection to what the application listens on, from its host."""
    listen = _listen(app)
    to = (str(listen.address), str(listen.port))
    with tempfile.TemporaryDirectory(prefix="holdfast-") as folder:
        path = Path(folder) / "application"
        relays: set[asyncio.Task[None]] = set()

        def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(_relay(session, to, reader, writer))
            relays.add(task)
            task.add_done_callback(relays.discard)

        server = await asyncio.start_unix_server(taken, path)
        try:
            async with clients(socket=path) as both:
                name = app.names[0]
                yield Http(both, "http://inside", f"https://{name}", name, behind=True)
        finally:
            server.close()
            for task in list(relays):
                task.cancel()
            await asyncio.gather(*relays, return_exceptions=True)


def _listen(app: App) -> Listen:
    if app.listen is None:
        raise Unanswered(f"{app.name} has no listen in the site file: name what it listens on")
    return app.listen


async def _relay(
    session: Session,
    to: tuple[str, str],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Carry one connection over the login, in both directions, until either end has enough."""
    try:
        streams = await session.process(["python3", "-I", "-c", RELAY, *to])
        try:
            there = asyncio.ensure_future(_there(reader, streams))
            try:
                while data := await streams.read_output():
                    writer.write(data)
                    await writer.drain()
            finally:
                there.cancel()
        finally:
            await streams.kill()
    except (SessionError, OSError):
        pass  # the client sees a connection that ends
    finally:
        writer.close()


async def _there(reader: asyncio.StreamReader, streams: Streams) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            await streams.send(data)
        streams.send_eof()
