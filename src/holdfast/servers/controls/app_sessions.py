"""Who somebody is comes from their session, and ends with it.

Source: guide G4.7.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from holdfast.servers.applications.attack import (
    AppAttack,
    AppAttacker,
    Need,
    marker,
    saying,
    written,
)
from holdfast.servers.applications.http import Answer, Request, changed
from holdfast.servers.applications.pages import RISKY, Form, read
from holdfast.servers.applications.people import Undecided, Visitor
from holdfast.servers.attack import Verdict, inconclusive, repelled, succeeded
from holdfast.servers.control import Control, Principle, Severity

WHO = (
    "user", "user_id", "userid", "userId", "uid", "id", "owner", "owner_id", "sub", "account",
    "account_id", "email", "username", "name", "login", "as", "member",
)  # fmt: skip
SAID_BY_A_PROXY = (
    "X-User", "X-User-Id", "X-Forwarded-User", "X-Remote-User", "Remote-User", "X-Auth-User",
    "X-Authenticated-User", "X-Forwarded-Email",
)  # fmt: skip
ROLES = ("role", "roles", "roles[]", "is_admin", "admin", "groups")
MOST_PAGES = 30


async def _owned(attacker: AppAttacker) -> tuple[str, list[str]]:
    """Have `first` write something; return it with the pages that show it to them."""
    form = (await attacker.lasting())[0]
    text = marker()
    now = await attacker.fresh(form) or form
    await attacker.first.send_from_own_page(now.filled(text), now.page)
    pages = dict.fromkeys((*attacker.trial.start, form.page, *attacker.ground.pages))
    shown = [page for page in list(pages)[:MOST_PAGES] if text in await _text(attacker, page)]
    entries = []
    for page in shown:
        answer = await attacker.first.get(page)
        links = read(attacker.connection.origin, page, answer.text).links
        entries += [to for to, said in links if text in said and not RISKY.search(to)]
    entries += await _near(attacker, text)
    if not shown:
        raise Undecided("what first writes is shown on no page that was found")
    return text, list(dict.fromkeys((*shown, *entries)))


async def _text(attacker: AppAttacker, page: str) -> str:
    return (await attacker.first.get(page)).text


async def _near(attacker: AppAttacker, text: str) -> list[str]:
    """The page of the newest entry, found beside the ones that the crawl saw."""
    found = []
    for target in _newest(attacker):
        if text in await _text(attacker, target):
            found.append(target)
    return found


def _newest(attacker: AppAttacker) -> list[str]:
    near = []
    for entry in attacker.ground.entries:
        head, _, tail = entry.rpartition("/")
        if tail.isdigit() and not RISKY.search(entry):
            near += [f"{head}/{int(tail) + step}" for step in range(8)]
    return list(dict.fromkeys(near))[:60]


async def _anothers_page(attacker: AppAttacker) -> Verdict:
    text, pages = await _owned(attacker)
    await attacker.second.sign_in()
    for who in (attacker.second, attacker.nobody()):
        for page in pages:
            if text in (await who.get(page)).text:
                return succeeded(f"{page} shows {who.name} what is first's")
    return repelled(
        f"second and nobody asked for {_count(pages)} that show first's entry: none did"
    )


async def _anothers_name(attacker: AppAttacker) -> Verdict:
    text, pages = await _owned(attacker)
    await attacker.second.sign_in()
    asking = [page for page in attacker.ground.pages if "?" in page][:MOST_PAGES]
    tried = 0
    for page in dict.fromkeys((*pages, *asking)):
        plain = Request.get(page)
        if text in (await attacker.second.send(plain)).text:
            continue  # it shows anybody: see anothers-page
        for called in attacker.trial.known_as:
            for name in WHO:
                tried += 1
                asked = replace(plain, query=changed(plain.query, [(name, called)]))
                if text in (await attacker.second.send(asked)).text:
                    return succeeded(f"{page} with {name}={called} shows second what is first's")
    return repelled(f"{tried} requests of second named first: none was shown what is first's")


async def _said_by_a_header(attacker: AppAttacker) -> Verdict:
    tried = 0
    for called in attacker.trial.known_as:
        for name in SAID_BY_A_PROXY:
            tried += 1
            nobody = attacker.nobody()
            answer = await nobody.send(Request.get(attacker.start, (name, called)))
            if attacker.likeness is not None and attacker.likeness.shown_in(answer):
                return succeeded(f"{name}: {called} signs in whoever sends it")
    return repelled(f"{tried} headers that a proxy might send made nobody first")


async def _claimed_role(attacker: AppAttacker) -> Verdict:
    who = attacker.roleless
    await who.sign_in()
    forms = await attacker.lasting()
    for form in forms:
        for claimed in (False, True):
            text = marker()
            request = await attacker.filled_by(who, form, text)
            if claimed:
                request = _claiming(request, attacker.trial.role)
            written(await who.send_from_own_page(request, form.page))
            if await attacker.shows(form, text, who):
                how = "who claimed to have the role" if claimed else "as it is"
                return succeeded(f"{form.action} took it from roleless, {how}")
    if not await attacker.can_write():
        return inconclusive("afterwards first could not write either")
    return repelled(f"roleless wrote nothing by {_count(forms, 'form')}, whatever was claimed")


def _claiming(request: Request, role: str) -> Request:
    claims = {**dict.fromkeys(ROLES, role), "is_admin": "1"}
    return saying(request, **claims).saying(("X-Role", role), ("X-Roles", role))


async def _after_sign_out(attacker: AppAttacker) -> Verdict:
    first = attacker.first
    if not first.session:
        raise Undecided("first has no cookie that signing out could end")
    await first.sign_in()
    thief = first.twin()
    if not await attacker.is_first(thief):
        return inconclusive("a copy of first's cookies did not sign in before")
    answer = await _sign_out(attacker)
    if await attacker.is_first(first):
        raise Undecided(
            f"{attacker.trial.sign_out} did not sign first out (it answered {answer.status}): "
            "name the address that the sign-out button sends to"
        )
    if await attacker.is_first(thief):
        return succeeded("a copy of the cookies is still first, after first has signed out")
    await first.sign_in()
    return repelled("a copy of the cookies was nobody's after first had signed out")


async def _sign_out(attacker: AppAttacker) -> Answer:
    """Sign `first` out as its page does: by its form, else by a POST, else by a link."""
    to = attacker.trial.sign_out or ""
    for form in await attacker.forms(attacker.start, attacker.first):
        if form.action == to:
            return await attacker.first.send_from_own_page(form.filled(""), form.page)
    answer = await attacker.first.send_from_own_page(Request("POST", to), attacker.start)
    if answer.status in (404, 405):
        answer = await attacker.first.get(to)
    return answer


async def _made_up(attacker: AppAttacker) -> Verdict:
    """Whoever is given no new name in the place of a made-up one has theirs adopted."""
    names = await _session_names(attacker)
    plain = attacker.nobody()
    await plain.get(attacker.start)
    given = set(plain.cookies)
    for name in names:
        known = attacker.first.cookies.get(name, "")
        guesses = (secrets.token_hex(16), "1", "admin", _nearly(known), *attacker.trial.known_as)
        for value in guesses:
            other = attacker.nobody()
            other.cookies = {**attacker.first.cookies, name: value}
            if value != known and await attacker.is_first(other):
                return succeeded(f"the cookie {name} with a made-up value is first's session")
        other = attacker.nobody()
        other.cookies = {name: (made_up := secrets.token_hex(16))}
        await other.get(attacker.start)
        if name in given and other.cookies.get(name) == made_up:
            return succeeded(f"the server keeps a session under a {name} that a visitor made up")
    return repelled("made-up cookies were nobody's, and none was kept")


async def _session_names(attacker: AppAttacker) -> list[str]:
    """Return the cookies without which `first` is nobody. Raises Undecided where there is none."""
    names = []
    for name in sorted(attacker.first.session & attacker.first.cookies.keys()):
        without = attacker.nobody()
        without.cookies = {k: v for k, v in attacker.first.cookies.items() if k != name}
        if not await attacker.is_first(without):
            names.append(name)
    if not names:
        raise Undecided("first has no cookie that could be made up")
    return names


def _nearly(value: str) -> str:
    """The value with a character in its middle changed: whoever checks all of it refuses it."""
    middle = len(value) // 2
    other = "A" if value[middle : middle + 1] != "A" else "B"
    return value[:middle] + other + value[middle + 1 :]


async def _fixation(attacker: AppAttacker) -> Verdict:
    """A name that was there before the sign-in must not be the session after it."""
    victim = await _at_sign_in(attacker)
    before = dict(victim.cookies)
    await sign_in_by_password(attacker, victim)
    if not await attacker.is_first(victim):
        return inconclusive("name and password of the trial did not sign first in")
    attack = attacker.nobody()
    attack.cookies = before
    if before and await attacker.is_first(attack):
        return succeeded(f"the cookies of before the sign-in ({', '.join(before)}) are first's now")
    return repelled("the cookies of before the sign-in are nobody's after it")


async def _at_sign_in(attacker: AppAttacker) -> Visitor:
    """A browser on which somebody has planted the cookies that a session has."""
    victim = attacker.nobody()
    planted = attacker.first.session or frozenset()
    await victim.get(attacker.trial.sign_in or attacker.start)
    own = secrets.token_hex(16)
    victim.cookies = {**dict.fromkeys(planted, own), **victim.cookies}
    return victim


async def sign_in_by_password(
    attacker: AppAttacker, visitor: Visitor, name: str | None = None, password: str | None = None
) -> Answer:
    """Fill in the form at `sign_in`; without values, with those of the trial. Raises Undecided."""
    form = await password_form(attacker, visitor)
    if password is None:
        password = (await attacker.sources["password"]()).reveal()
    said = attacker.trial.name or "" if name is None else name
    kinds = {"password": password, "email": said}
    values = [(one.name, kinds[one.kind]) for one in form.fields if one.kind in kinds]
    request = form.filled(said)
    if form.changes:
        request = replace(request, body=changed(request.body, values))
    else:
        request = replace(request, query=changed(request.query, values))
    return await visitor.send_from_own_page(request, form.page)


async def password_form(attacker: AppAttacker, visitor: Visitor) -> Form:
    """Return the form that people sign in at. Raises Undecided where `sign_in` has none."""
    page = attacker.trial.sign_in or "/"
    for form in await attacker.forms(page, visitor):
        if any(one.kind == "password" for one in form.fields):
            return form
    raise Undecided(f"{page} has no form with a password: name the one that people sign in at")


def _count(things: list[str] | list[Form], what: str = "page") -> str:
    return f"{len(things)} {what}{'' if len(things) == 1 else 's'}"


PEOPLE = frozenset({Need.FIRST, Need.SECOND})
NAMED = frozenset({Need.FIRST, Need.SECOND, Need.KNOWN_AS})

APP_SESSIONS = Control(
    id="app.sessions",
    title="Who somebody is comes from their session, and ends with it",
    principle=Principle.KEEP_ON_SERVER,
    source="guide G4.7",
    severity=Severity.CRITICAL,
    stops="Somebody who changes a number in an address, adds a parameter or keeps a stolen cookie "
    "reads and changes what is another's.",
    changes="Take the user from the session or a verified token, look every entry up together with "
    "its owner, check roles on the server, give out a new session name at sign-in and end it on "
    "the server at sign-out, as `holdfast.guard` does.",
    app_attacks=(
        AppAttack(
            "anothers-page",
            "ask for the pages of somebody else's entries",
            _anothers_page,
            needs=PEOPLE,
        ),
        AppAttack(
            "anothers-name", "name somebody else in a parameter", _anothers_name, needs=NAMED
        ),
        AppAttack(
            "said-by-a-header",
            "name somebody else in a header that a proxy might send",
            _said_by_a_header,
            needs=frozenset({Need.FIRST, Need.KNOWN_AS}),
        ),
        AppAttack(
            "claimed-role",
            "claim a role that somebody does not have",
            _claimed_role,
            needs=frozenset({Need.FIRST, Need.ROLELESS}),
        ),
        AppAttack("made-up", "make up the name of a session", _made_up),
        AppAttack(
            "fixation",
            "plant a session before somebody signs in",
            _fixation,
            needs=frozenset({Need.FIRST, Need.PASSWORD}),
        ),
        AppAttack(
            "after-sign-out",
            "use a copy of the cookies after their owner has signed out",
            _after_sign_out,
            needs=frozenset({Need.FIRST, Need.SIGN_OUT}),
        ),
    ),
)
