"""Who may do what in the console: every route and every method, tried by every role."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from accounts.api.asking import program
from accounts.engines import EACH, serving_on
from accounts.routes import routes
from accounts.service import Browser, Page, Service, serving, visitors, wait_for
from holdfast.accounts.api.keys import SCOPES

WEAKENED = str(Path(__file__).parents[1] / "security" / "weakened.py")
BEHIND = "proxies = 1\n[webhooks]\nattempts = 1\n[support]\nviews_an_hour = 10000\n"
BEHIND += '[applications.todo]\nredirect = ["http://localhost:3000/"]\nroles = ["DOES"]\n'
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
KEPT = (
    *("people_person", "people_handle", "account_emailaddress", "mfa_authenticator"),
    *("usersessions_usersession", "api_apikey", "webhooks_webhook", "webhooks_delivery"),
    *("mail_queuedmail", "people_onetimelink", "trail_trailhead"),
    *("connections_connection", "socialaccount_socialaccount"),
    *("applications_registration", "applications_group", "applications_group_members"),
)
"""Every table that a page could change, save for sessions of whoever looks."""
_numbers = iter(range(1, 60000))
fresh = visitors(6)


@dataclass(frozen=True)
class Place:
    """A service with something of everything, and somebody of each role."""

    service: Service
    roles: Mapping[str, str]
    """The address of somebody of each role."""

    def browser(self, role: str, *, confirmed: bool = True) -> Browser:
        """Somebody of that role, who has just shown that it is really them."""
        browser = fresh(self.service)
        browser.sign_in(self.roles[role])
        assert browser.who()
        if confirmed:
            browser.confirm()
        return browser

    def paths(self) -> list[str]:
        """Every route of the console, with things that are there in place of its parameters."""
        from holdfast.accounts.urls import urlpatterns

        found = []
        for route in routes(list(urlpatterns)):
            if not route.startswith("console/") or "\\Z" in route or "logout" in route:
                continue
            table = next((t for path, t in TABLES.items() if path in route), "people_person")
            found += ["/" + re.sub(r"<[^>]+>", key, route) for key in self.keys(table)]
        return list(dict.fromkeys(found))

    def keys(self, table: str) -> list[str]:
        """Three of what a table holds, and nothing of the auditor, who goes on walking."""
        column = "number" if table == "trail_trailentry" else "id"
        owner = {"people_person": "id", "usersessions_usersession": "user_id"}.get(table)
        auditors = "SELECT id FROM people_person WHERE role = 'auditor'"
        where = f"WHERE {owner} NOT IN ({auditors})" if owner else ""
        found = self.service.rows(f"SELECT {column} FROM {table} {where} LIMIT 3")  # noqa: S608
        return [str(row[0]) for row in found]


TABLES = {
    "usersessions/": "usersessions_usersession",
    "trail/": "trail_trailentry",
    "api/": "api_apikey",
    "connections/": "connections_connection",
    "applications/registration/": "applications_registration",
    "applications/group/": "applications_group",
    "webhooks/webhook/": "webhooks_webhook",
    "webhooks/delivery/": "webhooks_delivery",
}


def filled(service: Service) -> Place:
    full = program(service, "full", *SCOPES)
    made = {"name": "there", "url": "https://203.0.113.9/x", "events": ["person.created"]}
    assert full("POST", "/webhooks", made).status == 201
    said = full("POST", "/people", {"email": f"v{next(_numbers)}@example.org"})
    assert said.status == 201
    registered = full("PUT", f"/people/{said.data['id']}/applications/todo", {"roles": ["DOES"]})
    assert registered.status == 200
    assert full("POST", "/groups", {"name": "there", "roles": {"todo": ["DOES"]}}).status == 201
    columns = {"slug": "there", "name": "There", "kind": "openid", "issuer": "https://idp.example"}
    columns |= dict.fromkeys(("client_id", "secret", "team_id", "key_id", "sso_url"), "x")
    columns |= {"certificates": "", "domains": "[]", "created": "2026-01-01 00:00:00"}
    flags = 'enabled, trusts_addresses, "only"'
    marks = ", ".join(["%s"] * len(columns))
    service.rows(
        f"INSERT INTO connections_connection ({', '.join(columns)}, {flags}) "  # noqa: S608
        f"VALUES ({marks}, true, false, false)",
        *columns.values(),
        commit=True,
    )
    dead = "SELECT 1 FROM webhooks_delivery WHERE state = 'dead'"
    wait_for(lambda: service.rows(dead) != [], 30)
    roles = {}
    for role in ("admin", "support", "auditor", ""):
        roles[role] = f"{role or 'nobody'}{next(_numbers)}@example.org"
        browser = fresh(service)
        browser.join(roles[role])
        assert full("PUT", f"/people/{browser.who()}/role", {"role": role}).status == 200
    return Place(service, roles)


@pytest.fixture(scope="module", params=EACH)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    with serving_on(request.param, tmp_path_factory.mktemp("a"), BEHIND) as running:
        yield filled(running)


def contents(service: Service, *besides: str) -> dict[str, list[tuple[object, ...]]]:
    tables = [table for table in KEPT if table not in besides]
    return {
        table: sorted(service.rows(f"SELECT * FROM {table}"), key=repr)  # noqa: S608
        for table in tables
    }


ACTIONS = ("delete_selected", "end_sessions", "send_reset", "end", "replay", "ask")


def sent(place: Place, token: str) -> list[dict[str, str]]:
    """Everything that a form of the console could say."""
    keys = [
        key
        for table in ("people_person", "usersessions_usersession", "webhooks_delivery")
        for key in place.keys(table)[:1]
    ]
    forms = [{}, {"post": "yes"}, {"active": "on", "is_active": "on", "role": "admin"}]
    forms[-1] |= {"name": "changed", "url": "https://203.0.113.9/y", "events": "*", "language": ""}
    forms.append({"name": f"new{next(_numbers)}", "scopes": "people:read", "roles": "{}"})
    for action in ACTIONS:
        for key in keys:
            forms.append({"action": action, "_selected_action": key, "post": "yes", "index": "0"})
    return [{"csrfmiddlewaretoken": token, **form} for form in forms]


def changed_by(place: Place, role: str, *besides: str) -> list[str]:
    """Walk every route with every method; return what that changed."""
    browser = place.browser(role)
    token = browser.token()
    found = []
    for path in place.paths():
        before = contents(place.service, *besides)
        for form in sent(place, token):
            page = browser.post(path, form)
            assert page.status < 500, (path, form)
        for method in METHODS:
            if method != "POST":
                page = browser.send(method, path, None, {"X-CSRFToken": token})
                assert page.status < 500, (path, method)
        if contents(place.service, *besides) != before:
            found.append(path)
    assert found or browser.who()
    return found


def test_an_auditor_changes_nothing(place: Place) -> None:
    assert len(place.paths()) > 40
    assert changed_by(place, "auditor") == []


@pytest.mark.every
def test_the_support_desk_changes_nothing_but_the_trail(place: Place) -> None:
    assert changed_by(place, "support", "trail_trailhead") == []


def test_an_auditor_who_may_do_more_would_be_found(tmp_path: Path) -> None:
    with serving(tmp_path, BEHIND, program=(WEAKENED, "auditors_change")) as weak:
        found = changed_by(filled(weak), "auditor")
    assert len(found) > 3
    assert any("/people/person/" in path for path in found)


SEEN = {
    "/console/": ("admin", "support", "auditor"),
    "/console/people/person/": ("admin", "support", "auditor"),
    "/console/usersessions/usersession/": ("admin", "support", "auditor"),
    "/console/gate/": ("admin", "auditor"),
    "/console/trail/trailentry/": ("admin", "auditor"),
    "/console/api/apikey/": ("admin", "auditor"),
    "/console/connections/connection/": ("admin", "auditor"),
    "/console/webhooks/webhook/": ("admin", "auditor"),
    "/console/webhooks/delivery/": ("admin", "auditor"),
    "/console/people/person/add/": (),
    "/console/api/apikey/add/": ("admin",),
    "/console/connections/connection/add/": ("admin",),
    "/console/webhooks/webhook/add/": ("admin",),
}


@pytest.mark.parametrize("role", ["admin", "support", "auditor", ""])
def test_each_role_sees_what_it_is_there_for(place: Place, role: str) -> None:
    browser = place.browser(role)
    for path, roles in SEEN.items():
        page = browser.get(path)
        assert page.status == (200 if role in roles else 403 if role else 404), path


def test_who_is_not_signed_in_is_led_to_where_that_is_done(place: Place) -> None:
    for path in place.paths():
        page = fresh(place.service).get(path)
        assert page.status in (302, 404), path
        assert page.status == 404 or "/login/" in page.headers["Location"], path


def test_a_stolen_session_of_an_administrator_changes_nothing(place: Place) -> None:
    thief = place.browser("admin", confirmed=False)
    token = {"csrfmiddlewaretoken": thief.token()}
    before = contents(place.service, "trail_trailhead")
    for path in place.paths():
        page = thief.post(path, {**token, "post": "yes"})
        asked = "/reauthenticate/" in page.headers.get("Location", "")
        assert asked or page.status in (404, 405) or path == "/console/login/", path
    assert contents(place.service, "trail_trailhead") == before


def person(place: Place, email: str) -> str:
    found = "SELECT user_id FROM account_emailaddress WHERE email = %s"
    return str(place.service.rows(found, email)[0][0])


def entries(place: Place, what: str) -> list[tuple[object, ...]]:
    asked = 'SELECT who, "object" FROM trail_trailentry WHERE what = %s ORDER BY number'
    return place.service.rows(asked, what)


def bare(text: object) -> str:
    return str(text).replace("-", "")


def test_what_the_support_desk_looks_at_is_recorded(place: Place) -> None:
    browser = place.browser("support")
    whom, who = person(place, place.roles[""]), person(place, place.roles["support"])
    assert browser.get(f"/console/people/person/{whom}/change/").status == 200
    browser.get("/console/people/person/?q=nobody")
    seen = [tuple(map(bare, entry)) for entry in entries(place, "support.viewed")]
    assert seen[-1] == (bare(who), bare(whom))
    assert len(entries(place, "support.searched")) >= 1


def test_no_way_to_look_is_left_out(place: Place) -> None:
    browser = place.browser("support")
    whom = str(UUID(bare(person(place, place.roles[""]))))
    held = place.service.rows("SELECT id, user_id FROM usersessions_usersession")
    session = next(key for key, owner in held if bare(owner) == bare(whom))
    ways = {
        f"people/person/{whom.upper()}/change/": "support.viewed",
        f"people/person/{bare(whom)}/change/": "support.viewed",
        f"usersessions/usersession/{session}/change/": "support.viewed",
        f"usersessions/usersession/?q={whom}": "support.searched",
        "people/person/?o=2": "support.listed",
        "usersessions/usersession/": "support.listed",
    }
    for way, what in ways.items():
        before = len(entries(place, what))
        assert browser.get(f"/console/{way}").status == 200, way
        after = entries(place, what)
        assert len(after) == before + 1, way
        if what == "support.viewed":
            assert after[-1][1] == whom, way
    assert browser.get(f"/console/people/person/{whom}/history/").status == 404


def test_nothing_is_done_to_everybody_at_once(place: Place) -> None:
    browser = place.browser("support")
    token = browser.token()
    before = len(entries(place, "reset.sent"))
    form = {"action": "send_reset", "_selected_action": person(place, place.roles[""])}
    form |= {"select_across": "1", "csrfmiddlewaretoken": token, "index": "0"}
    browser.post("/console/people/person/", form)
    assert len(entries(place, "reset.sent")) == before


def test_the_support_desk_sends_a_mail_to_set_a_new_password(place: Place) -> None:
    browser, email = place.browser("support"), place.roles[""]
    whom = person(place, email)
    token = browser.token()
    before = len(place.service.mails(email))
    form = {"action": "send_reset", "_selected_action": whom, "csrfmiddlewaretoken": token}
    assert browser.post("/console/people/person/", {**form, "index": "0"}).status == 302
    assert len(place.service.mails(email)) == before + 1
    assert [bare(one[1]) for one in entries(place, "reset.sent")][-1] == bare(whom)


def edited(browser: Browser, whom: str, **fields: str) -> Page:
    path = f"/console/people/person/{whom}/change/"
    form = {"name": "", "username": "", "language": "", "role": "", "is_active": "on"}
    token = {"csrfmiddlewaretoken": browser.token()}
    return browser.post(path, {**form, **token, **fields})


def test_an_administrator_changes_somebody(place: Place) -> None:
    browser, whom = place.browser("admin"), person(place, place.roles[""])
    assert edited(browser, whom, name="Zoe", username="Zoe.Z").status == 302
    columns = "SELECT name, username, is_active FROM people_person WHERE email = %s"
    assert place.service.rows(columns, place.roles[""])[0][:2] == ("Zoe", "zoe.z")
    assert "Nobody can be called so." in edited(browser, whom, username="root").body
    assert (
        "Somebody has this user name"
        in edited(
            browser, person(place, place.roles["support"]), username="zoe.z", role="support"
        ).body
    )
    assert bare(entries(place, "person.changed")[-1][1]) == bare(whom)


def test_the_only_administrator_stays(place: Place) -> None:
    browser = place.browser("admin")
    me = person(place, place.roles["admin"])
    for fields in ({"role": "auditor"}, {"role": "admin", "is_active": ""}):
        assert "the only administrator" in edited(browser, me, **fields).body
    assert browser.get(f"/console/people/person/{me}/delete/").status == 403


def test_roles_are_given_and_taken(place: Place) -> None:
    browser, whom = place.browser("admin"), person(place, place.roles[""])
    given = place.browser("")
    assert given.get("/console/").status == 404
    assert edited(browser, whom, role="auditor").status == 302
    assert given.get("/console/").status == 200
    assert bare(entries(place, "role.given")[-1][1]) == bare(whom)
    assert edited(browser, whom).status == 302
    assert given.get("/console/").status == 404


def test_who_is_removed_is_gone_with_everything(place: Place) -> None:
    email = f"gone{next(_numbers)}@example.org"
    leaver = fresh(place.service)
    leaver.join(email)
    browser, whom = place.browser("admin"), person(place, email)
    page = browser.get(f"/console/people/person/{whom}/delete/")
    assert email in page.body
    token = {"csrfmiddlewaretoken": browser.token()}
    done = browser.post(f"/console/people/person/{whom}/delete/", {**token, "post": "yes"})
    assert done.status == 302
    assert leaver.who() is None
    assert place.service.rows("SELECT 1 FROM people_handle WHERE name = %s", email) == []


def test_a_key_and_a_secret_are_shown_once(place: Place) -> None:
    browser = place.browser("admin")
    token = {"csrfmiddlewaretoken": browser.token()}
    form = {**token, "name": f"k{next(_numbers)}", "scopes": "trail:read"}
    page = browser.post("/console/api/apikey/add/", {**form, "expires_0": "", "expires_1": ""})
    key = re.search(r"hf_\d+_[A-Za-z0-9_-]{43}", page.body)
    assert key is not None, page.body
    from accounts.api.asking import Program

    assert Program(place.service, key[0])("GET", "/trail").status == 200
    assert Program(place.service, key[0])("GET", "/people").status == 403
    assert key[0] not in browser.get("/console/api/apikey/").body
    made = {
        **token,
        "name": f"w{next(_numbers)}",
        "url": "https://203.0.113.9/",
        "events": "sign-in",
    }
    page = browser.post("/console/webhooks/webhook/add/", made)
    assert re.search(r"whsec_[A-Za-z0-9+/=]{40,}", page.body), page.body
    for wrong in ({"url": "http://127.0.0.1/"}, {"url": "x"}, {"events": "Bad!"}, {"name": ""}):
        page = browser.post("/console/webhooks/webhook/add/", {**made, "name": "other", **wrong})
        assert page.status == 200
        assert "whsec_" not in page.body
    assert key[0] not in place.service.log


HOSTILE = (
    *("p=0", "p=-1", "p=x", "p=99999999999999999999", "o=99", "o=x", "o=-1.2.3", "all=", "e=1"),
    *("q=%00", "q=%F0%9F%98%80", "q='--", "q=" + "a" * 3000, "role=x", "inactive=x"),
    *("password__startswith=a", "user__password__startswith=a", "_to_field=password", "id__in=x"),
    *("_popup=1", "_facets", "state__exact=%00", "_changelist_filters=%00", "number__gt=1"),
)


def test_no_query_is_too_much(place: Place) -> None:
    browser = place.browser("admin")
    lists = [path for path, roles in SEEN.items() if roles and not path.endswith("/add/")]
    for path in lists:
        for query in HOSTILE:
            page = browser.get(f"{path}?{query}")
            assert page.status in (200, 302, 400), (path, query, page.status)
            assert "argon2" not in page.body


GUESSED = (
    "people/person/?password__startswith=argon2",
    "people/person/?inactive=yes&password__regex=.",
    "usersessions/usersession/?session_key__startswith=a",
    "usersessions/usersession/?user__password__startswith=a",
    "api/apikey/?digest__startswith=a",
    "webhooks/webhook/?secret__startswith=a",
    "connections/connection/?secret__startswith=a",
    "webhooks/delivery/?webhook__secret__startswith=a",
    "webhooks/delivery/?state__regex=" + ".*" * 30 + "x",
    "people/person/?role__regex=" + ".*" * 30 + "x",
)


@pytest.mark.parametrize("query", GUESSED)
def test_no_secret_is_guessed_letter_by_letter(place: Place, query: str) -> None:
    assert place.browser("admin").get(f"/console/{query}").status == 400


def test_sessions_and_the_trail_are_searched(place: Place) -> None:
    browser, whom = place.browser("admin"), person(place, place.roles["support"])
    place.browser("support")

    def shown(path: str) -> bool:
        page = browser.get(f"/console/{path}")
        assert page.status == 200
        return re.search(r"\b0 results", page.body) is None

    address = place.service.rows("SELECT ip FROM usersessions_usersession LIMIT 1")[0][0]
    for wanted in (whom, address):
        assert shown(f"usersessions/usersession/?q={wanted}")
    for wanted in ("sign-in", "sign-in.good", whom, "key:full"):
        assert shown(f"trail/trailentry/?q={wanted}"), wanted
    for wanted in ("sign", "no-such-thing", "203.0.113.77", "key:none"):
        assert not shown(f"trail/trailentry/?q={wanted}"), wanted
