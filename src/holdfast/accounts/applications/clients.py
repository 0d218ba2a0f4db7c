"""Which application a request comes from, and how it is told what is wrong with it."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_plus

from django.http import HttpRequest, HttpResponse

from holdfast.accounts.applications import configured
from holdfast.accounts.applications.configured import Named
from holdfast.accounts.gate import running
from holdfast.accounts.trail.events import address, note
from holdfast.gate.budgets import Budget

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 100
WRONG = Budget(free=10, every_s=6.0, priced=0)
"""So many wrong secrets of one network are recorded; more are turned away."""
METHODS = ["client_secret_basic", "client_secret_post", "none"]


class Refused(Exception):
    """What RFC 6749 calls an error response; `why` is for who writes the application."""

    def __init__(self, error: str, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.error, self.why, self.status = error, why, status


def fields_of(request: HttpRequest) -> dict[str, str]:
    """Return a form's fields, each of which may be there once (RFC 6749, 3.2). Raises Refused."""
    if request.content_type != FORM:
        raise Refused("invalid_request", f"send it as {FORM}")
    if request.META.get("QUERY_STRING"):
        raise Refused("invalid_request", "send everything in the body")
    try:
        text = request.body.decode()
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Refused("invalid_request", "it is no form, or one of too many fields") from None
    if len(dict(pairs)) != len(pairs):
        raise Refused("invalid_request", "a field is there twice")
    return {name: value for name, value in pairs if value}


def authenticated(request: HttpRequest, fields: dict[str, str]) -> Named:
    """Return the application that a request comes from (RFC 6749, 2.3). Raises Refused."""
    name, secret = _basic(request)
    if name is None:
        name, secret = fields.get("client_id", ""), fields.get("client_secret", "")
    elif "client_secret" in fields or fields.get("client_id", name) != name:
        raise Refused("invalid_request", "say in one way who you are")
    known = configured.application(name)
    kept = known.secret.get_secret_value() if known is not None else ""
    is_right = hmac.compare_digest(kept.encode(), secret.encode(errors="replace"))
    if known is not None and is_right:
        return Named(name, known)
    if not running.gate().allowed("client secret", address(request), WRONG):
        raise Refused("temporarily_unavailable", "too many wrong secrets: wait", 429)
    note("application.refused", request, on=name if known else "", result="refused")
    raise Refused("invalid_client", "no such application, or not its secret", 401)


def _basic(request: HttpRequest) -> tuple[str | None, str]:
    """Return the name and the secret of the header Authorization (RFC 6749, 2.3.1)."""
    text = credentials(request.META.get("HTTP_AUTHORIZATION", ""))
    if text is None:
        return None, ""
    name, _, secret = text.partition(":")
    return _plain(name), _plain(secret)


def credentials(header: str) -> str | None:
    """Return what HTTP Basic says (RFC 7617), "" where it cannot be read; None of other schemes."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(rest, validate=True).decode()
    except ValueError:
        return ""


def _plain(text: str) -> str:
    """Return what was meant, form-encoded as the standard says or, as many do, written as it is."""
    return unquote_plus(text) if "%" in text else text


def refusal(refused: Refused) -> HttpResponse:
    """Tell an application what was wrong (RFC 6749, 5.2)."""
    said = {"error": refused.error, "error_description": refused.why}
    response = answer(said, status=refused.status)
    if refused.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="applications"'
    if refused.status == 429:
        response.headers["Retry-After"] = "60"
    return response


def answer(said: Mapping[str, object], status: int = 200) -> HttpResponse:
    """Answer an application; nothing of it is kept on the way."""
    response = HttpResponse(json.dumps(said), content_type="application/json", status=status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    return response
