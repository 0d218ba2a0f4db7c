"""What every page knows: the service's name, its colour, whether there is an outbox, and for which
application somebody is here.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from holdfast.accounts.applications import authorize


def look(request: HttpRequest) -> dict[str, object]:
    """Return the context that every template has."""
    chosen = settings.HOLDFAST
    following = request.GET.get("next") or request.POST.get("next") or request.get_full_path()
    led = authorize.led_from(following)
    return {
        "service_name": chosen.look.name,
        "outbox": chosen.local and not chosen.mail.get_secret_value(),
        "sign_up_mode": chosen.sign_up.mode,
        "led_to": led.name if led is not None else "",
        "dressed_as": led.id if led is not None and led.known.colour else "",
    }
