"""What templates need of a form's field."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django import template
from django.forms import BoundField
from django.utils.safestring import SafeString

from holdfast.accounts.applications import configured

register = template.Library()

# In this order: most browsers also name those that they want to be taken for.
BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome"))
SYSTEMS = (
    *(("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad")),
    *(("Mac OS X", "macOS"), ("Linux", "Linux")),
)
SHOWN = 60


@register.filter
def browser(agent: str) -> str:
    """Return what a person calls the browser that calls itself this."""
    name = next((called for mark, called in BROWSERS if mark in agent), "")
    name = name or ("Safari" if "Safari" in agent else "")
    system = next((called for mark, called in SYSTEMS if mark in agent), "")
    known = ", ".join(word for word in (name, system) if word)
    return known or agent[:SHOWN] or "?"


@register.filter
def device(session: UserSession) -> str:
    """Return where somebody is signed in: the application whose own form it was, or a browser."""
    client_id = str(session.data.get("application", ""))
    known = configured.application(client_id)
    return (known.name if known is not None else "") or client_id or browser(session.user_agent)


@register.filter
def described(field: BoundField) -> SafeString:
    """Return the field's widget, with what describes it for a screen reader."""
    identifier = field.id_for_label
    about = [f"{identifier}_help"] if field.help_text else []
    attributes = dict(field.field.widget.attrs)
    attributes.pop("placeholder", None)
    if field.errors:
        about.append(f"{identifier}_error")
        attributes["aria-invalid"] = "true"
    if about:
        attributes["aria-describedby"] = " ".join(about)
    field.field.widget.attrs = {
        name: value for name, value in field.field.widget.attrs.items() if name != "placeholder"
    }
    return field.as_widget(attrs=attributes)
