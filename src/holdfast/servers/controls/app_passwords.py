"""A sign-in form tells nobody who has an account, and is no place to guess.

Source: guide G4.3. What is kept of a password is the application's own affair, and is not seen
from outside: `holdfast serve` and its tests are for that.
"""

from __future__ import annotations

import re
import secrets
from statistics import median

from holdfast.servers.applications.attack import TOO_MANY, AppAttack, AppAttacker, Need
from holdfast.servers.applications.http import Answer
from holdfast.servers.applications.people import Undecided, seen
from holdfast.servers.attack import Kind, Verdict, repelled, succeeded
from holdfast.servers.control import Control, Principle, Severity
from holdfast.servers.controls.app_sessions import password_form, sign_in_by_password

SLOWER = 2.0  # times: what a hash that is worked out for known names only makes of an answer
SLOWER_S = 0.04
GUESSES = 25
COMMON = ("password", "123456", "12345678", "qwerty", "admin", "letmein", "welcome", "changeme")
WRONG = "not-this-one-either"


async def _wrong(attacker: AppAttacker, name: str, password: str = WRONG) -> Answer:
    return await sign_in_by_password(attacker, attacker.nobody(), name, password)


def _stranger(name: str) -> str:
    """A name of the same form that nobody has."""
    made_up = secrets.token_hex(max(4, len(name.partition("@")[0]) // 2))
    _, at, domain = name.partition("@")
    return f"{made_up}{at}{domain}"


def _said(answer: Answer, name: str) -> str:
    """What a person reads, without the name that they typed."""
    text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "", seen(answer)) if name else seen(answer)
    where = answer.header("location").partition("?")[0]
    return f"{answer.status} {where} {' '.join(text.split())}"


async def _who_exists(attacker: AppAttacker) -> Verdict:
    """The same words and the same time for a name that has an account and one that has none.

    The account is asked for twice only, so that no usual limit locks it, and a proper sign-in
    ends the count.
    """
    known = attacker.trial.name or ""
    said: dict[str, list[str]] = {}
    times: dict[str, list[float]] = {}
    for name in (_stranger(known), known, _stranger(known), known, _stranger(known)):
        who = "known" if name == known else "stranger"
        answer = await _wrong(attacker, name)
        if answer.status == TOO_MANY:
            return repelled("the form stopped answering before names could be told apart")
        said.setdefault(who, []).append(_said(answer, name))
        times.setdefault(who, []).append(answer.seconds)
    await sign_in_by_password(attacker, attacker.nobody())
    if len(set(said["known"])) > 1 or len(set(said["stranger"])) > 1:
        raise Undecided("the form answers otherwise each time, so that names are not told apart")
    if said["known"] != said["stranger"][:2]:
        return succeeded("the answer to a wrong password tells whether the account is there")
    slow, quick = sorted((min(times["known"]), min(times["stranger"])), reverse=True)
    if slow > SLOWER * quick and slow - quick > SLOWER_S:
        return succeeded(f"the time tells: {slow * 1000:.0f} ms and {quick * 1000:.0f} ms")
    return repelled(
        f"names with and without an account are answered alike, in {slow * 1000:.0f} ms"
    )


async def _in_the_address(attacker: AppAttacker) -> Verdict:
    """A password in an address stands in logs, histories and the Referer of the next page."""
    form = await password_form(attacker, attacker.nobody())
    if not form.changes:
        return succeeded(f"the form at {form.page} sends the password as part of the address")
    return repelled("the form sends the password in its body")


async def _shown_again(attacker: AppAttacker) -> Verdict:
    password = f"{WRONG}-{secrets.token_hex(8)}"
    answer = await _wrong(attacker, _stranger(attacker.trial.name or ""), password)
    if password in answer.text or password in answer.header("location"):
        return succeeded("the answer shows the password that was typed")
    return repelled("a wrong password does not come back with the answer")


async def _guessing(attacker: AppAttacker) -> Verdict:
    """Some answer must come that is not the one to the first guess: a limit, work, or waiting."""
    name = attacker.trial.name or ""
    first, took = "", []
    for guess in range(GUESSES):
        answer = await _wrong(attacker, name, f"{WRONG}-{guess}")
        took.append(answer.seconds)
        said = _said(answer, name)
        first = first or said
        if said != first or answer.status == TOO_MANY:
            return repelled(f"after {guess} guesses the form answered otherwise ({answer.status})")
    if median(took[-5:]) > 4 * median(took[:5]) and median(took[-5:]) > 1:
        return repelled(f"{GUESSES} guesses took longer and longer: {took[-1]:.1f} s at last")
    return succeeded(f"{GUESSES} wrong passwords in {sum(took):.1f} s were answered like the first")


async def _common(attacker: AppAttacker) -> Verdict:
    for name in ("admin", "root", "test"):
        for password in (*COMMON, name):
            visitor = attacker.nobody()
            before = await visitor.get(attacker.start)
            answer = await sign_in_by_password(attacker, visitor, name, password)
            if answer.status == TOO_MANY:
                return repelled("the form stopped answering")
            after = await visitor.get(attacker.start)
            if after.status < 400 and _said(before, "") != _said(after, "") and visitor.cookies:
                return succeeded(f"{name} has a password that everybody tries first")
    return repelled("admin, root and test have no password that everybody tries first")


FORM = frozenset({Need.PASSWORD})

APP_PASSWORDS = Control(
    id="app.passwords",
    title="A sign-in form tells nobody who has an account, and is no place to guess",
    principle=Principle.IDENTIFY_USERS,
    source="guide G4.3",
    severity=Severity.HIGH,
    stops="Lists of leaked names and passwords are tried until one fits.",
    changes="The shortest way is to have no passwords: people sign in at `holdfast serve`, which "
    "hashes with Argon2id, answers unknown names alike and asks for work.",
    app_attacks=(
        AppAttack("who-exists", "learn who has an account", _who_exists, FORM),
        AppAttack("in-the-address", "find passwords in addresses", _in_the_address, FORM),
        AppAttack("shown-again", "read a password from the page after it", _shown_again, FORM),
        AppAttack("guessing", "guess at one account, 25 times", _guessing, FORM, Kind.DISRUPTIVE),
        AppAttack("common", "sign in with passwords that everybody tries first", _common, FORM,
                  Kind.DISRUPTIVE),
    ),
)  # fmt: skip
