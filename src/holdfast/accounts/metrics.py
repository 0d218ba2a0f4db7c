"""Numbers for Prometheus, added up over the workers."""

from __future__ import annotations

import os

from django.http import Http404, HttpRequest, HttpResponse
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)

BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
REQUESTS = Counter("holdfast_requests_total", "requests", ("route", "method", "status"))
SECONDS = Histogram("holdfast_request_seconds", "time of a request", ("route",), buckets=BUCKETS)
HASH_WAIT = Histogram(
    "holdfast_hash_wait_seconds", "wait for a place to hash a password", buckets=BUCKETS
)
GATE = Counter("holdfast_gate_total", "attempts at the gate", ("action", "outcome"))
PAID = Counter("holdfast_gate_hashes_total", "hashes that attempts have paid", ("action",))
METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})


def request(route: str, method: str, status: int, seconds: float) -> None:
    """Count one request."""
    REQUESTS.labels(route, method if method in METHODS else "other", str(status)).inc()
    SECONDS.labels(route).observe(seconds)


def gate(action: str, outcome: str, paid: int) -> None:
    """Count one attempt at the gate, and the hashes it paid."""
    GATE.labels(action, outcome).inc()
    if paid:
        PAID.labels(action).inc(paid)


def metrics(request: HttpRequest) -> HttpResponse:
    """Serve them, to this machine itself only, and never through a proxy."""
    if request.META.get("REMOTE_ADDR") not in ("127.0.0.1", "::1") or any(
        name in request.META for name in ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED")
    ):
        raise Http404
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
