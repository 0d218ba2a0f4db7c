"""Where a request comes from, as far as it can be believed."""

from __future__ import annotations


def client(peer: str, forwarded: str, proxies: int) -> str:
    """Return the client's address.

    `forwarded` is X-Forwarded-For: each proxy appends who it was called by, so the last `proxies`
    entries are ours to believe and everything before them is what a client may have made up.
    """
    if not proxies:
        return peer
    named = [part.strip() for part in forwarded.split(",")]
    return named[-proxies] if len(named) >= proxies and named[-proxies] else peer
