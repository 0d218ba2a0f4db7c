"""Forms of other sites change nothing.

Source: guide G4.8. Corrected: where a request says that it comes from is looked at in addition
and never alone, since old browsers and some proxies leave it out.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

from holdfast.servers.applications.attack import AppAttack, AppAttacker, Need, marker, written
from holdfast.servers.applications.http import Pairs, Request, changed
from holdfast.servers.applications.pages import Form
from holdfast.servers.attack import Verdict, inconclusive, repelled, succeeded
from holdfast.servers.control import Control, Principle, Severity

ELSEWHERE = "https://attacker.invalid"
OFTEN = ("csrftoken", "csrf-token", "csrf_token", "_csrf", "XSRF-TOKEN", "guard-csrf")
"""Names that frameworks give the cookie that repeats a token."""


class NoToken(Exception):
    """A form has no secret value, so that there is none to forge: other attacks are about that."""


Forge = Callable[[AppAttacker, Form, str], Awaitable[Request]]


def _from(site: str, origin: str, dest: str = "document") -> Pairs:
    """The headers that a browser adds, and that a page cannot choose."""
    return (
        ("Origin", origin),
        ("Referer", f"{origin}/" if origin != "null" else ""),
        ("Sec-Fetch-Site", site),
        ("Sec-Fetch-Mode", "navigate" if dest == "document" else "no-cors"),
        ("Sec-Fetch-Dest", dest),
    )


async def _without_token(attacker: AppAttacker, form: Form, text: str) -> Request:
    return form.filled(text, without=await attacker.secret_fields(form))


async def _hidden_form(attacker: AppAttacker, form: Form, text: str) -> Request:
    request = await _without_token(attacker, form, text)
    return request.saying(*_from("cross-site", ELSEWHERE))


async def _sandboxed(attacker: AppAttacker, form: Form, text: str) -> Request:
    request = await _without_token(attacker, form, text)
    return request.saying(*_from("cross-site", "null"))


async def _from_nowhere(attacker: AppAttacker, form: Form, text: str) -> Request:
    return await _without_token(attacker, form, text)


async def _token_of_another(attacker: AppAttacker, form: Form, text: str) -> Request:
    if not await attacker.secret_fields(form):
        raise NoToken
    request = await attacker.filled_by(attacker.second, form, text)
    return request.saying(("Origin", attacker.connection.origin), ("Sec-Fetch-Site", "same-origin"))


async def _planted_cookie(attacker: AppAttacker, form: Form, text: str) -> Request:
    """A sub-domain may set cookies of the whole domain: both halves of a pair are the attacker's.

    A `__Host-` cookie is out of its reach, and so is not planted.
    """
    secret = await attacker.secret_fields(form)
    known = attacker.first.cookies
    halves = {name for name in known if name not in attacker.first.session} | set(OFTEN)
    made_up = "attacker" * 4
    reached = [name for name in sorted(halves) if not name.startswith("__Host-")]
    planted = [f"{name}={made_up}" for name in reached]
    kept = [
        f"{name}={value}"
        for name, value in known.items()
        if name not in reached or name in attacker.first.session
    ]
    request = form.filled(text)
    request = replace(request, body=changed(request.body, [(name, made_up) for name in secret]))
    name = attacker.app.names[0]
    return request.saying(
        ("Cookie", "; ".join([*planted, *kept])),
        ("X-CSRF-Token", made_up),
        *_from("same-site", f"https://other.{name}"),
    )


async def _as_text(attacker: AppAttacker, form: Form, text: str) -> Request:
    """A form of kind text/plain can be made to read as JSON, and needs nobody's permission."""
    fields = dict((await _without_token(attacker, form, text)).body)
    written = json.dumps({**fields, "ignored": "="}).encode()
    request = replace(form.filled(text), body=(), raw=written)
    return request.saying(("Content-Type", "text/plain"), *_from("cross-site", ELSEWHERE))


async def _image(attacker: AppAttacker, form: Form, text: str) -> Request:
    request = await _without_token(attacker, form, text)
    asked = replace(request, method="GET", query=(*request.query, *request.body), body=())
    return asked.saying(*_from("cross-site", ELSEWHERE, "image"))


def _attempt(forge: Forge) -> Callable[[AppAttacker], Awaitable[Verdict]]:
    """Return an attack that sends each form as another site would have the browser send it."""

    async def attempt(attacker: AppAttacker) -> Verdict:
        if attacker.first.authorization and not attacker.first.session:
            return repelled("first is signed in by a header, which no browser sends by itself")
        forms = await attacker.lasting()
        answers = []
        for form in forms:
            text = marker()
            now = await attacker.fresh(form) or form
            try:
                request = await forge(attacker, now, text)
            except NoToken:
                answers.append(f"{form.method} {form.action} has no token")
                continue
            answer = written(await attacker.first.send(request))
            answers.append(f"{form.method} {form.action}: {answer.status}")
            await attacker.again()
            if await attacker.shows(form, text):
                return succeeded(f"{form.method} {form.action} took it: the text is there")
        if not await attacker.can_write():
            return inconclusive("afterwards no form could be used properly either")
        return repelled(f"it left nothing behind ({'; '.join(answers)})")

    return attempt


BOTH = frozenset({Need.FIRST, Need.SECOND})

APP_CSRF = Control(
    id="app.csrf",
    title="Forms of other sites change nothing",
    principle=Principle.CLEANSE_INPUT,
    source="guide G4.8",
    severity=Severity.HIGH,
    stops="Any page that somebody looks at while they are signed in can send forms in their name: "
    "browsers add the cookies.",
    changes="Have every form and script show that it was meant. `holdfast.guard` has four ways, "
    "each of which passes: a token of the session in every form, a cookie that scripts repeat in a "
    "header, a cookie and a field, or a signed token without state. Nothing may change on GET.",
    app_attacks=(
        AppAttack("hidden-form", "send a form from another site", _attempt(_hidden_form)),
        AppAttack("null-origin", "send a form from a sandboxed frame", _attempt(_sandboxed)),
        AppAttack(
            "from-nowhere",
            "send a form without a token, and without saying where it comes from",
            _attempt(_from_nowhere),
        ),
        AppAttack(
            "token-of-another",
            "send a form with somebody else's token",
            _attempt(_token_of_another),
            needs=BOTH,
        ),
        AppAttack(
            "planted-cookie",
            "send a form from a sub-domain that has planted the cookie which repeats the token",
            _attempt(_planted_cookie),
        ),
        AppAttack("text-plain", "send JSON as a form of plain text", _attempt(_as_text)),
        AppAttack("image", "send what a form sends as the address of an image", _attempt(_image)),
    ),
    deviates="The guide names the check of Origin and Referer among the defences; here it counts "
    "in addition only. A session cookie with SameSite=Lax is not taken for a defence either: "
    "sub-domains are the same site, and a GET that changes something passes it.",
)
