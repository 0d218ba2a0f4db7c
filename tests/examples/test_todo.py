"""The to-do list: what people do with it, and what others try."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.engines import engine
from examples.todo_running import ANN, BOB, HERE, ROLELESS, Browser, Running
from guard.signing import PRIVATE, jwk, key_set, token
from holdfast.guard.keys import Keys
from todo.__main__ import main
from todo.database import LONGEST_TITLE
from todo.settings import Unusable, read
from todo.todos import ON_A_PAGE


@pytest.fixture(scope="module", params=["sqlite", pytest.param("mariadb", marks=pytest.mark.every)])
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    if request.param == "sqlite":
        started = Running.in_folder(tmp_path_factory.mktemp("todo"))
        yield started
        started.close()
        return
    with engine("mariadb") as server:
        started = Running(server.url.replace("mysql:", "mysql+pymysql:"))
        yield started
        started.close()


@pytest.fixture(autouse=True)
def empty(running: Running) -> None:
    from sqlalchemy import text

    with running.engine.begin() as connection:
        connection.execute(text("DELETE FROM todo"))
        connection.execute(text("DELETE FROM holdfast_budget"))


def test_somebody_adds_changes_ticks_and_removes(running: Running) -> None:
    ann = running.browser(ANN)
    number = ann.adds("Buy milk")
    assert ann.posts(f"/todos/{number}", title="Buy oat milk").status_code == 303
    assert ann.posts(f"/todos/{number}/done", done="true").status_code == 303
    page = ann.gets("/").text
    assert "Buy oat milk" in page
    assert 'class="done"' in page
    assert ann.posts(f"/todos/{number}/remove").status_code == 303
    assert ann.titles() == []


def test_who_is_not_signed_in_sees_nothing_and_is_led_to_sign_in(running: Running) -> None:
    running.browser(ANN).adds("secret plan")
    nobody = running.browser()
    assert "secret plan" not in nobody.gets("/").text
    answer = nobody.gets("/todos/1")
    assert answer.headers["location"] == "/guard/sign-in?to=%2Ftodos%2F1"


def test_whoever_has_not_the_role_adds_nothing(running: Running) -> None:
    zoe = running.browser(ROLELESS)
    assert "CREATE_TODO" in zoe.gets("/").text
    assert zoe.posts("/todos", title="x").status_code == 403
    assert (
        zoe.posts("/todos", title="x", role="CREATE_TODO", roles="CREATE_TODO").status_code == 403
    )
    assert zoe.titles() == []


@pytest.mark.parametrize("query", ["", "?user=ann", "?owner=ann&sub=ann&user_id=ann", "?id=ann"])
def test_nobody_sees_anothers_whatever_is_asked(running: Running, query: str) -> None:
    running.browser(ANN).adds("secret plan")
    assert running.browser(BOB).titles(query) == []


CHANGES = {
    "sees": ("GET", "", {}),
    "renames": ("POST", "", {"title": "mine now"}),
    "ticks": ("POST", "/done", {"done": "true"}),
    "removes": ("POST", "/remove", {}),
    "renames as the owner": ("POST", "", {"title": "mine now", "owner": "ann", "sub": "ann"}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_nobody_changes_anothers(running: Running, name: str) -> None:
    ann, bob = running.browser(ANN), running.browser(BOB)
    number = ann.adds("Buy milk")
    method, path, fields = CHANGES[name]
    data = {"csrf-token": bob.token(), **fields}
    path = f"/todos/{number}{path}"
    answer = bob.gets(path) if method == "GET" else bob.sends(method, path, data=data)
    assert answer.status_code == 404
    assert ann.titles() == ["Buy milk"]
    assert 'class="done"' not in ann.gets("/").text


SORTS = (
    "owner",
    "title; DROP TABLE todo",
    "(CASE WHEN 1=1 THEN title ELSE made END)",
    "title,owner",
)


@pytest.mark.parametrize("sort", SORTS)
def test_nothing_but_the_columns_of_the_list_sorts(running: Running, sort: str) -> None:
    ann = running.browser(ANN)
    ann.adds("x")
    assert ann.gets("/", params={"sort": sort}).status_code in (400, 422)


def test_columns_sort_both_ways(running: Running) -> None:
    ann = running.browser(ANN)
    for title in ("b", "a", "c"):
        ann.adds(title)
    assert ann.titles("?sort=title") == ["a", "b", "c"]
    assert ann.titles("?sort=-title") == ["c", "b", "a"]


@pytest.mark.parametrize("words", ["'", "' OR 1=1 --", '"', "%", "_", "\\", "b' AND sleep(5) --"])
def test_words_that_are_looked_for_are_no_sql(running: Running, words: str) -> None:
    ann = running.browser(ANN)
    ann.adds("plain")
    page = ann.gets("/", params={"words": words})
    assert page.status_code == 200
    assert "plain" not in page.text


@pytest.mark.parametrize(
    "title", ["Robert'); DROP TABLE todo;--", "<script>alert(1)</script>", "🙂é"]
)
def test_a_title_is_kept_to_the_letter_and_is_no_html(running: Running, title: str) -> None:
    ann = running.browser(ANN)
    ann.adds(title)
    assert ann.titles() == [title]
    page = ann.gets("/").text
    assert html.escape(title, quote=False).replace("'", "&#39;") in page
    assert "<script>alert" not in page


def test_a_title_that_is_too_long_is_shown_again_with_the_reason(running: Running) -> None:
    ann = running.browser(ANN)
    answer = ann.posts("/todos", title="x" * (LONGEST_TITLE + 1))
    assert answer.status_code == 422
    assert "too long" in answer.text
    assert "x" * (LONGEST_TITLE + 1) in answer.text
    assert ann.titles() == []


def test_an_empty_title_is_told(running: Running) -> None:
    answer = running.browser(ANN).posts("/todos", title=" \t ")
    assert (answer.status_code, "Write what is to be done" in answer.text) == (422, True)


def test_many_are_on_pages(running: Running) -> None:
    from todo.todos import Todos

    todos = Todos(running.engine, ANN)
    for number in range(ON_A_PAGE + 3):
        todos.add(f"todo {number:03}")
    ann = running.browser(ANN)
    assert len(ann.titles("?sort=title")) == ON_A_PAGE
    assert ann.titles("?sort=title&page=1") == [f"todo {n:03}" for n in (50, 51, 52)]
    assert ann.gets("/", params={"page": "-1"}).status_code == 422


def test_a_form_of_another_page_changes_nothing(running: Running) -> None:
    ann = running.browser(ANN)
    elsewhere = {"origin": "https://evil.example"}
    data = {"csrf-token": ann.token(), "title": "x"}
    assert ann.sends("POST", "/todos", data=data, headers=elsewhere).status_code == 403
    assert ann.titles() == []


def test_json_of_a_page_without_its_token_changes_nothing(running: Running) -> None:
    ann = running.browser(ANN)
    for kind in ("application/json", "text/plain"):
        answer = ann.sends(
            "POST", "/api/todos", content=b'{"title": "x"}', headers={"content-type": kind}
        )
        assert answer.status_code == 403
        ann = running.browser(ANN)
    assert ann.titles() == []


def test_a_program_with_a_token_has_the_same_rights(running: Running) -> None:
    keys_are_at_hand(running)
    bearer = {"authorization": f"Bearer {api_token('ann', ['CREATE_TODO'])}"}
    nobody = running.browser()
    answer = nobody.sends("POST", "/api/todos", json={"title": "by a program"}, headers=bearer)
    assert answer.status_code == 201, answer.text
    assert running.browser(ANN).titles() == ["by a program"]
    other = {"authorization": f"Bearer {api_token('bob', [])}"}
    number = answer.json()["id"]
    assert nobody.sends("DELETE", f"/api/todos/{number}", headers=other).status_code == 404
    assert nobody.sends("POST", "/api/todos", json={"title": "x"}, headers=other).status_code == 403
    assert nobody.sends("DELETE", f"/api/todos/{number}", headers=bearer).status_code == 204


def keys_are_at_hand(running: Running) -> None:
    """Have the guard know the provider's keys without asking it."""
    sign_in = running.guard.sign_in
    assert sign_in is not None
    sign_in.keys = Keys(lambda: "keys", lambda address: key_set(*map(jwk, PRIVATE)))


def api_token(sub: str, roles: list[str]) -> str:
    return token("RS256", {"typ": "at+jwt"}, sub=sub, roles=roles, token_use="access")


def test_who_signs_out_is_out(running: Running) -> None:
    ann = running.browser(ANN)
    before = dict(ann.cookies)
    ann.adds("x")
    answer = ann.posts("/guard/sign-out")
    assert answer.status_code == 303
    ann.cookies = before
    assert "Sign in" in ann.gets("/").text


def test_what_was_typed_stays_when_the_session_has_ended_meanwhile(running: Running) -> None:
    ann = running.browser(ANN)
    stale = ann.token()
    ann.cookies = {}
    page = ann.sends("POST", "/todos", data={"csrf-token": stale, "title": "Buy milk"})
    assert (page.status_code, "Buy milk" in page.text) == (409, True)
    fresh = page.text.partition('name="csrf-token" value="')[2].partition('"')[0]
    page = ann.sends("POST", "/todos", data={"csrf-token": fresh, "title": "Buy milk"})
    assert (page.status_code, "Buy milk" in page.text) == (401, True)
    assert 'href="/guard/sign-in" target="_blank"' in page.text
    ann.cookies |= running.browser(ANN).cookies  # signed in, in the page beside it
    page = ann.sends("POST", "/todos", data={"csrf-token": fresh, "title": "Buy milk"})
    assert (page.status_code, "Buy milk" in page.text) == (409, True)
    fresh = page.text.partition('name="csrf-token" value="')[2].partition('"')[0]
    page = ann.sends("POST", "/todos", data={"csrf-token": fresh, "title": "Buy milk"})
    assert page.status_code == 303
    assert ann.titles() == ["Buy milk"]


def test_pages_of_somebody_are_not_kept(running: Running) -> None:
    assert running.browser(ANN).gets("/").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["/docs", "/openapi.json", "/.env", "/todo/app.py", "/static/../app.py"]
)
def test_nothing_but_pages_is_served(running: Running, path: str) -> None:
    assert running.browser(ANN).gets(path).status_code == 404


def test_settings_that_others_may_read_are_refused(tmp_path: Path) -> None:
    settings = tmp_path / "todo.toml"
    settings.write_text(
        f'origin = "{HERE}"\nissuer = "https://a.example"\nclient_id = "todo"\nkey = "key"\n'
    )
    key = tmp_path / "key"
    with pytest.raises(Unusable, match="key: No such file"):
        read(settings)
    key.write_text("k" * 48)
    key.chmod(0o644)
    with pytest.raises(Unusable, match="chmod 0400"):
        read(settings)
    key.chmod(0o400)
    assert read(settings).key == b"k" * 48
    settings.write_text(settings.read_text() + "unknown = 1\n")
    with pytest.raises(Unusable, match="unknown"):
        read(settings)


@pytest.mark.parametrize("more", [(), ("--without-role",)])
def test_a_throw_away_person_is_signed_in_for_a_trial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    (tmp_path / "key").write_bytes(b"k" * 32)
    (tmp_path / "key").chmod(0o400)
    database = f"sqlite:///{tmp_path}/todo.sqlite3"
    settings = tmp_path / "todo.toml"
    settings.write_text(
        f'origin = "{HERE}"\nissuer = "https://accounts.example.com"\nclient_id = "todo"\n'
        f'key = "key"\ndatabase = "{database}"\n'
    )
    assert main([str(settings), "--session", "first", *more]) == 0
    name, _, value = capsys.readouterr().out.strip().removeprefix("Cookie: ").partition("=")
    running = Running(database)
    page = Browser(running.app, {name: value}).gets("/").text
    running.close()
    assert "Sign out" in page
    assert ("Something new" in page) is (not more)
