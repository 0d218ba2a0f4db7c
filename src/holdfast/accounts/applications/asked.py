"""What an application asks for as it sends somebody here to sign in (RFC 6749, 4.1.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.http import QueryDict
from django.utils.http import urlencode

from holdfast.accounts.applications import configured
from holdfast.accounts.applications.configured import Named
from holdfast.accounts.configuration import Application

CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
PROMPTS = frozenset({"none", "login", "consent", "select_account"})
NOT_SUPPORTED = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}
LONGEST = 2000  # characters of one value
LONGEST_AGE_S = 10 * 365 * 86_400


class Unregistered(Exception):
    """Nobody is sent anywhere: no application is known that could be told (RFC 6749, 4.1.2.1)."""


@dataclass(frozen=True)
class Asker:
    """An application, and where its people go back to."""

    application: Named
    redirect: str
    state: str

    def leads_back(self, **said: str) -> str:
        """Return the address that takes an answer back, which says whose it is (RFC 9207)."""
        fields = {**said, "iss": settings.HOLDFAST.origin}
        if self.state:
            fields["state"] = self.state
        joint = "&" if "?" in self.redirect else "?"
        return f"{self.redirect}{joint}{urlencode(fields)}"


class SentBack(Exception):
    """The application is told what is wrong; `to` is where its person goes."""

    def __init__(self, asker: Asker, error: str, why: str = "") -> None:
        super().__init__(why or error)
        told = {"error": error, "error_description": why}
        self.to = asker.leads_back(**{name: text for name, text in told.items() if text})


@dataclass(frozen=True)
class Asked:
    """One request to sign somebody in."""

    asker: Asker
    scopes: tuple[str, ...]
    challenge: str
    nonce: str
    prompts: frozenset[str]
    max_age_s: int | None
    hint: str
    """An ID token of whom the application takes its person to be."""

    @property
    def is_silent(self) -> bool:
        return "none" in self.prompts


def read(fields: QueryDict) -> Asked:
    """Check a request. Raises Unregistered, SentBack."""
    said = {name: values[0] for name, values in fields.lists()}
    client_id, redirect = said.get("client_id", ""), said.get("redirect_uri", "")
    known = configured.application(client_id)
    decisive = (len(fields.getlist(name)) for name in ("client_id", "redirect_uri"))
    if known is None or redirect not in known.redirect or any(count != 1 for count in decisive):
        raise Unregistered
    asker = Asker(Named(client_id, known), redirect, said.get("state", ""))
    for problem, why in _problems(fields, said, known):
        raise SentBack(asker, problem, why)
    age = said.get("max_age", "")
    return Asked(
        asker,
        scopes=_scopes(said, known),
        challenge=said.get("code_challenge", ""),
        nonce=said.get("nonce", ""),
        prompts=frozenset(said.get("prompt", "").split()),
        max_age_s=int(age) if age else None,
        hint=said.get("id_token_hint", ""),
    )


def _scopes(said: dict[str, str], known: Application) -> tuple[str, ...]:
    """Return what is asked for and there; the rest is ignored (OpenID Connect Core, 3.1.2.1)."""
    offered = {*configured.SCOPES, *known.scopes}
    return tuple(one for one in dict.fromkeys(said.get("scope", "").split()) if one in offered)


def _problems(
    fields: QueryDict, said: dict[str, str], known: Application
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a request, the worst first, by the names of the standards."""
    if any(len(values) > 1 for _, values in fields.lists()):
        yield "invalid_request", "a field is there twice"
    if any(len(value) > LONGEST for value in said.values()):
        yield "invalid_request", "a field is too long"
    yield from ((error, "") for name, error in NOT_SUPPORTED.items() if said.get(name))
    if not said.get("response_type"):
        yield "invalid_request", "response_type is missing"
    elif said["response_type"] != "code":
        yield "unsupported_response_type", "only code is offered"
    if "authorization_code" not in known.grants:
        yield "unauthorized_client", ""
    if said.get("response_mode", "query") != "query":
        yield "invalid_request", "only response_mode query is offered"
    challenge, method = said.get("code_challenge", ""), said.get("code_challenge_method", "")
    if known.pkce or challenge or method:
        if method != "S256":
            yield "invalid_request", "code_challenge_method must be S256 (RFC 7636)"
        if not CHALLENGE.fullmatch(challenge):
            yield "invalid_request", "code_challenge must be 43 characters (RFC 7636)"
    if not _scopes(said, known):
        yield "invalid_scope", "ask for what the application is registered for"
    prompts = set(said.get("prompt", "").split())
    if prompts - PROMPTS or ("none" in prompts and len(prompts) > 1):
        yield "invalid_request", "prompt is none, or of login, consent, select_account"
    age = said.get("max_age", "0") or "0"
    if not (age.isascii() and age.isdecimal() and len(age) < 12 and int(age) <= LONGEST_AGE_S):
        yield "invalid_request", "max_age is a number of seconds"
