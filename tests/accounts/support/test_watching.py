"""What an agent may not do is refused and in the trail; how many people an agent looks at."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest

from accounts.console.test_roles import KEPT
from accounts.engines import EACH, serving_on
from accounts.routes import routes
from accounts.service import GOOD, Page, Service, serving
from accounts.support.desk import Agent, Caller, Desk

WEAKENED = str(Path(__file__).parents[1] / "security" / "weakened.py")
MANY = 640
A_PAGE = 50


@pytest.fixture(scope="module", params=EACH)
def desk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """A service as it comes: 60 people opened, 600 seen in an hour, an alert from 500 on."""
    with serving_on(request.param, tmp_path_factory.mktemp("desk"), "proxies = 1\n") as running:
        found = Desk(running)
        lines = [json.dumps({"email": f"m{number}@example.org"}) for number in range(MANY)]
        said = found.full("POST", "/people/import", "\n".join(lines), **{"Content-Type": "x/y"})
        assert said.data["created"] == MANY, said.text
        yield found


def opened(agent: Agent, person: str) -> int:
    return agent.browser.get(f"/console/people/person/{UUID(person)}/change/").status


def people(desk: Desk, count: int) -> list[str]:
    asked = "SELECT id FROM people_person WHERE email LIKE %s ORDER BY email"
    return [str(row[0]) for row in desk.service.rows(asked, "m%")[:count]]


def test_sixty_people_are_opened_in_an_hour_and_no_more(desk: Desk) -> None:
    agent, everybody = desk.staff("support"), people(desk, 63)
    assert {opened(agent, one) for one in everybody[:60]} == {200}
    assert opened(agent, everybody[60]) == 429
    help_page = f"/console/people/person/{UUID(everybody[61])}/help/"
    assert agent.browser.get(help_page).status == 429
    assert opened(agent, everybody[0]) == 200, "who was opened already counts no more"
    assert len(desk.entries("support.viewed", agent.id)) == 61
    refused = [json.loads(one) for one in desk.entries("support.refused", agent.id)]
    assert [one["details"]["status"] for one in refused] == ["429", "429"]
    earlier = "UPDATE support_look SET at = '2020-01-01 00:00:00'"
    desk.service.rows(earlier, commit=True)
    assert opened(agent, everybody[62]) == 200, "the hour has passed"


def test_many_at_once_are_counted_one_by_one(desk: Desk) -> None:
    agent, everybody = desk.staff("support"), people(desk, 80)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda one: opened(agent, one), everybody))
    assert (statuses.count(200), statuses.count(429)) == (60, 20)


def leafed(agent: Agent, page: int) -> Page:
    return agent.browser.get(f"/console/people/person/?p={page}&o=4")


def test_five_hundred_people_raise_an_alert_once(desk: Desk) -> None:
    agent, admin = desk.staff("support"), desk.staff("admin")
    before = len(desk.service.mails(admin.email))
    for page in range(1, 500 // A_PAGE):
        assert leafed(agent, page).status == 200
    assert desk.entries("support.alert", agent.id) == [], "450 were seen"
    leafed(agent, 1)
    assert desk.entries("support.alert", agent.id) == [], "nobody counts twice"
    leafed(agent, 500 // A_PAGE)
    told = [json.loads(one) for one in desk.entries("support.alert", agent.id)]
    assert [one["details"] for one in told] == [{"people": "500"}]
    assert leafed(agent, 11).status == 200
    mails = desk.service.mails(admin.email)[before:]
    assert len(mails) == 1
    assert "has looked at 500 people" in mails[0]
    assert len(desk.entries("support.alert", agent.id)) == 1
    assert leafed(agent, 12).status == 200
    assert leafed(agent, 13).status == 429, "600 is the end"
    assert agent.browser.get("/console/people/person/?q=m1").status == 200, "they were seen before"


def test_sessions_that_are_listed_are_looks_too(desk: Desk) -> None:
    agent = desk.staff("support")
    assert agent.browser.get("/console/usersessions/usersession/").status == 200
    seen = desk.service.rows(
        "SELECT person FROM support_look WHERE agent_id = %s", key(desk, agent)
    )
    assert len(seen) >= 1


def key(desk: Desk, who: Caller) -> str:
    """An id as this database keeps it."""
    return who.id.replace("-", "") if desk.service.database is None else who.id


# What an agent may not

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
LOOKS = re.compile(
    r"/console/(|(people/person|usersessions/usersession)/(|[^/]+/(|change/))|people/person/[^/]+/help/"
    r"|login/|logout/|password_change/(done/)?|jsi18n/|r/.*)"
)
"""Pages that an agent may open, by GET; what they may send is in the tests of helping."""
PUBLIC = ("/api/docs", "/api/openapi.json", "/console/login/")
FORGED = (
    {},
    {"role": "admin", "is_active": "on", "name": "x", "username": "x", "_save": "Save"},
    {"password": "x", "password1": "x", "email": "evil@example.org", "is_superuser": "1"},
    {"do": "reset", "role": "admin"},
    {"do": "ask", "task": "unlock", "way": "mail", "email": "evil@example.org"},
    {"do": "ask", "task": "set-password", "way": "mail"},
    {"do": "ask", "task": "remove-factor:recovery_codes", "way": "mail"},
    {"do": "redeem", "task": "unlock", "code": "00000000", "password": "x"},
    {"do": "impersonate"},
    *(
        {"action": action, "_selected_action": "KEY", "index": "0", "post": "yes"}
        for action in ("end_sessions", "end", "delete_selected", "replay", "send_reset")
    ),
    {"action": "send_reset", "_selected_action": "KEY", "index": "0", "role": "admin"},
    {"scopes": "people:roles", "expires_0": "", "expires_1": "", "url": "https://203.0.113.9/"},
)


def places(desk: Desk, person: Caller) -> list[str]:
    """Every route of the console, of the API, and what else is for administrators."""
    from holdfast.accounts.urls import urlpatterns

    found = ["/invite/", "/outbox/"]
    tables = {"usersession/": "usersessions_usersession", "trailentry/": "trail_trailentry"}
    for route in routes(list(urlpatterns)):
        if not route.startswith(("console/", "api/")) or "\\Z" in route or "logout" in route:
            continue
        table = next((kept for part, kept in tables.items() if part in route), "")
        column = "number" if "trail" in table else "id"
        rows = desk.service.rows(f"SELECT {column} FROM {table} LIMIT 1") if table else []  # noqa: S608
        filled = rows[0][0] if rows else UUID(person.id)
        found.append("/" + re.sub(r"<[^>]+>", str(filled), route))
    return list(dict.fromkeys(found))


def contents(service: Service) -> dict[str, list[tuple[object, ...]]]:
    tables = (*(one for one in KEPT if one != "trail_trailhead"), "support_readbackcode")
    return {
        table: sorted(service.rows(f"SELECT * FROM {table}"), key=repr)  # noqa: S608
        for table in (*tables, "support_removal")
    }


def _forms(path: str) -> tuple[dict[str, str], ...]:
    """What is sent to a page: everything where an agent may look, some where nothing is taken."""
    return FORGED if LOOKS.fullmatch(path) else FORGED[:2]


def let_through(desk: Desk, agent: Agent, person: Caller, paths: list[str]) -> list[str]:
    """Try everything on these routes; return what was not refused, or not recorded."""
    found = []
    count = "SELECT count FROM trail_tally WHERE what = 'support.refused' ORDER BY day"

    def refused() -> int:
        return sum(row[0] for row in desk.service.rows(count))

    for path in paths:
        token = {"csrfmiddlewaretoken": agent.token}
        for method in METHODS:
            for form in _forms(path) if method == "POST" else ({},):
                before = refused()
                filled = {
                    name: str(UUID(person.id)) if value == "KEY" else value
                    for name, value in form.items()
                }
                if method == "POST":
                    page = agent.browser.post(path, {**token, **filled})
                else:
                    sent = {"X-CSRFToken": agent.token}
                    page = agent.browser.send(method, path, None, sent)
                assert page.status < 500, (method, path, form)
                if method == "GET":
                    page = agent.browser.follow(page)  # where an old address leads
                harmless = path in PUBLIC or (method == "GET" and LOOKS.fullmatch(path))
                leads_on = 300 <= page.status < 400 and "/console/" not in page.headers["Location"]
                if page.status >= 400 and refused() == before + 1:
                    continue
                if not harmless and not leads_on:
                    found.append(f"{method} {path} {form} {page.status}")
    return found


def test_whatever_an_agent_may_not_is_refused_and_in_the_trail(desk: Desk) -> None:
    agent, person = desk.staff("support"), desk.caller()
    paths = places(desk, person)
    assert len(paths) > 50
    before = contents(desk.service)
    assert let_through(desk, agent, person, paths) == []
    assert contents(desk.service) == before
    assert agent.browser.who() == agent.id, "an agent is nobody else"


def test_an_agent_who_may_do_more_would_be_found(tmp_path: Path) -> None:
    with serving(tmp_path, "proxies = 1\n", program=(WEAKENED, "agents_change")) as weak:
        desk = Desk(weak)
        agent, person = desk.staff("support"), desk.caller()
        paths = [f"/console/people/person/{UUID(person.id)}/change/", "/console/api/apikey/add/"]
        before = contents(weak)
        assert len(let_through(desk, agent, person, paths)) > 2
        assert contents(weak) != before


@pytest.mark.parametrize("role", ["admin", "support", "auditor"])
def test_nobody_with_a_role_is_helped(desk: Desk, role: str) -> None:
    agent = desk.staff("support")
    other = agent if role == "support" else desk.staff(role)
    other.browser.enrol()
    before = contents(desk.service)
    mails = len(desk.service.mails(other.email))
    forms = [{"do": "reset"}]
    for task in ("unlock", "remove-factor:totp"):
        forms.append({"do": "ask", "task": task, "way": "mail"})
        forms.append({"do": "redeem", "task": task, "code": "12345678"})
    for form in forms:
        assert agent.send(other, **form).status == 403
    bulk = {"action": "send_reset", "_selected_action": other.id, "index": "0"}
    agent.browser.post("/console/people/person/", {"csrfmiddlewaretoken": agent.token, **bulk})
    assert contents(desk.service) == before
    assert len(desk.service.mails(other.email)) == mails
    assert len(desk.entries("support.refused", other.id)) == len(forms) + 1


def test_who_is_given_a_role_meanwhile_is_helped_no_more(desk: Desk) -> None:
    agent, person = desk.staff("support"), desk.caller()
    agent.ask(person, "unlock")
    code = person.code()
    assert desk.full("PUT", f"/people/{person.id}/role", {"role": "admin"}).status == 200
    assert agent.send(person, do="redeem", task="unlock", code=code).status == 403


def test_an_agent_who_is_none_any_more_does_nothing(desk: Desk) -> None:
    agent, person = desk.staff("support"), desk.caller()
    agent.ask(person, "unlock")
    code = person.code()
    assert desk.full("PUT", f"/people/{agent.id}/role", {"role": ""}).status == 200
    assert agent.send(person, do="redeem", task="unlock", code=code).status == 404


def test_a_stolen_session_of_an_agent_sends_nothing(desk: Desk) -> None:
    agent, person = desk.staff("support"), desk.caller()
    thief = desk.browser()
    thief.sign_in(agent.email)
    form = {"csrfmiddlewaretoken": thief.token(), "do": "ask", "task": "unlock", "way": "mail"}
    before = len(desk.service.mails(person.email))
    page = thief.post(agent.path(person), form)
    asked = page.headers["Location"]
    assert "/reauthenticate/" in asked
    assert len(desk.service.mails(person.email)) == before
    thief.post(asked, {**thief.get(asked).form(), "password": "wrong"})
    assert len(desk.service.mails(person.email)) == before
    thief.post(asked, {**thief.get(asked).form(), "password": GOOD})
    assert len(desk.service.mails(person.email)) == before + 1, "its owner goes on"
