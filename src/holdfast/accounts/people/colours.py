"""The accent colour as a style sheet, so that contrast holds on light and on dark (WCAG 2.2)."""

from __future__ import annotations

import colorsys

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

CONTRAST = 4.5  # WCAG 2.2, 1.4.3: of text
STEPS = 100
LIGHT, DARK = (1.0, 1.0, 1.0), (0.09, 0.10, 0.12)
Colour = tuple[float, float, float]


def parsed(text: str) -> Colour:
    """Read `#rrggbb`."""
    red, green, blue = (int(text[n : n + 2], 16) / 255 for n in (1, 3, 5))
    return red, green, blue


def written(colour: Colour) -> str:
    """Write `#rrggbb`."""
    return "#" + "".join(f"{round(part * 255):02x}" for part in colour)


def luminance(colour: Colour) -> float:
    """The relative luminance that WCAG defines."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: Colour, other: Colour) -> float:
    """Between 1 and 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def readable_on(background: Colour, colour: Colour) -> Colour:
    """Return the colour, made as much darker or lighter as it takes to be read there."""
    hue, light, saturation = colorsys.rgb_to_hls(*colour)
    darker = luminance(background) > 0.5
    for step in range(STEPS + 1):
        share = step / STEPS
        now = light * (1 - share) if darker else light + (1 - light) * share
        tried = colorsys.hls_to_rgb(hue, now, saturation)
        if contrast(tried, background) >= CONTRAST:
            return tried
    return (0.0, 0.0, 0.0) if darker else (1.0, 1.0, 1.0)


def style_sheet(text: str) -> str:
    """Return the variables for an accent colour."""
    light = readable_on(LIGHT, parsed(text))
    dark = readable_on(DARK, parsed(text))
    return (
        f":root{{--accent:{written(light)};--on-accent:#ffffff}}\n"
        f"@media(prefers-color-scheme:dark){{:root{{--accent:{written(dark)};"
        f"--on-accent:{written(DARK)}}}}}\n"
    )


@require_safe
def colours(request: HttpRequest) -> HttpResponse:
    """Serve them, `for` an application where it has its own; they change with a start anew."""
    known = settings.HOLDFAST.applications.get(request.GET.get("for", ""))
    colour = (known.colour if known is not None else "") or settings.HOLDFAST.look.colour
    response = HttpResponse(style_sheet(colour), content_type="text/css")
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response
