"""A door on loopback for another program: what goes in is sent as a person of the trial.

So the other program needs no session: it never sees one. It is let in by a word in the address,
which other users of this machine do not know.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from holdfast.servers.applications.http import Request, Unanswered
from holdfast.servers.applications.people import Visitor

LONGEST_HEAD = 65_536  # bytes


@asynccontextmanager
async def door(visitor: Visitor) -> AsyncIterator[str]:
    """Yield an address; a GET below it is asked for by this person."""
    word = secrets.token_urlsafe(24)

    async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(await _answered(visitor, word, head))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(taken, "127.0.0.1", 0, limit=LONGEST_HEAD)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/{word}"


async def _answered(visitor: Visitor, word: str, head: bytes) -> bytes:
    method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
    target = rest.rpartition(" ")[0]
    own, _, path = target.removeprefix("/").partition("/")
    if method != "GET" or not hmac.compare_digest(own.encode(), word.encode()):
        return b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    try:
        answer = await visitor.send(Request.get(f"/{path}"))
    except Unanswered:
        return b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    body = answer.text.encode()
    kind = answer.header("content-type") or "text/plain"
    lines = (
        f"HTTP/1.1 {answer.status} Answer",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body
