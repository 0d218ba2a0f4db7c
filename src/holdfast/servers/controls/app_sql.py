"""What visitors send never becomes SQL.

Source: guide G4.4. The ways of asking are those of the OWASP Web Security Testing Guide
(WSTG-INPV-05): errors, pairs of true and false, order, casts, UNION, time.
"""

from __future__ import annotations

import html
import json
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import quote, quote_plus

from holdfast.servers.applications.attack import AppAttack, AppAttacker, Need, TooFast, written
from holdfast.servers.applications.ground import Input, form_inputs
from holdfast.servers.applications.http import Answer, Request
from holdfast.servers.applications.people import seen
from holdfast.servers.applications.sqlmap import sqlmap
from holdfast.servers.attack import Kind, Verdict, inconclusive, repelled, succeeded
from holdfast.servers.control import Control, Principle, Severity

MOST_INPUTS = 30
MOST_COLUMNS = 8
SLEEP_S = 2
SLEPT_S = 0.5  # an answer that came sooner has not slept, nor counted

ERRORS = re.compile(
    r"SQLSTATE|SQL syntax|sqlite3?\.\w*Error|SQLite3?::|near \"[^\"]{0,40}\": syntax error|"
    r"unrecognized token|psycopg|pg_query|PG::\w+Error|PostgreSQL.{0,20}ERROR|"
    r"unterminated quoted string|invalid input syntax for|ORA-\d{5}|mysqli?[_.]|MariaDB server|"
    r"pymysql|MySQLdb|Unclosed quotation mark|PDOException|JDBCException|SQLException|"
    r"sqlalchemy\.exc|django\.db\.utils|ActiveRecord::|no such column|Unknown column|"
    r"java\.sql\.|System\.Data\.SqlClient|near '[^']{0,40}' at line",
    re.IGNORECASE,
)
TOKEN = re.compile(r"[A-Za-z0-9_+/=.-]{20,}")  # longer than what first has written
SORT = re.compile(r"sort|order|column|by$|dir", re.IGNORECASE)
CONTEXTS = (("'", " -- "), ("", " -- "), ("%'", " -- "), ("')", " -- "), ('"', " -- "))
"""How a value may stand in a statement: what ends it, and what makes the rest a comment."""


def _said(answer: Answer, sent: str) -> str:
    """What a page says, without what was sent and without what is new on every page."""
    text = seen(answer)
    for spelled in {
        sent, html.escape(sent), html.escape(sent, quote=False), quote(sent), quote_plus(sent),
        json.dumps(sent)[1:-1], sent.replace("'", "&#x27;"), sent.replace("'", "&#39;"),
    }:  # fmt: skip
        if spelled:
            text = text.replace(spelled, "")
    return f"{answer.status} {' '.join(TOKEN.sub('', text).split())}"


class _Asked:
    """One input, and what it answers to values."""

    def __init__(self, attacker: AppAttacker, place: Input, page: str = "/") -> None:
        self.attacker = attacker
        self.place = place
        self.page = page

    async def answer(self, value: str) -> Answer:
        first, request = self.attacker.first, self.place.filled(value)
        if request.method == "GET":
            return await first.send(request)
        return written(await first.send_from_own_page(request, self.page))

    async def says(self, value: str) -> str:
        return _said(await self.answer(value), value)


def _inputs(attacker: AppAttacker) -> list[_Asked]:
    found = attacker.ground.inputs()[:MOST_INPUTS]
    return [_Asked(attacker, place) for place in found]


async def _forms(attacker: AppAttacker) -> AsyncIterator[_Asked]:
    """The fields of forms that keep what is written, with their secret values of right now.

    They are few and each request may leave an entry, so that only what decides at once is sent.
    """
    for form in attacker.ground.lasting[:3]:
        now = await attacker.fresh(form)
        secret = await attacker.secret_fields(form)
        for place in form_inputs(now, secret) if now else ():
            yield _Asked(attacker, place, form.page)


Way = Callable[[_Asked], Awaitable[str]]


def _attempt(way: Way, *, forms: bool = False) -> Callable[[AppAttacker], Awaitable[Verdict]]:
    """Return an attack that tries every input in one way, which says what came of it, or ""."""

    async def attempt(attacker: AppAttacker) -> Verdict:
        places = _inputs(attacker)
        if forms:
            places += [place async for place in _forms(attacker)]
        if not places:
            return inconclusive("no place was found that takes a value: name some in trial.start")
        tried = []
        for place in places:
            try:
                if (await place.answer(place.place.value or "a")).status >= 400:
                    continue  # it takes no value of ours, so that it refuses none
                found = await way(place)
            except TooFast:  # the others are tried all the same
                continue
            tried.append(place)
            if found:
                return succeeded(f"{place.place}: {found}")
        if not tried:
            return inconclusive(f"none of {len(places)} places took an ordinary value")
        return repelled(f"{len(tried)} places take it for a value: {_named(tried)}")

    return attempt


def _named(places: list[_Asked]) -> str:
    names = [str(one.place) for one in places]
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return ", ".join(names[:6]) + more


async def _errors(asked: _Asked) -> str:
    """One quote breaks what two do not; or the database itself is heard."""
    value = asked.place.value or "a"
    plain = await asked.answer(value)
    for quote_ in ("'", '"'):
        one = await asked.answer(f"{value}{quote_}")
        if ERRORS.search(one.text) and not ERRORS.search(plain.text):
            return f"{quote_} is answered by the database's own error"
        two = await asked.answer(f"{value}{quote_ * 2}")
        if one.status >= 500 > max(two.status, plain.status):
            again = await asked.answer(f"{value}{quote_}")
            if again.status >= 500:
                return f"one {quote_} breaks it ({one.status}), two do not ({two.status})"
    return ""


async def _pairs(asked: _Asked) -> str:
    """Two spellings of true are answered alike, two of false alike, and both differ.

    AND only: where the statement changes something, an OR would change all of it.
    """
    for value in dict.fromkeys((asked.place.value, "")):
        for before, after in CONTEXTS:
            true, false = [], []
            for _ in range(2):
                a, b = random.sample(range(1_000, 9_999), 2)
                true.append(f"{value}{before} AND {a}={a}{after}")
                false.append(f"{value}{before} AND {a}={b}{after}")
            yes, no = await asked.says(true[0]), await asked.says(false[0])
            if yes == no or (yes[:1], no[:1]) != ("2", "2"):
                continue
            if await asked.says(true[1]) == yes and await asked.says(false[1]) == no:
                return f"{true[0]!r} and {false[0]!r} are answered as a database would"
    return ""


async def _order(asked: _Asked) -> str:
    """A column in brackets orders as the column does; with DESC behind it, the other way round."""
    if not SORT.search(asked.place.name):
        return ""
    for column in dict.fromkeys((asked.place.value.lstrip("-+"), "id", "1")):
        if not column:
            continue
        up, down = f"({column}) ASC", f"({column}) DESC"
        one, other = await asked.says(up), await asked.says(down)
        ordered = one != other and one[0] == other[0] == "2"
        if ordered and (await asked.says(up), await asked.says(down)) == (one, other):
            return f"{up!r} and {down!r} order it"
        none = await asked.answer("(holdfast_none)")
        if none.status >= 500 > (await asked.answer(f"({column})")).status:
            return "a column that is not there breaks it, one that is does not"
    return ""


def _halves() -> tuple[str, str]:
    """Two halves of a word: whoever shows the whole has put them together."""
    mark = f"{random.randrange(16**6):06x}"
    return f"hold{mark[:3]}", f"{mark[3:]}fast"


async def _cast(asked: _Asked) -> str:
    """The guide's leak: a cast of text to a date fails, and the error shows the text."""
    one, two = _halves()
    joined = f"('{one}'||'{two}')"
    for cast in (
        f"CAST({joined} AS date) IS NOT NULL",
        f"CAST({joined} AS int)=1",
        f"extractvalue(1,concat(0x7e,'{one}','{two}')) IS NULL",
        f"1=CONVERT(int,'{one}'+'{two}')",
    ):
        for before, after in CONTEXTS:
            answer = await asked.answer(f"{asked.place.value}{before} AND {cast}{after}")
            if f"{one}{two}" in answer.text:
                return "the error of a cast shows what was cast"
    if SORT.search(asked.place.name):
        answer = await asked.answer(f"CAST({joined} AS date)")
        if f"{one}{two}" in answer.text:
            return "the error of a cast shows what was cast"
    return ""


async def _union(asked: _Asked) -> str:
    one, two = _halves()
    for joined in (f"'{one}'||'{two}'", f"CONCAT('{one}','{two}')"):
        for before, after in CONTEXTS:
            for columns in range(1, MOST_COLUMNS + 1):
                chosen = ",".join([joined] * columns)
                value = f"{asked.place.value}{before} UNION SELECT {chosen}{after}"
                answer = await asked.answer(value)
                if f"{one}{two}" in answer.text:
                    return f"UNION SELECT with {columns} columns shows what it selects"
    return ""


COUNT = (
    "(WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<{}) "
    "SELECT COUNT(*) FROM c)>0"
)
SLEEPS = (
    (f"(SELECT 1 FROM (SELECT SLEEP({SLEEP_S})) t)=1", "(SELECT 1 FROM (SELECT SLEEP(0)) t)=1"),
    (f"(SELECT 1 FROM pg_sleep({SLEEP_S}))=1", "(SELECT 1 FROM pg_sleep(0))=1"),
    (COUNT.format(5_000_000), COUNT.format(1)),
)
"""Conditions that take SLEEP_S once, whatever the number of rows, each with its twin that does not.

SQLite has no sleep: it counts, without memory.
"""


async def _time(asked: _Asked) -> str:
    """What sleeps does so three times, and its twin not in between."""
    for value in dict.fromkeys((asked.place.value, "")):
        for before, after in CONTEXTS[:3]:
            for sleep, none in SLEEPS:
                told = f"{value}{before} AND {sleep}{after}"
                other = f"{value}{before} AND {none}{after}"
                if took := await _slept(asked, told, other):
                    return f"it takes {took:.1f} s where it is told to sleep"
    return ""


async def _slept(asked: _Asked, told: str, other: str) -> float:
    """Return the least time that what sleeps took, 0 where it did not or its twin did too."""
    took = []
    for _ in range(3):
        took.append((await asked.answer(told)).seconds)
        if took[-1] < SLEPT_S or (await asked.answer(other)).seconds >= SLEPT_S / 2:
            return 0.0
    return min(took)


async def _sqlmap(attacker: AppAttacker) -> Verdict:
    requests: list[Request] = []
    for asked in _inputs(attacker):
        if asked.place.part == "query":
            requests.append(asked.place.request)
    return await sqlmap(attacker, list(dict.fromkeys(requests)))


FIRST = frozenset({Need.FIRST})

APP_SQL = Control(
    id="app.sql",
    title="What visitors send never becomes SQL",
    principle=Principle.CLEANSE_INPUT,
    source="guide G4.4",
    severity=Severity.CRITICAL,
    stops="A field of a form reads the whole database, or signs in without a password.",
    changes="Use prepared statements, choose what to sort by from a list, as "
    "`holdfast.guard.sorting` does, and show no error of the database. `holdfast scan code` finds "
    "SQL that is put together from text.",
    app_attacks=(
        AppAttack("errors", "break a statement with a quote", _attempt(_errors, forms=True)),
        AppAttack("pairs", "tell true from false by a condition", _attempt(_pairs)),
        AppAttack("sort", "order by an expression", _attempt(_order)),
        AppAttack("cast", "have the error of a cast show a value", _attempt(_cast)),
        AppAttack("union", "add a SELECT of one's own", _attempt(_union)),
        AppAttack("time", "have the database sleep", _attempt(_time)),
        AppAttack("sqlmap", "try what sqlmap knows", _sqlmap, FIRST, Kind.DISRUPTIVE),
    ),
    deviates="The guide's own example is sqlmap; it is asked for with --disruptive, since it sends "
    "thousands of requests. What comes before it is quiet, and finds what the guide names.",
)
