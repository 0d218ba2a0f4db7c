"""What a program can do by the API, and what it cannot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from accounts.api.asking import Program, program, run
from accounts.engines import EACH, serving_on
from accounts.service import GOOD, Browser, Service, visitors
from holdfast.accounts.api.keys import SCOPES

_numbers = iter(range(1, 60000))
fresh = visitors(5)


@pytest.fixture(scope="module", params=EACH)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with serving_on(request.param, tmp_path_factory.mktemp("a"), "proxies = 1") as running:
        yield running


@pytest.fixture(scope="module")
def full(service: Service) -> Program:
    return program(service, "full", *SCOPES)


def somebody(full: Program, **fields: object) -> str:
    said = full("POST", "/people", {"email": f"p{next(_numbers)}@example.org", **fields})
    assert said.status == 201, said.text
    person: str = said.data["id"]
    return person


def test_a_person_is_created_found_changed_and_removed(full: Program) -> None:
    said = full("POST", "/people", {"email": "Ada@Example.org", "name": "Ada", "verified": True})
    assert said.status == 201
    person = said.data["id"]
    assert (said.data["email"], said.data["role"], said.data["active"]) == (
        *("ada@example.org", "", True),
    )
    assert said.data["addresses"] == [
        {"email": "ada@example.org", "verified": True, "primary": True}
    ]
    found = full("GET", "/people?text=ada@ex").data
    assert [one["id"] for one in found["people"]] == [person]
    changed = full("PATCH", f"/people/{person}", {"name": "Ada L.", "username": "ada"}).data
    assert (changed["name"], changed["username"]) == ("Ada L.", "ada")
    assert full("GET", "/people?text=ada+l").data["people"][0]["username"] == "ada"
    assert full("DELETE", f"/people/{person}").status == 204
    assert full("GET", f"/people/{person}").status == 404


def test_pages_of_people_have_a_cursor(full: Program) -> None:
    for _ in range(7):
        somebody(full, name="Paged One")
    seen: list[str] = []
    cursor = ""
    while True:
        page = full("GET", f"/people?text=paged+one&limit=3&cursor={cursor}").data
        seen += [one["id"] for one in page["people"]]
        cursor = page["cursor"]
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 7


def test_who_has_a_hash_signs_in_with_their_password(service: Service, full: Program) -> None:
    hashed = "$2b$04$CCCCCCCCCCCCCCCCCCCCC."
    import bcrypt

    hashed = bcrypt.hashpw(GOOD.encode(), bcrypt.gensalt(4)).decode()
    email = f"h{next(_numbers)}@example.org"
    said = full("POST", "/people", {"email": email, "verified": True, "password_hash": hashed})
    assert hashed not in said.text
    browser = fresh(service)
    browser.sign_in(email)
    assert browser.who() == said.data["id"]
    assert len(full("GET", f"/people/{said.data['id']}/sessions").data) == 1
    assert full("POST", f"/people/{said.data['id']}/sign-out").data == {"count": 1}
    assert browser.who() is None
    browser.sign_in(email)
    assert full("PATCH", f"/people/{said.data['id']}", {"active": False}).status == 200
    assert browser.who() is None


def test_an_import_and_an_export(full: Program) -> None:
    lines = "".join(
        json.dumps({"id": f"x{n}", "email": f"x{n}@import.example"}) + "\n" for n in range(1500)
    )
    said = full("POST", "/people/import", lines + "no json\n")
    assert said.data == {
        "created": 1500,
        "there": 0,
        "refused": 1,
        "errors": [{"line": 1501, "what": said.data["errors"][0]["what"]}],
    }
    assert full("POST", "/people/import", lines).data["there"] == 1500
    exported = full("GET", "/people/export").text.splitlines()
    assert sum('"x7@import.example"' in line for line in exported) == 1
    too_large = {"Content-Length": str(16 * 1024 * 1024 + 1)}
    assert full("POST", "/people/import", "x", **too_large).status == 413


def test_who_may_give_no_roles_imports_none(service: Service, full: Program) -> None:
    line = json.dumps({"email": "boss@import.example", "applications": {"todo": ["ADMIN"]}})
    importer = program(service, f"importer {next(_numbers)}", "people:import")
    said = importer("POST", "/people/import", line).data
    assert (said["created"], said["refused"]) == (0, 1)
    assert "may not give roles (people:roles)" in said["errors"][0]["what"]
    (error,) = full("POST", "/people/import", line).data["errors"]
    assert "the configuration has no application 'todo'" in error["what"]


def test_one_write_sent_twice_happens_once(full: Program) -> None:
    person = {"email": f"once{next(_numbers)}@example.org"}
    headers = {"Idempotency-Key": "first"}
    one = full("POST", "/people", person, **headers)
    two = full("POST", "/people", person, **headers)
    assert (one.status, two.status, one.data) == (201, 201, two.data)
    other = full("POST", "/people", {"email": "another@example.org"}, **headers)
    assert (other.status, other.data["status"]) == (422, 422)
    assert full("POST", "/people", person).status == 409
    wrong = full("POST", "/people", person, **{"Idempotency-Key": "with space"})
    assert wrong.status == 400


def test_one_write_sent_by_many_at_once_happens_once(full: Program) -> None:
    person = {"email": f"many{next(_numbers)}@example.org"}
    with ThreadPoolExecutor(8) as pool:
        said = list(
            pool.map(
                lambda _: full("POST", "/people", person, **{"Idempotency-Key": "many"}), range(8)
            )
        )
    assert {one.status for one in said} == {201}
    assert len({one.data["id"] for one in said}) == 1


def test_what_failed_may_be_sent_again(full: Program) -> None:
    headers = {"Idempotency-Key": "again"}
    person = {"email": f"again{next(_numbers)}@example.org", "password_hash": "nonsense"}
    assert full("POST", "/people", person, **headers).status == 422
    del person["password_hash"]
    assert full("POST", "/people", person, **headers).status == 201


WITHOUT = "00000000-0000-4000-8000-000000000000"
NEEDED: list[tuple[str, str, Any, str]] = [
    ("GET", "/people", None, "people:read"),
    ("POST", "/people", {"email": "s@example.org"}, "people:write"),
    ("GET", "/people/export", None, "people:export"),
    ("POST", "/people/import", "", "people:import"),
    ("GET", f"/people/{WITHOUT}", None, "people:read"),
    ("PATCH", f"/people/{WITHOUT}", {}, "people:write"),
    ("DELETE", f"/people/{WITHOUT}", None, "people:write"),
    ("PUT", f"/people/{WITHOUT}/role", {"role": "admin"}, "people:roles"),
    ("GET", f"/people/{WITHOUT}/sessions", None, "sessions:write"),
    ("POST", f"/people/{WITHOUT}/sign-out", None, "sessions:write"),
    ("GET", "/applications", None, "applications:read"),
    ("GET", f"/people/{WITHOUT}/applications", None, "applications:read"),
    ("PUT", f"/people/{WITHOUT}/applications/none", {"roles": []}, "applications:write"),
    ("DELETE", f"/people/{WITHOUT}/applications/none", None, "applications:write"),
    ("GET", "/groups", None, "applications:read"),
    ("POST", "/groups", {"name": "n", "roles": {"none": []}}, "applications:write"),
    ("PUT", "/groups/none", {"roles": {}}, "applications:write"),
    ("DELETE", "/groups/none", None, "applications:write"),
    ("PUT", f"/groups/none/members/{WITHOUT}", None, "applications:write"),
    ("DELETE", f"/groups/none/members/{WITHOUT}", None, "applications:write"),
    ("GET", "/trail", None, "trail:read"),
    ("GET", "/trail/checkpoint", None, "trail:read"),
    ("GET", "/trail/0/proof", None, "trail:read"),
    ("GET", "/keys", None, "keys:write"),
    ("POST", "/keys", {"name": "n", "scopes": []}, "keys:write"),
    ("DELETE", "/keys/999999", None, "keys:write"),
    ("GET", "/webhooks", None, "webhooks:write"),
    ("POST", "/webhooks", {"name": "n", "url": "http://x", "events": ["*"]}, "webhooks:write"),
    ("DELETE", "/webhooks/888888", None, "webhooks:write"),
    ("GET", "/webhooks/888888/deliveries", None, "webhooks:write"),
    ("POST", "/webhooks/888888/replay", None, "webhooks:write"),
]


def test_every_operation_is_in_the_table(service: Service) -> None:
    browser = Browser(service)
    paths = json.loads(browser.get("/api/openapi.json").body)["paths"]
    described = {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, operations in paths.items()
        for method in operations
    }
    tabled = {
        (
            method,
            path.replace(WITHOUT, "{person_id}")
            .replace("/0/", "/{number}/")
            .replace("/applications/none", "/applications/{client_id}")
            .replace("/groups/none", "/groups/{name}")
            .replace("999999", "{key_id}")
            .replace("888888", "{webhook_id}"),
        )
        for method, path, _, _ in NEEDED
    }
    assert described == tabled


@pytest.mark.parametrize(("method", "path", "data", "scope"), NEEDED)
def test_each_needs_its_scope_and_no_other_is_enough(
    service: Service, method: str, path: str, data: object, scope: str
) -> None:
    names = f"{method} {path} {next(_numbers)}"
    nobody = Program(service, "")(method, path, data)
    assert (nobody.status, nobody.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert nobody.headers["Content-Type"] == "application/problem+json"
    others = program(service, f"others {names}"[:60], *(set(SCOPES) - {scope}))
    said = others(method, path, data)
    assert (said.status, scope in said.data["detail"]) == (403, True)
    own = program(service, f"own {names}"[:60], scope)
    assert own(method, path, data).status not in (401, 403)


@pytest.mark.parametrize("key", ["x", "hf_1_", "hf_1_wrong", "hf_99999999999999_x", "hf_é_x", "hf"])
def test_a_wrong_key_lets_nobody_in(service: Service, full: Program, key: str) -> None:
    assert Program(service, key.encode().decode("latin-1"))("GET", "/people").status == 401


def test_a_key_that_has_expired_or_was_removed_lets_nobody_in(service: Service) -> None:
    gone = program(service, "gone", "people:read")
    assert gone("GET", "/people").status == 200
    assert run(service, "keys", "remove", "gone").returncode == 0
    assert gone("GET", "/people").status == 401
    maker = program(service, "maker", "keys:write")
    past = "2020-01-01T00:00:00Z"
    made = maker("POST", "/keys", {"name": "past", "scopes": ["keys:write"], "expires": past})
    assert Program(service, made.data["key"])("GET", "/keys").status == 401


def test_a_key_makes_none_that_may_do_more(service: Service) -> None:
    maker = program(service, "small maker", "keys:write", "people:read")
    refused = maker("POST", "/keys", {"name": "more", "scopes": ["people:write"]})
    assert refused.status == 403
    made = maker("POST", "/keys", {"name": "less", "scopes": ["people:read"]})
    assert made.status == 201
    assert Program(service, made.data["key"])("GET", "/people").status == 200
    large = {one["name"]: one["id"] for one in maker("GET", "/keys").data["keys"]}
    assert made.data["key"] not in maker("GET", "/keys").text
    stronger = program(service, "stronger", "keys:write", "people:write")
    assert stronger("DELETE", f"/keys/{large['less']}").status == 403


FIELDS = {
    "role": "admin",
    "is_superuser": True,
    "is_staff": True,
    "password": "x",
    "active": True,
    "id": WITHOUT,
    "created": "2020-01-01T00:00:00Z",
    "addresses": [],
    "last_login": None,
}


@pytest.mark.parametrize("field", FIELDS)
def test_no_field_is_taken_that_is_not_named(full: Program, field: str) -> None:
    said = full("POST", "/people", {"email": "m@example.org", field: FIELDS[field]})
    assert (said.status, said.data["errors"][0]["field"].endswith(field)) == (422, True)
    person = somebody(full)
    if field != "active":
        assert full("PATCH", f"/people/{person}", {field: FIELDS[field]}).status == 422


def test_who_has_a_role_is_changed_by_who_may_give_roles_only(
    service: Service, full: Program
) -> None:
    writer = program(service, "writer", "people:write", "sessions:write", "people:read")
    admin = somebody(full)
    assert full("PUT", f"/people/{admin}/role", {"role": "admin"}).data["role"] == "admin"
    for method, path, data in (
        ("PATCH", f"/people/{admin}", {"name": "x"}),
        ("DELETE", f"/people/{admin}", None),
        ("POST", f"/people/{admin}/sign-out", None),
    ):
        assert writer(method, path, data).status == 403
    said = full("PUT", f"/people/{admin}/role", {"role": ""})
    assert (said.status, "only administrator" in said.data["detail"]) == (409, True)
    assert full("DELETE", f"/people/{admin}").status == 409
    assert full("PATCH", f"/people/{admin}", {"active": False}).status == 409


def test_hashes_need_a_scope_of_their_own(service: Service) -> None:
    exporter = program(service, "exporter", "people:export")
    assert exporter("GET", "/people/export").status == 200
    assert exporter("GET", "/people/export?hashes=true").status == 403


def test_the_trail_says_which_key_did_what_and_proves_it(service: Service, full: Program) -> None:
    person = somebody(full)
    entries = full("GET", "/trail?what=person.created&limit=1000").data["entries"]
    (entry,) = [one for one in entries if one["on"] == person]
    assert entry["who"] == "key:full"
    proof = full("GET", f"/trail/{entry['number']}/proof").data
    assert proof["index"] == entry["number"]
    state = full("GET", "/trail/checkpoint").data
    assert state["checkpoint"].startswith(f"{state['key'].split('+')[0]}\n")
    assert run(service, "trail", "verify", "--service").returncode == 0


def test_what_goes_wrong_is_a_problem_and_repeats_nothing(full: Program) -> None:
    for said in (
        full("POST", "/people", "{not json"),
        full("POST", "/people", {"email": "s3cret-not-an-address"}),
        full("GET", "/people?limit=many"),
        full("GET", "/people?cursor=nonsense"),
        full("GET", "/people?limit=0"),
        full("GET", f"/people/{WITHOUT}"),
    ):
        assert said.headers["Content-Type"] == "application/problem+json"
        assert {"type", "title", "status", "detail"} <= set(said.data)
        assert said.data["status"] == said.status
        assert "s3cret" not in said.text


def test_that_a_key_is_used_is_recorded_once_an_hour(service: Service) -> None:
    name = f"used{next(_numbers)}"
    reader = program(service, name, "people:read", "trail:read")
    for _ in range(3):
        assert reader("GET", "/people").status == 200
    recorded = reader("GET", f"/trail?what=key.used&who=key:{name}").data["entries"]
    assert 1 <= len(recorded) <= 2  # where the hour has just turned
    assert recorded[0]["where"].startswith("127.")


def test_who_is_made_inactive_is_signed_out_for_good(service: Service, full: Program) -> None:
    browser = fresh(service)
    browser.join(f"locked{next(_numbers)}@example.org")
    person = browser.who()
    for active in (False, True):
        assert full("PATCH", f"/people/{person}", {"active": active}).status == 200
        assert browser.who() is None
    assert full("GET", f"/people/{person}/sessions").data == []


def test_a_key_makes_none_that_lasts_longer(service: Service, full: Program) -> None:
    soon = "2099-01-01T00:00:00Z"
    name = f"ends{next(_numbers)}"
    made = full("POST", "/keys", {"name": name, "scopes": ["keys:write"], "expires": soon}).data
    ending = Program(service, made["key"])
    for wanted in (None, "2100-01-01T00:00:00Z"):
        new = {"name": f"child{next(_numbers)}", "scopes": ["keys:write"], "expires": wanted}
        assert ending("POST", "/keys", new).data["expires"][:10] == "2099-01-01"


def test_somebody_is_changed_while_they_are_removed(service: Service, full: Program) -> None:
    def one(number: int) -> list[int]:
        person = somebody(full)
        with ThreadPoolExecutor(4) as inner:
            changes = [
                inner.submit(full, "PATCH", f"/people/{person}", {"name": f"n{n}"})
                for n in range(3)
            ]
            gone = inner.submit(full, "DELETE", f"/people/{person}")
            return [gone.result().status, *(change.result().status for change in changes)]

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(one, range(15)))
    assert {one[0] for one in found} == {204}
    assert {status for one in found for status in one[1:]} <= {200, 404}


def test_a_key_is_removed_while_it_writes(service: Service, full: Program) -> None:
    def one(number: int) -> set[int]:
        name = f"short{next(_numbers)}"
        made = full("POST", "/keys", {"name": name, "scopes": ["people:write"]}).data
        short = Program(service, made["key"])

        def write(n: int) -> int:
            email = f"x{next(_numbers)}@example.org"
            return short("POST", "/people", {"email": email}, **{"Idempotency-Key": f"a{n}"}).status

        with ThreadPoolExecutor(4) as inner:
            writes = [inner.submit(write, n) for n in range(4)]
            gone = full("DELETE", f"/keys/{made['id']}").status
            return {gone, *(each.result() for each in writes)}

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(one, range(10)))
    assert set().union(*found) <= {204, 201, 401}


def test_a_long_import_holds_nobody_up(service: Service, full: Program) -> None:
    lines = "".join(f'{{"email": "long{n}@example.org"}}\n' for n in range(20_000))
    browser = fresh(service)
    browser.join(f"waits{next(_numbers)}@example.org")
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(full, "POST", "/people/import?dry_run=true", lines)
        while not sent.done():
            assert browser.get("/login/").status in (200, 302)
        assert sent.result().status == 200
    wrapped = full("POST", "/people/import?wrap=true", lines)
    assert (wrapped.status, "500 at most" in wrapped.data["detail"]) == (413, True)


def test_a_length_with_zeros_before_is_no_way_past_the_bound(full: Program) -> None:
    said = full("POST", "/people", "x", **{"Content-Length": "0" * 30 + "1"})
    assert said.status == 413
