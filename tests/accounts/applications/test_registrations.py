"""Who is registered where, with which roles: by the API, in the console, and in tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from accounts.api.asking import Program, program
from accounts.applications.asking import Client, providing, sent_back
from accounts.service import Browser, Service, visitors
from holdfast.accounts.api.keys import SCOPES

fresh = visitors(64)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with providing(tmp_path_factory.mktemp("registrations")) as running:
        yield running


@pytest.fixture(scope="module")
def full(service: Service) -> Program:
    return program(service, "full", *SCOPES)


@pytest.fixture(scope="module")
def admin(service: Service, full: Program) -> Browser:
    browser = fresh(service)
    browser.join("admin@example.org")
    assert full("PUT", f"/people/{browser.who()}/role", {"role": "admin"}).status == 200
    browser.confirm()
    return browser


def roles(service: Service, browser: Browser) -> Any:
    client = Client(service)
    return client.claims(client.tokens(browser)["access_token"])["roles"]


def test_a_program_sees_the_applications(full: Program) -> None:
    found = {one["id"]: one for one in full("GET", "/applications").data}
    assert found["todo"]["roles"] == ["CREATE_TODO", "READ_ALL"]
    assert not found["todo"]["members_only"]
    assert "secret" not in str(found)


def test_a_program_gives_roles_and_takes_them(
    service: Service, full: Program, ann: Browser
) -> None:
    at = f"/people/{ann.who()}/applications"
    assert roles(service, ann) == ["CREATE_TODO"]
    said = full("PUT", f"{at}/todo", {"roles": ["READ_ALL"]})
    assert (said.status, said.data["roles"]) == (200, ["READ_ALL"])
    assert roles(service, ann) == ["READ_ALL"]
    assert [one["application"] for one in full("GET", at).data] == ["todo"]
    assert full("DELETE", f"{at}/todo").status == 204
    assert full("GET", at).data == []
    assert roles(service, ann) == ["CREATE_TODO"]  # registered anew, as everybody is


def test_who_is_taken_out_is_signed_out(service: Service, full: Program, ann: Browser) -> None:
    client = Client(service)
    held = client.tokens(ann)
    assert full("DELETE", f"/people/{ann.who()}/applications/todo").status == 204
    assert client.refreshed(held["refresh_token"]).status_code == 400
    assert not client.is_active(held["access_token"])


WRONG = [
    ("/todo", {"roles": ["ADMIN"]}, 422),
    ("/bank", {"roles": []}, 422),
    ("/todo", {"roles": "READ_ALL"}, 422),
    ("/todo", {"roles": ["READ_ALL"], "more": 1}, 422),
]


@pytest.mark.parametrize(("path", "data", "status"), WRONG)
def test_what_is_not_there_is_not_given(
    full: Program, ann: Browser, path: str, data: object, status: int
) -> None:
    said = full("PUT", f"/people/{ann.who()}/applications{path}", data)
    assert said.status == status


def test_a_group_gives_its_members_roles(service: Service, full: Program, ann: Browser) -> None:
    said = full("POST", "/groups", {"name": "readers", "roles": {"todo": ["READ_ALL"]}})
    assert said.status == 201, said.text
    assert full("POST", "/groups", {"name": "readers", "roles": {}}).status == 409
    assert full("PUT", f"/groups/readers/members/{ann.who()}").status == 204
    assert roles(service, ann) == ["CREATE_TODO", "READ_ALL"]
    assert full("GET", "/groups").data[0]["members"] == 1
    assert full("PUT", "/groups/readers", {"roles": {"todo": ["NONE"]}}).status == 422
    assert full("PUT", "/groups/readers", {"roles": {}}).status == 200
    assert roles(service, ann) == ["CREATE_TODO"]
    assert full("DELETE", f"/groups/readers/members/{ann.who()}").status == 204
    assert full("DELETE", "/groups/readers").status == 204
    assert full("DELETE", "/groups/readers").status == 404


def test_a_key_that_may_not_does_not(service: Service, ann: Browser) -> None:
    reader = program(service, "reader", "applications:read")
    assert reader("GET", "/applications").status == 200
    at = f"/people/{ann.who()}/applications/todo"
    assert reader("PUT", at, {"roles": []}).status == 403
    assert reader("POST", "/groups", {"name": "x", "roles": {}}).status == 403


def test_an_administrator_does_it_in_the_console(
    service: Service, admin: Browser, ann: Browser
) -> None:
    number = service.rows(
        "SELECT id FROM applications_registration WHERE person_id = %s",
        (ann.who() or "").replace("-", ""),
    )[0][0]
    path = f"/console/applications/registration/{number}/change/"
    form = {"csrfmiddlewaretoken": admin.token()}
    page = admin.post(path, {**form, "roles": "READ_ALL\nNONE"})
    assert page.status == 200
    assert "NONE is none of its roles" in page.body
    assert admin.post(path, {**form, "roles": "READ_ALL"}).status == 302
    assert roles(service, ann) == ["READ_ALL"]
    path = "/console/applications/group/add/"
    page = admin.post(path, {**form, "name": "desk", "roles": "{"})
    assert "Write JSON" in page.body
    filled = {**form, "name": "desk", "roles": '{"todo": ["CREATE_TODO"]}'}
    page = admin.post(path, {**filled, "members": "ann@example.org nobody@example.org"})
    assert "nobody@example.org: nobody is called so" in page.body
    assert admin.post(path, {**filled, "members": "ann@example.org"}).status == 302
    assert roles(service, ann) == ["CREATE_TODO", "READ_ALL"]


def test_a_person_finds_it_in_their_data(client: Client, ann: Browser) -> None:
    client.exchange(sent_back(ann.get(client.path()))["code"])
    ann.confirm()
    page = ann.get("/account/data/")
    page = ann.post("/account/data/", page.form())
    assert '"application": "To-do"' in page.body
    assert '"began"' in page.body
