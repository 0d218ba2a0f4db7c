"""Which application asks for whom, and what it says: known once `admission` has let it in."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest

APPLICATION, VISITOR, SENT = "HOLDFAST_APPLICATION", "HOLDFAST_VISITOR", "HOLDFAST_SENT"
DEVICE_HEADER = "Holdfast-Device"
"""What a browser keeps in a cookie of the pages, an application keeps for its visitor."""


def application(request: HttpRequest) -> str:
    """Return the client id of the application that asks, or "" where a browser does."""
    return str(request.META.get(APPLICATION, ""))


def visitor(request: HttpRequest) -> str:
    """Return the address of the person for whom an application asks, or ""."""
    return str(request.META.get(VISITOR, ""))


def sent(request: HttpRequest) -> Mapping[str, str]:
    """Return what was typed: the fields of an application's JSON, or those of a page's form."""
    fields: Mapping[str, str] = request.META.get(SENT) or {}
    return fields if application(request) else request.POST.dict()


def login(fields: Mapping[str, str]) -> str:
    """Return what somebody signs in with: an address or a user name, in either field."""
    return fields.get("email") or fields.get("username", "")
