"""Who may use the headless API: an application's server that shows its secret, never a browser."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import secrets
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from holdfast.accounts.applications import configured
from holdfast.accounts.applications.clients import credentials
from holdfast.accounts.headless import asking, bodies
from holdfast.accounts.headless.answers import refusal

PREFIX = "_allauth/"
NOBODYS_SECRET = secrets.token_urlsafe(32)
LONGEST_ADDRESS = 45


class Admission:
    """Takes cookies away, of what is asked and of what is answered; lets in who shows a secret.

    It stands in front of all that begins with the prefix, whichever view that leads to.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not _is_here(request):
            return self.get_response(request)
        request.META.pop("HTTP_COOKIE", None)
        request.COOKIES = {}
        response = self.get_response(request)
        response.cookies.clear()
        return response

    def process_view(
        self, request: HttpRequest, view: Any, arguments: Any, given: Any
    ) -> HttpResponse | None:
        return _admitted(request) if _is_here(request) else None


def _is_here(request: HttpRequest) -> bool:
    return request.path_info.startswith(f"/{PREFIX}")


def _admitted(request: HttpRequest) -> HttpResponse | None:
    """Note who asks, for whom, and what they say; or return why they may not."""
    name = _application(request.headers.get("Authorization", ""))
    if not name:
        answer = refusal(401, "invalid_client", "Send client id and secret by HTTP Basic.")
        answer.headers["WWW-Authenticate"] = 'Basic realm="applications", charset="UTF-8"'
        return answer
    visitor = _address(request.headers.get("Holdfast-Visitor", ""))
    if not visitor:
        return refusal(400, "visitor", "Say your visitor's IP address in Holdfast-Visitor.")
    if request.body and request.content_type != "application/json":
        return refusal(415, "content_type", "Send application/json.")
    try:
        fields = bodies.fields(request.body)
    except bodies.Malformed as error:
        return refusal(400, "malformed", str(error))
    # What the gate has read and what a view will read are the same.
    request._body = json.dumps(fields).encode() if fields else b""
    request.META[asking.APPLICATION] = name
    request.META[asking.VISITOR] = visitor
    request.META[asking.SENT] = fields
    return None


def _application(authorization: str) -> str:
    """Return which application shows its secret, or "": in the same time, whatever is wrong."""
    name, secret = _basic(authorization)
    known = configured.application(name)
    may = known is not None and known.own_form
    kept = known.secret.get_secret_value() if known is not None and may else NOBODYS_SECRET
    digests = [hashlib.sha256(one.encode()).digest() for one in (secret, kept)]
    return name if hmac.compare_digest(*digests) and may else ""


def _basic(authorization: str) -> tuple[str, str]:
    """Return name and password of HTTP Basic (RFC 7617), both empty where it is none."""
    text = credentials(" ".join(authorization.split())) or ""
    name, colon, secret = text.partition(":")
    return (name, secret) if colon else ("", "")


def _address(text: str) -> str:
    """Return an address in the one form in which it is written, or "" for what is none."""
    try:
        found = ipaddress.ip_address(text.strip()[: LONGEST_ADDRESS + 1])
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        if found.scope_id is not None:
            return ""
        found = found.ipv4_mapped or found
    return str(found)
