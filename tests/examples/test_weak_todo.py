"""Each attack succeeds on a to-do list without its protection, and on the sound one it does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from examples.todo_running import ANN, BOB, ROLELESS, Browser, Running
from examples.weak_todo import WEAKNESSES, weakened
from guard.signing import claims, spelled


def forged_form(running: Running) -> bool:
    """A page of another site sends a form, and the browser the cookie with it."""
    ann = running.browser(ANN)
    ann.sends("POST", "/todos", data={"title": "evil"}, headers={"origin": "https://evil.example"})
    return "evil" in running.browser(ANN).titles()


def token_of_somebody_else(running: Running) -> bool:
    """A page brings a token that the attacker has of their own."""
    theirs = running.browser(BOB).token()
    ann = running.browser(ANN)
    ann.sends("POST", "/todos", data={"title": "evil", "csrf-token": theirs})
    return "evil" in running.browser(ANN).titles()


def stolen_cookie(running: Running) -> bool:
    """A cookie that was stolen is used after its owner has signed out."""
    ann = running.browser(ANN)
    stolen = dict(ann.cookies)
    ann.posts("/guard/sign-out")
    return "Sign out" in Browser(running.app, stolen).gets("/").text


def planted_cookie(running: Running) -> bool:
    """A cookie that an attacker planted is the victim's session once they have signed in."""
    name = "A" * 43
    victim = Browser(running.app, {"guard-session": name})
    victim.gets("/")
    running.guard.sessions.make(ANN)  # as coming back from the provider does
    return "Sign out" in Browser(running.app, {"guard-session": name}).gets("/").text


def anothers_name(running: Running) -> bool:
    """Somebody asks for the todos of another."""
    running.browser(ANN).adds("secret plan")
    bob = running.browser(BOB)
    pages = ("/weak/todos?owner=ann", "/?owner=ann", "/api/todos?owner=ann&sub=ann")
    return any("secret plan" in bob.gets(page).text for page in pages)


def words_that_are_sql(running: Running) -> bool:
    """What is looked for reads everybody's todos."""
    running.browser(ANN).adds("secret plan")
    bob = running.browser(BOB)
    words = "%' OR 1=1 --"
    pages = (bob.gets(page, params={"words": words}) for page in ("/weak/find", "/"))
    return any("secret plan" in page.text for page in pages)


def column_that_is_sql(running: Running) -> bool:
    """The order of a list tells one bit of what is somebody else's."""
    running.browser(ANN).adds("secret plan")
    bob = running.browser(BOB)
    for title in ("a", "b"):
        bob.adds(title)
    guess = "(CASE WHEN (SELECT COUNT(*) FROM todo WHERE title LIKE 's%') > 0 THEN {} ELSE 1 END)"
    for page in ("/weak/find", "/api/todos"):
        both = {bob.gets(page, params={"sort": guess.format(way)}).text for way in ("id", "-id")}
        if len(both) == 2 and all("a" in one and "b" in one for one in both):
            return True
    return False


def error_that_tells(running: Running) -> bool:
    """An error shows the inside."""
    page = running.browser(ANN).gets("/weak/fails").text
    return "hunter2" in page


def token_that_nobody_signed(running: Running) -> bool:
    """A token says who somebody is, and nobody has signed it."""
    running.browser(ANN).adds("secret plan")
    forged = spelled({"alg": "none", "kid": "RS256", "typ": "JWT"}, claims(sub="ann"))
    answer = running.browser().gets("/api/todos", headers={"authorization": f"Bearer {forged}"})
    return "secret plan" in answer.text


def role_that_is_claimed(running: Running) -> bool:
    """Somebody says that they have a role."""
    zoe = running.browser(ROLELESS)
    return zoe.posts("/todos", title="x", role="CREATE_TODO").status_code == 303


def source_that_is_asked_for(running: Running) -> bool:
    """The source is a page like any other."""
    pages = ("/weak/protection.py", "/todo/protection.py", "/protection.py", "/static/../app.py")
    nobody = running.browser()
    return any("holdfast.guard" in nobody.gets(page).text for page in pages)


def page_in_a_frame(running: Running) -> bool:
    """Another site shows the page in a frame of its own."""
    told = running.browser(ANN).gets("/").headers
    return not (
        "frame-ancestors 'none'" in told.get("content-security-policy", "")
        and told.get("x-frame-options") == "DENY"
    )


ATTACKS: Mapping[str, tuple[str, Callable[[Running], bool]]] = {
    attack.__name__: (weakness, attack)
    for weakness, attack in (
        ("no_csrf", forged_form),
        ("token_not_compared", token_of_somebody_else),
        ("lasting_sessions", stolen_cookie),
        ("adopted_sessions", planted_cookie),
        ("owner_from_the_request", anothers_name),
        ("sql_from_text", words_that_are_sql),
        ("sql_from_text", column_that_is_sql),
        ("errors_shown", error_that_tells),
        ("unverified_tokens", token_that_nobody_signed),
        ("role_from_the_request", role_that_is_claimed),
        ("source_served", source_that_is_asked_for),
        ("no_headers", page_in_a_frame),
    )
}


def test_every_weakness_is_there() -> None:
    """What `prove --app` attacks, and these do not, is in tests/servers/applications."""
    assert {weakness for weakness, _ in ATTACKS.values()} < set(WEAKNESSES)


@pytest.mark.parametrize("name", ATTACKS)
def test_it_succeeds_without_its_protection(tmp_path: Path, name: str) -> None:
    weakness, attack = ATTACKS[name]
    running = weakened(tmp_path, weakness)
    assert attack(running)
    running.close()


@pytest.mark.parametrize("name", ATTACKS)
def test_it_fails_on_the_example(tmp_path: Path, name: str) -> None:
    running = weakened(tmp_path, "")
    assert not ATTACKS[name][1](running)
    running.close()
