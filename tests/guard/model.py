"""What the guard is to decide, said a second time and shorter."""

from __future__ import annotations

from dataclasses import dataclass

HERE = "https://todo.example.com"


@dataclass(frozen=True)
class Asked:
    """A request in the words of the rules, not of HTTP."""

    host: str
    method: str
    origin: str | None
    referer: str | None
    fetched: str | None
    bearer: str
    """none, good, roleless, bad"""
    session: str
    """none, good, roleless, ended, made-up, twice, visited (a page was seen, nobody signed in)"""
    strategy: str
    csrf: str
    """none, own, other, mixed (another's token with one's own cookies), expired"""
    shown: str
    """field, header"""
    wanted: str
    """nobody, person, role"""
    page: bool
    """Whether a browser waits for a page."""


def decided(asked: Asked) -> tuple[int, bool]:
    """Return the status of the answer, and whether the session has ended by it."""
    if asked.host != "todo.example.com":
        return 421, False
    if asked.bearer == "bad":
        return 401, False
    by_token = asked.bearer in ("good", "roleless")
    signed_in = asked.session in ("good", "roleless")
    if asked.method not in ("GET", "HEAD", "OPTIONS") and not by_token:
        if asked.fetched not in (None, "same-origin", "none"):
            return 403, False
        came_from = asked.referer and asked.referer.removesuffix("/page")
        own_page = asked.origin == "null" and asked.fetched == "same-origin"
        if not own_page and (asked.origin or came_from or HERE) != HERE:
            return 403, False
        if asked.csrf == "none":
            return 403, signed_in
        ended = asked.csrf == "expired" and asked.strategy == "stateless"
        if (
            asked.csrf in ("other", "mixed")
            or ended
            or not (signed_in or asked.session == "visited")
        ):
            return 409, False
    if asked.wanted != "nobody" and not (by_token or signed_in):
        return (303 if asked.page and asked.method == "GET" else 401), False
    if asked.wanted == "role" and (asked.bearer if by_token else asked.session) != "good":
        return 403, False
    return 200, False
