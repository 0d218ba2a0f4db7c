"""Every route of the service, found by walking its table of them."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        else:
            yield path
