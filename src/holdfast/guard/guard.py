"""The guard: what stands between a request and the application, whatever framework that uses.

A request is judged in one order: the name it was sent to, who is there, whether it was meant
(CSRF), what it costs (budgets, gate). Then the application sees it, with the visitor attached, or
the guard answers itself. What it decides follows from the request, the session and the time alone.
"""

from __future__ import annotations

import hmac
import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from holdfast.gate.budgets import Budget
from holdfast.gate.gate import Asked, Gate
from holdfast.gate.gate import Visit as Attempt
from holdfast.gate.networks import networks
from holdfast.gate.rules import Way as Demand
from holdfast.guard import own, pages
from holdfast.guard.answers import HTML, JSON, Again, Answer, Refusal, redirect
from holdfast.guard.cookies import Cookie, named
from holdfast.guard.csrf import Owner, SessionToken, Strategy, Token, Verdict, is_from_here
from holdfast.guard.fetching import ProviderDown
from holdfast.guard.headers import Headers
from holdfast.guard.openid import Provider, SignIn, person_of
from holdfast.guard.request import ONLY_ONCE, Request
from holdfast.guard.sessions import Sessions, key_of
from holdfast.guard.tokens import Expected, TokenRefused, header_of, verified
from holdfast.guard.visitor import Html, Visitor, Way
from holdfast.work.spent import StoreDown

log = logging.getLogger("holdfast.guard")
SESSION, VISITOR, SIGNING_IN = "guard-session", "guard-visitor", own.SIGNING_IN
LEAST_KEY_BYTES = 32
_WHAT = re.compile(r"(GET|POST|PUT|PATCH|DELETE) /[^{}\s?#]*")
_VISITOR = re.compile(r"[A-Za-z0-9_-]{32}")


@dataclass(frozen=True)
class Costs:
    """What requests cost that are costly; the keys are a method and a path, as in "POST /notes".

    A slash at the end makes no difference.

    `actions` name what the gate asks work for ("post" of its rules); `limits` are how often a
    person, or the network of nobody in particular, may do something.
    """

    gate: Gate
    actions: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, Budget] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for what in (*self.actions, *self.limits):
            if _WHAT.fullmatch(what) is None:
                raise ValueError(f"{what!r}: write a method and a path to the letter: POST /notes")
        for name in ("actions", "limits"):
            plain = {_plain(what): value for what, value in getattr(self, name).items()}
            object.__setattr__(self, name, plain)
        for action in self.actions.values():
            if action not in self.gate.rules:
                raise ValueError(f"{action!r}: the gate has no such rule: post is for forms")


@dataclass(frozen=True)
class Arrival:
    """A request that was judged: who made it and, where it does not get further, its answer."""

    visitor: Visitor
    answer: Answer | None = None


class Guard:
    """The guard of one application. One per process."""

    def __init__(
        self,
        origin: str,
        key: bytes,
        sessions: Sessions,
        *,
        provider: Provider | None = None,
        csrf: Strategy | None = None,
        headers: Headers | None = None,
        costs: Costs | None = None,
        words: pages.Words | None = None,
        proxies: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`origin` is where browsers reach the application: scheme, name and port.

        The key is 32 random bytes or more, the same in each process. `proxies` is how many reverse
        proxies stand in front: so many entries of X-Forwarded-For are theirs.
        """
        self.origin, self.secure = _origin(origin)
        if len(key) < LEAST_KEY_BYTES:
            raise ValueError(f"key: {LEAST_KEY_BYTES} random bytes or more, for each application")
        self.sessions, self.costs, self.proxies = sessions, costs, proxies
        self.csrf = csrf or SessionToken()
        if getattr(self.csrf, "secure", self.secure) != self.secure:
            raise ValueError(f"csrf: write secure={self.secure} for {origin}")
        self.headers = headers or Headers()
        self.words = words or pages.Words()
        self.clock = clock
        self._key = hmac.digest(key, b"visitors", "sha256")
        self._host = urlsplit(self.origin).netloc
        self._cookies = {
            name: named(name, secure=self.secure) for name in (SESSION, VISITOR, SIGNING_IN)
        }
        self.sign_in: SignIn | None = None
        self._access: Expected | None = None
        if provider:
            self.sign_in = SignIn(provider, key, self.origin + own.SIGNED_IN, clock)
            self._access = Expected(
                provider.issuer, provider.client_id, provider.access_kinds, provider.access_saying
            )

    def waits(self, request: Request) -> bool:
        """Whether to judge a request may take long: a store or the provider is asked."""
        if request.path.startswith(own.ALL) or self.is_costly(request):
            return True
        token = request.bearer
        if token is not None and self.sign_in is not None:
            try:
                return not self.sign_in.keys.settled(header_of(token).kid)
            except TokenRefused:
                return False
        return not self.sessions.store.quick and bool(self._named(request, SESSION))

    def arrive(self, request: Request) -> Arrival:
        """Judge a request."""
        visitor = Visitor(request)
        try:
            self._is_sound(request)
            visitor = self._recognised(request)
            answer = own.answered(self, visitor)
            if answer is None:
                self._was_meant(visitor)
                self._can_pay(visitor)
        except Exception as error:
            answer = self.failed(visitor, error)
        return Arrival(visitor, answer)

    def arrive_socket(self, request: Request) -> Arrival:
        """Judge the opening of a WebSocket: meant by a page of ours, or with a bearer token."""
        visitor = Visitor(request)
        try:
            self._is_sound(request)
            visitor = self._recognised(request)
            if visitor.way is not Way.TOKEN and request.headers.get("origin") is None:
                raise Refusal(HTTPStatus.FORBIDDEN, "no-origin")
            if visitor.way is not Way.TOKEN and not is_from_here(request, self.origin):
                raise Refusal(HTTPStatus.FORBIDDEN, "other-origin")
        except Exception as error:
            return Arrival(visitor, self.failed(visitor, error))
        return Arrival(visitor)

    def failed(self, visitor: Visitor, error: Exception) -> Answer:
        """Return the answer for an exception, the application's too; the log says what it was."""
        if isinstance(error, Again):
            return self._again(visitor, error)
        log_id = secrets.token_hex(6)
        where = f"{visitor.request.method} {visitor.request.path[:200]!r}"
        if isinstance(error, Refusal):
            log.warning("%s refused, %s: %s", log_id, where, error.why)
            return self._refused(visitor, error, log_id)
        if isinstance(error, StoreDown | ProviderDown):
            log.error("%s unavailable, %s: %s", log_id, where, error)
            return self._broken(visitor, HTTPStatus.SERVICE_UNAVAILABLE, log_id)
        log.error("%s failed, %s", log_id, where, exc_info=error)
        return self._broken(visitor, HTTPStatus.INTERNAL_SERVER_ERROR, log_id)

    def hidden(self, visitor: Visitor, status: int) -> Answer:
        """Return what is shown instead of the application's own page for an error on its side."""
        if visitor.raised is not None:
            return self.failed(visitor, visitor.raised)
        log_id = secrets.token_hex(6)
        where = f"{visitor.request.method} {visitor.request.path[:200]!r}"
        log.error("%s answered %d, %s: its page is not shown", log_id, status, where)
        known = status if status in set(HTTPStatus) else HTTPStatus.INTERNAL_SERVER_ERROR
        return self._broken(visitor, HTTPStatus(known), log_id)

    def headers_for(self, visitor: Visitor) -> list[tuple[str, str]]:
        """Return the headers that an answer gets, where it has not set them itself."""
        nonce = visitor.nonce if visitor.has_nonce else ""
        leads_away = self.sign_in.origins if self.sign_in else ()
        found = [
            *self.headers.always(secure=self.secure),
            ("content-security-policy", self.headers.policy_with(nonce, *leads_away)),
        ]
        if visitor.person is not None or visitor.cookies:
            found.append(("cache-control", "no-store"))
        return found

    def cookie_headers(self, visitor: Visitor, answer: Answer | None = None) -> list[str]:
        """Return the values of the Set-Cookie headers of an answer."""
        cookies = (*visitor.cookies, *(answer.cookies if answer else ()))
        return [cookie.header(secure=self.secure) for cookie in cookies]

    @property
    def session_cookie(self) -> str:
        """What the cookie of a session is called."""
        return self._cookies[SESSION]

    def signed_in(self, visitor: Visitor, name: str, lives_s: int | None = None) -> Cookie:
        """Return the cookie of a session just made; one that was there before ends."""
        self.end(visitor)
        return Cookie(self._cookies[SESSION], name, lives_s)

    def end(self, visitor: Visitor) -> tuple[Cookie, ...]:
        """End the session of a visitor, if there is one; return what removes its cookie."""
        name = self._named(visitor.request, SESSION)
        if name:
            self.sessions.end(name)
        return (Cookie(self._cookies[SESSION]),)

    def meant(self, visitor: Visitor) -> None:
        """See that a request was meant. Raises Refusal, Again."""
        self._was_meant(visitor, always=True)

    def _is_sound(self, request: Request) -> None:
        if any("," in request.headers.get(name, "") for name in ONLY_ONCE):
            raise Refusal(HTTPStatus.BAD_REQUEST, "header-twice")
        if request.headers.get("host", "").lower() != self._host:
            raise Refusal(HTTPStatus.MISDIRECTED_REQUEST, "other-host")
        if request.method == "TRACE":
            raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "method")

    def _recognised(self, request: Request) -> Visitor:
        token = request.bearer
        if token is not None:
            return self._by_token(request, token)
        name = self._named(request, SESSION)
        session = self.sessions.read(name) if name else None
        if session is None:
            visitor = Visitor(request)
            visitor.make_token = lambda: self._stranger_token(visitor)
            return visitor
        owner = Owner(key_of(name), session.secret)
        visitor = Visitor(request, session.person, Way.SESSION, session)
        visitor.make_token = lambda: self.csrf.token(request, owner, self.clock())
        return visitor

    def _by_token(self, request: Request, token: str) -> Visitor:
        challenge = {"www-authenticate": 'Bearer error="invalid_token"'}
        if self.sign_in is None or self._access is None:
            raise Refusal(HTTPStatus.UNAUTHORIZED, "no-provider", challenge)
        try:
            claims = verified(token, self.sign_in.keys.key, self._access, self.clock())
        except TokenRefused as error:
            raise Refusal(HTTPStatus.UNAUTHORIZED, f"token-{error.fault}", challenge) from error
        person = person_of(claims, self.sign_in.provider.roles)
        return Visitor(request, person, Way.TOKEN, claims=claims)

    def _was_meant(self, visitor: Visitor, *, always: bool = False) -> None:
        request = visitor.request
        if visitor.way is Way.TOKEN or not (request.changes or always):
            return  # no browser sends a bearer token by itself
        if not is_from_here(request, self.origin):
            raise Refusal(HTTPStatus.FORBIDDEN, "other-origin")
        match self._verdict(visitor):
            case Verdict.STALE:
                raise Again(HTTPStatus.CONFLICT, "token-stale")
            case Verdict.MISSING:
                raise Refusal(HTTPStatus.FORBIDDEN, "token-missing", cookies=self.end(visitor))

    def _verdict(self, visitor: Visitor) -> Verdict:
        request, now = visitor.request, self.clock()
        if visitor.session is not None:
            name = key_of(self._named(request, SESSION))
            return self.csrf.judge(request, Owner(name, visitor.session.secret), now)
        name = self._stranger(request) or secrets.token_hex()  # nobody's: no token is good for it
        return self.csrf.judge(request, self._stranger_owner(name), now)

    def _stranger(self, request: Request) -> str:
        name = self._named(request, VISITOR)
        return name if _VISITOR.fullmatch(name) else ""

    def _stranger_owner(self, name: str) -> Owner:
        return Owner(name, hmac.digest(self._key, name.encode(), "sha256").hex())

    def _stranger_token(self, visitor: Visitor) -> Token:
        """The token of somebody who is not signed in: a cookie of their own is what it is for."""
        name = self._stranger(visitor.request)
        cookies: tuple[Cookie, ...] = ()
        if not name:
            name = secrets.token_urlsafe(24)
            cookies = (Cookie(self._cookies[VISITOR], name),)
        token = self.csrf.token(visitor.request, self._stranger_owner(name), self.clock())
        return replace(token, cookies=(*cookies, *token.cookies))

    def is_costly(self, request: Request) -> bool:
        """Whether a request draws on a budget or passes the gate."""
        what = _done(request)
        return self.costs is not None and (what in self.costs.actions or what in self.costs.limits)

    def asks_work(self, request: Request) -> bool:
        """Whether the answer to a puzzle is looked for in the form of a request."""
        return self.costs is not None and _done(request) in self.costs.actions

    def _can_pay(self, visitor: Visitor) -> None:
        if self.costs is None:
            return
        request = visitor.request
        what = _done(request)
        limit = self.costs.limits.get(what)
        of = visitor.person.sub if visitor.person else networks(request.address)[0]
        if limit and not self.costs.gate.allowed(f"limit {what}", of, limit):
            wait = {"retry-after": str(max(1, int(limit.every_s)))}
            raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, "limit", wait)
        action = self.costs.actions.get(what)
        if action:
            attempt = self.attempt(visitor, action)
            passed = self.costs.gate.enter(attempt, request.field(pages.FIELD_OF_WORK))
            if isinstance(passed, Asked):
                puzzle = passed.puzzle if passed.way is Demand.WORK else ""
                raise Again(HTTPStatus.TOO_MANY_REQUESTS, "work-asked", puzzle, passed.wait_s)
            self.costs.gate.made(passed)

    def attempt(self, visitor: Visitor, action: str) -> Attempt:
        """Return what the gate is asked about an action of a visitor."""
        return Attempt(action, visitor.request.address)

    def work_element(self, action: str, puzzle: str = "") -> Html:
        """Return the element that does a form's work; the page loads `own.WIDGET` for it."""
        return pages.work_asked(f"{own.GATE}{quote(action)}", puzzle)

    def _named(self, request: Request, cookie: str) -> str:
        return request.cookie(self._cookies[cookie])

    def _refused(self, visitor: Visitor, error: Refusal, log_id: str) -> Answer:
        words, request = self.words, visitor.request
        headers = tuple(error.headers.items())
        if not request.wants_page:
            said = f'{{"error": "{error.why}", "id": "{log_id}"}}'
            return Answer(error.status, said.encode(), JSON, headers, error.cookies)
        needs_sign_in = (
            error.status is HTTPStatus.UNAUTHORIZED and self.sign_in and visitor.way is Way.NONE
        )
        if needs_sign_in and request.method == "GET" and request.bearer is None:
            return redirect(f"{own.SIGN_IN}?to={quote(request.target, safe='')}", *error.cookies)
        if needs_sign_in and request.fields:
            link = pages.signing_in(own.SIGN_IN, words)
            body = pages.again(visitor, words, words.sign_in_first, words.sign_in_more, link)
            return Answer(error.status, body, HTML, headers, error.cookies)
        body = pages.told(visitor, words, words.refused, words.refused_more, log_id)
        return Answer(error.status, body, HTML, headers, error.cookies)

    def _broken(self, visitor: Visitor, status: HTTPStatus, log_id: str) -> Answer:
        words = self.words
        if not visitor.request.wants_page:
            return Answer(status, f'{{"error": "failed", "id": "{log_id}"}}'.encode(), JSON)
        body = pages.told(visitor, words, words.failed, words.failed_more, log_id)
        return Answer(status, body)

    def _again(self, visitor: Visitor, error: Again) -> Answer:
        words, request = self.words, visitor.request
        headers: tuple[tuple[str, str], ...] = ()
        if error.wait_s:
            headers = (("retry-after", str(error.wait_s)),)
        if not request.wants_page:
            said = own.said(error.why, error.asked, error.wait_s, visitor.csrf_token)
            return Answer(error.status, said, JSON, headers, error.cookies)
        work, title, text = Html(), words.again, words.again_more
        if error.why == "work-asked" and self.costs is not None:
            action = self.costs.actions[_done(request)]
            work = Html(
                f'<script type="module" src="{own.WIDGET}"></script>'
                + self.work_element(action, error.asked)
            )
            title, text = words.busy, words.busy_more
            if not error.asked:
                text = words.wait_more.format(seconds=error.wait_s)
        return Answer(error.status, pages.again(visitor, words, title, text, work), headers=headers)


def _done(request: Request) -> str:
    """What a request does, as costs name it; who asks for the head alone has the same work done."""
    return _plain(f"{'GET' if request.method == 'HEAD' else request.method} {request.path}")


def _plain(what: str) -> str:
    """A method and a path without the slashes at its end, which many routers do not look at."""
    return what.rstrip("/") if not what.endswith(" /") else what


def _origin(text: str) -> tuple[str, bool]:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ValueError("origin: write scheme and name, as in https://todo.example.com")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("origin: nothing may follow the name and the port")
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme == "http" and not local and not parts.hostname.endswith(".localhost"):
        raise ValueError(f"origin: {text} is in clear: put TLS in front, and write https://")
    if not text.isascii():
        raise ValueError("origin: write the name as browsers send it, as in xn--bcher-kva.example")
    is_usual = parts.port == {"http": 80, "https": 443}[parts.scheme]
    name = parts.netloc.rpartition(":")[0] if is_usual else parts.netloc
    return f"{parts.scheme}://{name}".lower(), parts.scheme == "https"
