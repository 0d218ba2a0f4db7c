"""A service with a support desk: agents, people who call, and what they are sent."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from uuid import UUID

from accounts.api.asking import Program, program
from accounts.service import Browser, Page, Service

SCOPES = ("people:read", "people:write", "people:roles", "people:import")
_numbers = itertools.count(1)


@dataclass
class Desk:
    """A running service, and a key that gives roles."""

    service: Service
    full: Program = field(init=False)

    def __post_init__(self) -> None:
        self.full = program(self.service, "full", *SCOPES)

    def browser(self) -> Browser:
        """Somebody at an address that is in no network with another."""
        high, low = divmod(next(_numbers), 250)
        return Browser(self.service, f"22.{high}.{low}.7")

    def caller(self, **fields: str) -> Caller:
        """Somebody who has an account, and calls."""
        email = f"caller{next(_numbers)}@example.org"
        browser = self.browser()
        browser.join(email, **fields)
        return Caller(self.service, browser, email, str(browser.who()))

    def staff(self, role: str) -> Agent:
        """Somebody with a role, who has just shown that it is really them."""
        email = f"{role}{next(_numbers)}@example.org"
        browser = self.browser()
        browser.join(email)
        who = str(browser.who())
        assert self.full("PUT", f"/people/{who}/role", {"role": role}).status == 200
        browser.confirm()
        return Agent(self.service, browser, email, who)

    def entries(self, what: str, on: str = "") -> list[str]:
        """The entries of the trail about somebody, as they were written."""
        asked = "SELECT data FROM trail_trailentry WHERE what = %s ORDER BY number"
        return [row[0] for row in self.service.rows(asked, what) if on in row[0]]


@dataclass
class Caller:
    """Somebody with an account."""

    service: Service
    browser: Browser
    email: str
    id: str

    def code(self) -> str:
        """The code in the newest mail to them."""
        return code_in(self.service.mails(self.email)[-1])


@dataclass
class Agent(Caller):
    """Somebody with a role, in the console."""

    def __post_init__(self) -> None:
        self.token = self.browser.token()

    def path(self, of: Caller) -> str:
        return f"/console/people/person/{UUID(of.id)}/help/"

    def send(self, of: Caller, **given: str) -> Page:
        """Send a form of the page that helps somebody."""
        return self.browser.post(self.path(of), {"csrfmiddlewaretoken": self.token, **given})

    def ask(self, of: Caller, task: str, way: str = "mail") -> Page:
        return self.send(of, do="ask", task=task, way=way)

    def redeem(self, of: Caller, task: str, code: str) -> bool:
        """Type a code in; return whether what it allows was done."""
        page = self.send(of, do="redeem", task=task, code=code)
        assert page.status in (200, 302), page.status
        return page.status == 302


def code_in(mail: str) -> str:
    found = re.search(r"^(\d{4} \d{4})\s*$", mail, re.M)
    assert found is not None, mail
    return found[1]
