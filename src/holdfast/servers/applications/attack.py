"""What an attack on an application is, and what it may use: free of any transport.

As with hosts, an attack ends `repelled`, `succeeded` or `inconclusive`, and has a canary: that
`first` is signed in, by the application's own start page, before and after.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from holdfast.servers.applications.ground import Ground, crawl
from holdfast.servers.applications.http import (
    Answer,
    Connection,
    Request,
    Unanswered,
    changed,
)
from holdfast.servers.applications.pages import SECRET_NAME, Field, Form, read
from holdfast.servers.applications.people import NOBODY, Likeness, Source, Undecided, Visitor
from holdfast.servers.attack import Kind, Verdict
from holdfast.site import App, Trial

MOST_TRIED = 5
"""So many forms are sent, to see whether they keep what was written."""
MOST_LASTING = 3
TOO_MANY = 429
LONG_AND_RANDOM = 16  # characters of a hidden value that nobody guesses


class Need(StrEnum):
    """What of `[apps.NAME.trial]` an attack cannot do without."""

    FIRST = "first"
    SECOND = "second"
    ROLELESS = "roleless"
    TOKEN = "token"  # noqa: S105
    EXPIRED = "expired"
    FOREIGN = "foreign"
    KEYS = "keys"
    KNOWN_AS = "known_as"
    SIGN_OUT = "sign_out"
    PASSWORD = "password"  # noqa: S105


OF_ITS_OWN_KIND = frozenset(
    {Need.ROLELESS, Need.TOKEN, Need.EXPIRED, Need.FOREIGN, Need.KEYS, Need.SIGN_OUT, Need.PASSWORD}
)
"""Not every application has these: without them the attacks are left out.

Any application has people, so that without `first` and `second` an attack is inconclusive.
"""


@dataclass(frozen=True)
class AppAttack:
    """A live attempt that must fail, against an application. `id` is `CONTROL/NAME`."""

    name: str
    title: str
    attempt: Callable[[AppAttacker], Awaitable[Verdict]]
    needs: frozenset[Need] = frozenset({Need.FIRST})
    kind: Kind = Kind.SAFE


class AppAttacker:
    """What an attacker can do against one application, with the throw-away people of its trial."""

    def __init__(
        self, app: App, trial: Trial, connection: Connection, sources: dict[str, Source]
    ) -> None:
        self.app = app
        self.trial = trial
        self.connection = connection
        self.sources = sources
        self.ground = Ground()
        self.first = Visitor("first", connection, sources.get("first"))
        self.second = Visitor("second", connection, sources.get("second"))
        self.roleless = Visitor("roleless", connection, sources.get("roleless"))
        self.likeness: Likeness | None = None
        self._lasting: list[Form] | None = None

    @property
    def start(self) -> str:
        return self.trial.start[0]

    def nobody(self) -> Visitor:
        return Visitor(NOBODY, self.connection)

    async def prepare(self) -> None:
        """Sign `first` in and learn what the start page shows them. Raises Undecided."""
        everybody = await self.nobody().get(self.start)
        if self.first.source is None:
            return
        await self.first.sign_in()
        likeness = Likeness(await self.first.get(self.start), everybody)
        if not likeness.tells:
            raise Undecided(
                f"the page {self.start} shows first what it shows everybody: let the trial's "
                "start begin with a page that only somebody signed in sees, and see that the "
                "session of first is a good one"
            )
        self.likeness = likeness

    async def look_around(self) -> None:
        """Find what there is to attack: crawl, write an entry, and crawl again, past its page."""
        ends = [self.trial.sign_out] if self.trial.sign_out else []
        self.ground = await crawl(self.first, self.trial.start, ends)
        if self.likeness is None:
            return
        for form in self.ground.lasting[:MOST_LASTING]:
            await self.works(form)
        self.ground = await crawl(self.first, self.trial.start, ends)

    @property
    def canary_is(self) -> str:
        """What the canary is, in the words of its failure."""
        return "first was not signed in" if self.likeness else "the start page did not answer"

    async def canary(self) -> bool:
        """Whether `first` is signed in, with a new session where the last one has ended."""
        try:
            if self.likeness is None:
                return (await self.nobody().get(self.start)).status < 500
            if await self.is_first(self.first):
                return True
            await self.first.sign_in()
            return await self.is_first(self.first)
        except (Unanswered, Undecided):
            return False

    async def is_first(self, visitor: Visitor) -> bool:
        """Whether the application takes this browser for `first`."""
        if self.likeness is None:
            raise Undecided("nobody is signed in: name first in the trial")
        return self.likeness.shown_in(await visitor.get(self.start))

    async def again(self) -> None:
        """Give `first` a new session where an attack has ended the last one."""
        if not await self.is_first(self.first):
            await self.first.sign_in()

    async def forms(self, page: str, visitor: Visitor) -> list[Form]:
        """Return the forms that a page shows to somebody."""
        return read(self.connection.origin, page, (await visitor.get(page)).text).forms

    async def fresh(self, form: Form, visitor: Visitor | None = None) -> Form | None:
        """Return the form as its page shows it to this person right now, None where it is not."""
        who = visitor or self.first
        for _ in ("as they are", "signed in anew"):
            forms = await self.forms(form.page, who)
            if found := next((one for one in forms if one.same(form)), None):
                return found
            await who.sign_in()
        return None

    async def lasting(self) -> list[Form]:
        """Return forms that leave behind what `first` writes; each was seen to. Raises Undecided.

        It is the canary of every forgery: whoever may not write at all repels nothing.
        """
        if self._lasting is None:
            tried = self.ground.lasting[:MOST_TRIED]
            self._lasting = [form for form in tried if await self.works(form)][:MOST_LASTING]
        if not self._lasting:
            count = len(self.ground.lasting[:MOST_TRIED])
            raise Undecided(
                f"no form was found that keeps what first writes ({count} were tried): let the "
                "trial's start name a page that has one"
            )
        return self._lasting

    async def can_write(self) -> bool:
        """Whether `first` can still use one of those forms properly, the last found first.

        What changes an entry stands on a page of its own, and costs less than making one.
        """
        for form in reversed(await self.lasting()):
            if await self.works(form):
                return True
        return False

    async def works(self, form: Form) -> bool:
        """Whether `first` can use a form properly."""
        now = await self.fresh(form)
        if now is None:
            return False
        text = marker()
        await self.first.send_from_own_page(now.filled(text), now.page)
        return await self.shows(form, text)

    async def shows(self, form: Form, text: str, visitor: Visitor | None = None) -> bool:
        """Whether pages of a person show a text: the start pages and the form's own."""
        who = visitor or self.first
        for page in dict.fromkeys((form.page, *self.trial.start)):
            if text in (await who.get(page)).text:
                return True
        return False

    async def filled_by(self, visitor: Visitor, form: Form, text: str) -> Request:
        """Return a form of `first` with every secret value in it another person's.

        They need not be shown the form itself: the token of any form of theirs is tried. Raises
        Undecided where they were given none, since first's own would be no test.
        """
        await visitor.sign_in()
        own: dict[str, str] = {}
        for page in (*self.trial.start, form.page):
            for other in await self.forms(page, visitor):
                own.update((one.name, one.value) for one in other.hidden)
        secret = await self.secret_fields(form)
        if missing := secret - own.keys():
            raise Undecided(
                f"{visitor.name} is given no {min(missing)} for {form.action}: let start name a "
                "page that shows them a form"
            )
        request = form.filled(text)
        values = [(name, own[name]) for name, _ in request.body if name in secret]
        return replace(request, body=changed(request.body, values))

    async def secret_fields(self, form: Form) -> frozenset[str]:
        """Return the names of hidden fields whose values an attacker does not know.

        They look like secrets, and are not the same for `second`.
        """
        theirs = None
        if self.second.source is not None:
            theirs = await self.fresh(form, self.second)
        known = {one.name: one.value for one in theirs.hidden} if theirs else {}
        return frozenset(
            one.name
            for one in form.hidden
            if _looks_secret(one) and known.get(one.name) != one.value
        )


def _looks_secret(field: Field) -> bool:
    return bool(SECRET_NAME.search(field.name)) or len(field.value) >= LONG_AND_RANDOM


def marker() -> str:
    """Return a word that no page has by chance, and that an operator recognises."""
    return f"holdfast-{secrets.token_hex(4)}"


def saying(request: Request, **values: str) -> Request:
    """The request with these fields in addition, in its form or its query."""
    more = tuple(values.items())
    if request.method == "GET":
        return replace(request, query=(*request.query, *more))
    return replace(request, body=(*request.body, *more))


class TooFast(Undecided):
    """Raised where the application lets nobody write that fast."""


def written(answer: Answer) -> Answer:
    """Return an answer that decides something. Raises TooFast for the one of a limit."""
    if answer.status == TOO_MANY:
        raise TooFast("the application lets nobody write that fast (429): wait, and prove again")
    return answer
