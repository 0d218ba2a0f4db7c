"""What the support desk does for people: a code that they read out allows one thing."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from accounts.engines import EACH, serving_on
from accounts.service import GOOD, code_in, link_in, serving, wait_for
from accounts.support.desk import Agent, Caller, Desk

WEAKENED = str(Path(__file__).parents[1] / "security" / "weakened.py")
STRICT = "[gate]\ntolerated = 100000\n"
SETTINGS = 'proxies = 1\n[sign_up]\nfields = ["phone"]\n[support]\nmails_an_hour = 1000\n' + STRICT


class Telephones:
    """A real receiver of messages: whose number it was sent to, and what it said."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.got.append((self.path, said["message"]))
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])


@pytest.fixture(scope="module")
def telephones() -> Iterator[Telephones]:
    found = Telephones()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture(scope="module", params=EACH)
def desk(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    telephones: Telephones,
) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    secret = folder / "sms"
    secret.write_text(f"json://desk:Geheim-5566@localhost:{telephones.port}/sms/{{to}}")
    secret.chmod(0o600)
    channel = f'[support.channels.sms]\nurl = "file:{secret}"\nfield = "phone"\n'
    program = (WEAKENED, "quick_house")
    with serving_on(request.param, folder, SETTINGS + channel, program=program) as running:
        yield Desk(running)


def phone(number: str) -> dict[str, str]:
    return {"profile_phone": number}


def guesses(desk: Desk, at: Caller) -> None:
    """Use up what an account is guessed at for nothing."""
    for _ in range(6):
        browser = desk.browser()
        form = browser.get("/login/").form("/login/")
        browser.post("/login/", {**form, "login": at.email, "password": "wrong"})


def asked_for_work(desk: Desk, at: Caller) -> bool:
    browser = desk.browser()
    form = browser.get("/login/").form("/login/")
    page = browser.post("/login/", {**form, "login": at.email, "password": "wrong"})
    return page.status == 429


def test_a_call_from_beginning_to_end(desk: Desk) -> None:
    caller, agent = desk.caller(), desk.staff("support")
    guesses(desk, caller)
    assert asked_for_work(desk, caller)
    found = agent.browser.get(f"/console/people/person/?q={caller.email}")
    assert caller.id in found.body
    page = agent.browser.get(agent.path(caller))
    assert page.status == 200
    assert caller.email in page.body
    assert "guessed at" in page.body
    assert agent.ask(caller, "unlock").status == 302
    mail = desk.service.mails(caller.email)[-1]
    assert "wrong guesses at your password are forgotten" in mail
    assert "If you have not called, tell nobody" in mail
    assert agent.redeem(caller, "unlock", caller.code())
    assert "guessed at" not in agent.browser.get(agent.path(caller)).body
    assert not asked_for_work(desk, caller)
    for what in ("support.viewed", "support.code-sent", "support.code-used", "support.unlocked"):
        assert desk.entries(what, caller.id), what
    found_entry = desk.entries("support.searched", agent.id)[-1]
    assert json.loads(found_entry)["details"]["found"] == "1"
    assert caller.email not in found_entry


def misuses(desk: Desk) -> list[str]:
    """Use codes for what they were not asked for; return what worked."""
    caller, other = desk.caller(), desk.caller()
    agent, colleague = desk.staff("support"), desk.staff("support")
    caller.browser.enrol()
    other.browser.enrol()
    agent.ask(caller, "unlock")
    code = caller.code()
    worked = {
        "another action": agent.redeem(caller, "remove-factor:totp", code),
        "another person": agent.redeem(other, "unlock", code),
        "another agent": colleague.redeem(caller, "unlock", code),
        "right": agent.redeem(caller, "unlock", code),
        "again": agent.redeem(caller, "unlock", code),
    }
    assert worked.pop("right")
    return [name for name, done in worked.items() if done]


def test_a_code_is_good_for_nothing_else(desk: Desk) -> None:
    assert misuses(desk) == []


def test_a_code_that_is_bound_to_nothing_would_be(tmp_path: Path) -> None:
    with serving(tmp_path, "proxies = 1\n", program=(WEAKENED, "loose_codes")) as weak:
        found = misuses(Desk(weak))
    assert found == ["another action", "another person", "another agent", "again"]


def test_a_code_is_guessed_at_five_times_and_lives_ten_minutes(desk: Desk) -> None:
    caller, agent = desk.caller(), desk.staff("support")
    agent.ask(caller, "unlock")
    wrong = ("0000 0000", "1", "x" * 40, "٣" * 8, "1234 567")
    assert not any(agent.redeem(caller, "unlock", guess) for guess in wrong)
    assert not agent.redeem(caller, "unlock", caller.code())
    assert len(desk.entries("support.code-wrong", caller.id)) == 6
    agent.ask(caller, "unlock")
    first = caller.code()
    agent.ask(caller, "unlock")
    assert not agent.redeem(caller, "unlock", first), "a newer one takes its place"
    past = "UPDATE support_readbackcode SET expires = '2020-01-01 00:00:00'"
    desk.service.rows(past, commit=True)
    assert not agent.redeem(caller, "unlock", caller.code())


def test_of_two_at_once_one_wins(desk: Desk) -> None:
    caller, agent = desk.caller(), desk.staff("support")
    agent.ask(caller, "unlock")
    code = caller.code()
    with ThreadPoolExecutor(5) as pool:
        done = list(pool.map(lambda _: agent.redeem(caller, "unlock", code), range(5)))
    assert done.count(True) == 1
    assert len(desk.entries("support.unlocked", caller.id)) == 1


def test_a_code_stands_nowhere_but_in_the_mail(desk: Desk) -> None:
    caller, agent = desk.caller(), desk.staff("support")
    pages = [agent.ask(caller, "unlock")]
    code = caller.code()
    pages.append(agent.send(caller, do="redeem", task="unlock", code="0000 0000"))
    ways = ("people/person/", f"people/person/{caller.id}/change/", "")
    pages += [agent.browser.get(f"/console/{way}") for way in ways]
    pages += [agent.browser.get(agent.path(caller)), agent.browser.get("/outbox/")]
    shown = [page.body + str(page.headers) + str(page.cookies) for page in pages]
    kept = desk.service.rows("SELECT * FROM support_readbackcode")
    trail = desk.service.rows("SELECT data FROM trail_trailentry")
    for form in (code, code.replace(" ", "")):
        for text in (*shown, repr(kept), repr(trail), desk.service.log):
            assert form not in text
    assert pages[-1].status == 403


def test_an_address_that_waits_to_be_verified_gets_its_mail_again(desk: Desk) -> None:
    agent, browser = desk.staff("support"), desk.browser()
    email = f"pending{agent.id[:8]}@example.org"
    browser.sign_up(email)
    asked = "SELECT user_id FROM account_emailaddress WHERE email = %s"
    caller = Caller(desk.service, browser, email, str(desk.service.rows(asked, email)[0][0]))
    assert agent.ask(caller, "unlock").status == 200, "an unverified address gets no such code"
    assert "Nothing leads there" in agent.ask(caller, "unlock").body
    assert agent.ask(caller, "resend").status == 302
    assert agent.redeem(caller, "resend", caller.code())
    link = link_in(desk.service.mails(email)[-1])
    opened = desk.browser()
    opened.submit(link)
    assert opened.who()
    state = "SELECT verified FROM account_emailaddress WHERE email = %s"
    assert desk.service.rows(state, email)[0][0]
    assert desk.entries("support.resent")


def started(desk: Desk, caller: Caller, agent: Agent) -> str:
    """Have a removal begun; return the link that cancels it."""
    assert agent.ask(caller, "remove-factor:totp").status == 302
    assert agent.redeem(caller, "remove-factor:totp", caller.code())
    return link_in(desk.service.mails(caller.email)[-1])


def a_day_later(desk: Desk, caller: Caller) -> None:
    """Have begun and been due earlier what waits of somebody, and wait until that was seen to."""
    earlier = "UPDATE support_removal SET due = '2020-01-02 00:00:00' WHERE outcome = ''"
    desk.service.rows(earlier, commit=True)
    waits = "SELECT 1 FROM support_removal WHERE outcome = ''"
    wait_for(lambda: desk.service.rows(waits) == [], 15)


def factors(desk: Desk, of: Caller) -> set[str]:
    held = "SELECT user_id, type FROM mfa_authenticator"
    plain = of.id.replace("-", "")
    return {kind for who, kind in desk.service.rows(held) if str(who).replace("-", "") == plain}


def test_a_lost_factor_is_removed_after_a_day(desk: Desk) -> None:
    caller, agent = desk.caller(), desk.staff("support")
    caller.browser.enrol()
    link = started(desk, caller, agent)
    assert "lost" in desk.service.mails(caller.email)[-1]
    wait_for(lambda: bool(desk.entries("support.removal-started", caller.id)))
    assert factors(desk, caller) == {"totp", "recovery_codes"}, "it waits"
    page = agent.browser.get(agent.path(caller)).body
    assert "Will be removed" in page
    assert "remove-factor:totp" not in page, "once is enough"
    a_day_later(desk, caller)
    assert factors(desk, caller) == set()
    assert "was removed" in desk.service.mails(caller.email)[-1]
    assert desk.entries("support.removal-done", caller.id)
    assert desk.entries("factor.removed", caller.id)
    assert desk.browser().get(link).status == 410
    owner = desk.browser()
    owner.sign_in(caller.email)
    assert owner.who() == caller.id


def test_its_owner_keeps_it_by_a_link_without_signing_in(desk: Desk) -> None:
    caller, agent = desk.caller(), desk.staff("support")
    caller.browser.enrol()
    link = started(desk, caller, agent)
    stranger = desk.browser()
    assert stranger.get(link).status == 200
    assert factors(desk, caller), "looking changes nothing"
    assert "is kept" in stranger.submit(link).body
    assert stranger.get(link).status == 410
    a_day_later(desk, caller)
    assert "totp" in factors(desk, caller)
    assert desk.entries("support.removal-cancelled", caller.id)
    assert desk.entries("support.removal-done", caller.id) == []
    assert "stopped" in desk.service.mails(caller.email)[-1]


def test_every_verified_address_is_told(desk: Desk) -> None:
    caller, agent = desk.caller(), desk.staff("support")
    second = f"second-{caller.email}"
    caller.browser.confirm()
    caller.browser.submit("/email/", email=second, action_add="")
    code = code_in(desk.service.mails(second)[-1])
    caller.browser.submit("/confirm-email/", code=code)
    caller.browser.enrol()
    started(desk, caller, agent)
    assert "24 hours" in desk.service.mails(second)[-1]
    assert "/support/stop/" in desk.service.mails(second)[-1]


def test_a_factor_that_is_used_was_not_lost(desk: Desk) -> None:
    caller, agent = desk.caller(), desk.staff("support")
    caller.browser.enrol()
    started(desk, caller, agent)
    used = "UPDATE mfa_authenticator SET last_used_at = '2099-01-01 00:00:00' WHERE type = 'totp'"
    desk.service.rows(used, commit=True)
    a_day_later(desk, caller)
    assert "totp" in factors(desk, caller)
    assert '"why":"used"' in desk.entries("support.removal-cancelled", caller.id)[-1]


def test_a_short_password_is_not_left_alone(desk: Desk) -> None:
    caller, agent = desk.caller(), desk.staff("support")
    caller.browser.enrol()
    short = "kq7!pvx2zm"
    caller.browser.submit("/password/change/", oldpassword=GOOD, password1=short, password2=short)
    started(desk, caller, agent)
    a_day_later(desk, caller)
    assert "good no more" in desk.service.mails(caller.email)[-1]
    thief = desk.browser()
    thief.sign_in(caller.email, short)
    assert thief.who() is None
    assert agent.send(caller, do="reset").status == 302
    link = link_in(desk.service.mails(caller.email)[-1])
    page = desk.browser()
    form = page.follow(page.get(link))
    page.post(form.url, {**form.form(), "password1": GOOD, "password2": GOOD})
    owner = desk.browser()
    owner.sign_in(caller.email)
    assert owner.who() == caller.id


def test_a_code_goes_to_a_telephone_too(desk: Desk, telephones: Telephones) -> None:
    caller, agent = desk.caller(**phone("+49 (151) 555-0100")), desk.staff("support")
    caller.browser.enrol()
    assert agent.ask(caller, "remove-factor:totp", "sms").status == 302
    path, text = telephones.got[-1]
    assert path == "/sms/+491515550100"
    code = re.search(r"\d{4} \d{4}", text)
    assert code is not None, text
    mail = desk.service.mails(caller.email)[-1]
    assert "by sms" in mail
    assert code[0] not in mail
    assert agent.redeem(caller, "remove-factor:totp", code[0])
    assert "/support/stop/" in telephones.got[-1][1], "its owner is told there too"
    assert "Geheim" not in desk.service.log + repr(desk.entries("support.code-sent"))


@pytest.mark.parametrize("number", ["", "../admin", "+49?x=1", "+49#", "1@evil.example/"])
def test_a_number_that_is_none_leads_nowhere(
    desk: Desk, telephones: Telephones, number: str
) -> None:
    caller, agent = desk.caller(**phone(number)), desk.staff("support")
    before = len(telephones.got)
    assert agent.ask(caller, "unlock", "sms").status == 200
    assert len(telephones.got) == before
    assert desk.entries("support.code-sent", caller.id) == []


def test_an_agent_is_told_where_a_message_was_not_taken(desk: Desk, telephones: Telephones) -> None:
    caller, agent = desk.caller(**phone("+491515550101")), desk.staff("support")
    telephones.status = 500
    try:
        assert "could not be sent" in agent.ask(caller, "unlock", "sms").body
    finally:
        telephones.status = 200
    code = re.search(r"\d{4} \d{4}", telephones.got[-1][1])
    assert code is not None
    assert not agent.redeem(caller, "unlock", code[0])
    assert '"result":"failed"' in desk.entries("support.code-sent", caller.id)[-1]
    assert "Geheim" not in desk.service.log


def test_nobody_is_flooded(desk: Desk) -> None:
    caller = desk.caller()
    agents = [desk.staff("support") for _ in range(2)]
    statuses = [agents[number % 2].ask(caller, "unlock").status for number in range(5)]
    assert statuses == [302] * 3 + [429] * 2
    assert agents[0].send(caller, do="reset").status == 429
    assert len(desk.entries("support.refused", caller.id)) == 3


def test_a_reset_is_the_ordinary_mail_and_its_link_is_nowhere_else(desk: Desk) -> None:
    caller, agent = desk.caller(), desk.staff("support")
    page = agent.send(caller, do="reset")
    assert page.status == 302
    key = link_in(desk.service.mails(caller.email)[-1]).rstrip("/").rpartition("/")[2]
    shown = page.body + agent.browser.get(agent.path(caller)).body + desk.service.log
    assert key not in shown + repr(desk.service.rows("SELECT data FROM trail_trailentry"))
    assert desk.entries("reset.sent", caller.id)


def test_an_administrator_helps_as_well_and_an_auditor_does_not(desk: Desk) -> None:
    caller, admin, auditor = desk.caller(), desk.staff("admin"), desk.staff("auditor")
    assert admin.ask(caller, "unlock").status == 302
    assert admin.redeem(caller, "unlock", caller.code())
    assert auditor.ask(caller, "unlock").status == 403
    assert auditor.browser.get(auditor.path(caller)).status == 403
    assert caller.browser.get(f"/console/people/person/{caller.id}/help/").status == 404
