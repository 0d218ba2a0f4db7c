"""Whether the service lives, and whether it can work."""

from __future__ import annotations

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

PROBE = "holdfast-ready"


def healthz(request: HttpRequest) -> JsonResponse:
    """Answer: this process serves requests. Nothing else is asked."""
    return JsonResponse({"alive": True})


def readyz(request: HttpRequest) -> JsonResponse:
    """Answer whether database and cache do; 503 where one does not."""
    parts = {"database": _database(), "cache": _cache()}
    ready = all(parts.values())
    return JsonResponse({"ready": ready, **parts}, status=200 if ready else 503)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM people_person LIMIT 1")
    except DatabaseError:
        return False
    return True


def _cache() -> bool:
    try:
        cache.set(PROBE, 1, 10)
        return bool(cache.get(PROBE) == 1)
    except Exception:  # each kind of cache has errors of its own
        return False
