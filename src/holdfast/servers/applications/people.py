"""Who asks: nobody, or a throw-away person whose session the site's trial names.

A trial's source prints one header line, `Cookie: …` or `Authorization: Bearer …`. It is asked
again whenever the session has ended, since some attacks end it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from itertools import islice

from holdfast.servers.applications.http import Answer, Connection, Request
from holdfast.servers.applications.markup import LONGEST_PAGE, visible
from holdfast.site import Secret

Source = Callable[[], Awaitable[Secret]]

NOBODY = "nobody"
ACCEPT = "text/html,application/json;q=0.9,*/*;q=0.5"
BROWSER = "Mozilla/5.0 (holdfast prove)"
LINE = re.compile(r"(cookie|authorization):[ \t]*([\x21-\x7e][\x20-\x7e]{0,4000})", re.IGNORECASE)
COOKIE = re.compile(r"[\x21-\x3a\x3c\x3e-\x7e]{1,256}=[\x20-\x3a\x3c-\x7e]{0,4096}")
WORD = re.compile(r"\w{2,40}")
MOST_COOKIES = 50
MOST_WORDS = 20_000


class Undecided(Exception):
    """Raised where an attack cannot be tried, or shows nothing; the message says why."""


class Visitor:
    """One browser: what it is signed in with, and the cookies that it was given since."""

    def __init__(self, name: str, connection: Connection, source: Source | None = None) -> None:
        self.name = name
        self.connection = connection
        self.source = source
        self.cookies: dict[str, str] = {}
        self.authorization = ""
        self.session: frozenset[str] = frozenset()
        """The names of the cookies that signed this person in."""

    async def sign_in(self) -> None:
        """Take a session from the source. Raises Undecided, and what the source raises."""
        if self.source is None:
            return
        name, value = header(self.name, await self.source())
        if name == "authorization":
            self.authorization = value
            return
        pairs = (pair.strip().partition("=") for pair in value.split(";"))
        brought = {name: value for name, equals, value in pairs if equals}
        self.cookies = {**self.cookies, **brought}
        self.session = frozenset(brought)

    async def send(self, request: Request) -> Answer:
        """Send what this person's browser would, and keep the cookies of the answer.

        A header of the request goes before the browser's own. Raises Unanswered.
        """
        own = [("Accept", ACCEPT), ("User-Agent", BROWSER)]
        if self.cookies:
            own.append(("Cookie", cookie_line(self.cookies)))
        if self.authorization:
            own.append(("Authorization", self.authorization))
        said = {name.lower() for name, _ in request.headers}
        missing = [pair for pair in own if pair[0].lower() not in said]
        answer = await self.connection.send(request.saying(*missing))
        self._keep(answer)
        return answer

    async def get(self, target: str) -> Answer:
        return await self.send(Request.get(target))

    async def send_from_own_page(self, request: Request, page: str) -> Answer:
        """Send a form as a browser does from the application's own page."""
        origin = self.connection.origin
        return await self.send(
            request.saying(
                ("Origin", origin),
                ("Referer", f"{origin}{page}"),
                ("Sec-Fetch-Site", "same-origin"),
                ("Sec-Fetch-Mode", "navigate"),
                ("Sec-Fetch-Dest", "document"),
            )
        )

    def twin(self) -> Visitor:
        """Another browser that has stolen everything this one holds."""
        other = Visitor(self.name, self.connection)
        other.cookies, other.authorization = dict(self.cookies), self.authorization
        return other

    def _keep(self, answer: Answer) -> None:
        """Cookies are kept as browsers do: letter by letter, and none with control characters."""
        for line in answer.all("set-cookie")[:MOST_COOKIES]:
            pair, *attributes = line.split(";")
            name, _, value = (part.strip() for part in pair.partition("="))
            if not COOKIE.fullmatch(f"{name}={value}"):
                continue
            ends = {one.strip().lower() for one in attributes} & {"max-age=0", "max-age=-1"}
            if ends or not value.strip('"'):
                self.cookies.pop(name, None)
            elif name in self.cookies or len(self.cookies) < MOST_COOKIES:
                self.cookies[name] = value


def header(source: str, printed: Secret) -> tuple[str, str]:
    """Return the one header that a source of the trial prints; its name is in small letters.

    Raises Undecided, which holds nothing of it.
    """
    line = LINE.fullmatch(printed.reveal().strip())
    if line is None:
        raise Undecided(
            f"trial.{source} printed no header: let it print one line, "
            "Cookie: NAME=VALUE or Authorization: Bearer TOKEN"
        )
    return line[1].lower(), line[2].strip()


def cookie_line(cookies: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def words(answer: Answer) -> frozenset[str]:
    """What a page says to a reader, without its order and its markup."""
    return frozenset(match[0] for match in islice(WORD.finditer(seen(answer)), MOST_WORDS))


def seen(answer: Answer) -> str:
    """What a reader sees of an answer."""
    return visible(answer.text) if answer.is_html else answer.text[:LONGEST_PAGE]


class Likeness:
    """Tells from the start page whether somebody is signed in.

    What it says to the person and not to everybody is what they are known by.
    """

    def __init__(self, signed_in: Answer, everybody: Answer) -> None:
        self._status = signed_in.status
        self._own = words(signed_in) - words(everybody)
        self.tells = signed_in.status < 400 and (
            bool(self._own) or signed_in.status != everybody.status
        )

    def shown_in(self, answer: Answer) -> bool:
        """Whether the person is signed in there."""
        if answer.status != self._status:
            return False
        return 2 * len(words(answer) & self._own) >= len(self._own)
