"""Whatever an agent tries and may not is in the trail, whichever part of the service refused it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from holdfast.accounts.console.site import role_of, route_of
from holdfast.accounts.people.models import Role
from holdfast.accounts.trail import events

WATCHED = ("/console/", "/api/", "/invite/", "/outbox/")
"""Where somebody could do what an agent may not."""
Handler = Callable[[HttpRequest], HttpResponse]


class Refusals:
    """Records what the support desk was refused."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code < 400 or not request.path_info.startswith(WATCHED):
            return response
        if role_of(request) == Role.SUPPORT:
            match = route_of(request)
            told = {
                "route": (match.view_name if match is not None else "") or "none",
                "method": str(request.method)[:10],
                "status": str(response.status_code),
            }
            on = _person(match.kwargs if match is not None else {})
            events.note("support.refused", request, on=on, result="refused", details=told)
        return response


def _person(given: dict[str, object]) -> str:
    """Return whose id stands in a path; what is none is not kept."""
    for value in (given.get("object_id"), given.get("person_id")):
        try:
            return str(UUID(str(value)))
        except ValueError:
            continue
    return ""
