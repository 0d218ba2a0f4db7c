"""What every page knows: the service's name, its colour, and whether there is an outbox."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def look(request: HttpRequest) -> dict[str, object]:
    """Return the context that every template has."""
    chosen = settings.HOLDFAST
    return {
        "service_name": chosen.look.name,
        "service_colour": chosen.look.colour,
        "outbox": chosen.local and not chosen.mail.get_secret_value(),
        "sign_up_mode": chosen.sign_up.mode,
    }
