"""The widget that works for a form, where the gate stands in front of it."""

from __future__ import annotations

from django import template
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from holdfast.accounts.gate.places import FIELD, PLACES

register = template.Library()


@register.simple_tag(takes_context=True)
def gate(context: template.Context, action: str = "") -> SafeString:
    """Return the widget for the form that posts to `action`, or nothing."""
    request = context.get("request")
    match = request.resolver_match if isinstance(request, HttpRequest) else None
    place = PLACES.get(match.view_name) if match is not None else None
    if request is None or match is None or place is None or action not in ("", request.path):
        return SafeString("")
    return format_html(
        '<holdfast-work name="{}" src="{}" account-field="{}"></holdfast-work>'
        '<script type="module" src="{}"></script>',
        FIELD,
        reverse("gate", args=[match.view_name]),
        place.field,
        static("work/holdfast-work.js"),
    )
