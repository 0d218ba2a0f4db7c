"""What a page's script asks before it sends a form: whether it must work first, or wait."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from holdfast.accounts.gate.middleware import down
from holdfast.accounts.gate.places import PLACES, typed, visit
from holdfast.accounts.gate.running import gate
from holdfast.gate.rules import Way
from holdfast.work.spent import StoreDown


@require_POST
def ask(request: HttpRequest, route: str) -> HttpResponse:
    """Answer `{"puzzle"}`, `{"wait"}` in seconds, or `{}` where the form may be sent.

    Whom it then does not let in, the page that follows tells of other ways.
    """
    place = PLACES.get(route)
    if place is None:
        raise Http404
    account = typed(request.POST.get("account", "")) if place.field else ""
    try:
        asked = gate().ask(visit(request, place, account))
    except StoreDown as error:
        return down(request, error)
    said: dict[str, object] = {}
    if asked.way is Way.WORK:
        said = {"puzzle": asked.puzzle}
    elif asked.way is Way.WAIT:
        said = {"wait": asked.wait_s}
    return JsonResponse(said)
