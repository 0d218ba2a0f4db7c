"""What the console is called and coloured, and what its menu leads to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

from holdfast.accounts.configuration import Look
from holdfast.accounts.people import colours

EVERYBODY = ("admin", "support", "auditor")
RUNNING = ("admin", "auditor")
ADMINS = ("admin",)
MENU = (
    ("Overview", "home", "console:index", EVERYBODY),
    ("People", "group", "console:people_person_changelist", EVERYBODY),
    ("Invite somebody", "person_add", "invite", ADMINS),
    ("Sessions", "devices", "console:usersessions_usersession_changelist", EVERYBODY),
    (
        "Registrations",
        "badge",
        "console:applications_registration_changelist",
        RUNNING,
    ),
    ("Groups", "groups", "console:applications_group_changelist", RUNNING),
    ("Gate", "gate", "console:gate", RUNNING),
    ("Trail", "receipt_long", "console:trail_trailentry_changelist", RUNNING),
    ("Connections", "hub", "console:connections_connection_changelist", RUNNING),
    ("Keys", "key", "console:api_apikey_changelist", RUNNING),
    ("Webhooks", "webhook", "console:webhooks_webhook_changelist", RUNNING),
    ("Deliveries", "outbox", "console:webhooks_delivery_changelist", RUNNING),
    ("API", "data_object", "api:openapi-view", RUNNING),
)
"""What is shown, its symbol, its route, and which roles see it."""
TINTS = {"50": 0.95, "100": 0.9, "200": 0.78, "300": 0.6, "400": 0.35, "500": 0.0}
SHADES = {"600": 0.0, "700": 0.15, "800": 0.3, "900": 0.45, "950": 0.65}
WHITE, BLACK = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
NIGHT = (0.16, 0.18, 0.24)
"""The lightest that unfold's dark pages put below words."""


def unfold(look: Look) -> dict[str, Any]:
    """Return the settings of unfold."""
    return {
        "SITE_TITLE": look.name,
        "SITE_HEADER": look.name,
        "SITE_SYMBOL": "shield_person",
        "SITE_URL": None,
        "SHOW_HISTORY": False,
        "SHOW_VIEW_ON_SITE": False,
        "DASHBOARD_CALLBACK": "holdfast.accounts.console.dashboard.dashboard",
        "STYLES": [lambda request: static("holdfast/console.css")],
        "COLORS": {"primary": _palette(look.colour)},
        "SIDEBAR": {
            "navigation": [
                {
                    "items": [
                        {
                            "title": title,
                            "icon": icon,
                            "link": reverse_lazy(route),
                            "permission": _seen_by(roles),
                        }
                        for title, icon, route, roles in MENU
                    ]
                }
            ]
        },
    }


def _seen_by(roles: tuple[str, ...]) -> Callable[[HttpRequest], bool]:
    return lambda request: getattr(request.user, "role", "") in roles


def _palette(text: str) -> dict[str, str]:
    """Return the accent colour from light to dark; unfold writes in 600 by day, in 500 by night."""
    accent = colours.parsed(text)
    day, night = colours.readable_on(WHITE, accent), colours.readable_on(NIGHT, accent)
    tints = {name: _mixed(night, WHITE, share) for name, share in TINTS.items()}
    return tints | {name: _mixed(day, BLACK, share) for name, share in SHADES.items()}


def _mixed(colour: colours.Colour, other: colours.Colour, share: float) -> str:
    red, green, blue = (
        one * (1 - share) + of * share for one, of in zip(colour, other, strict=True)
    )
    return colours.written((red, green, blue))
