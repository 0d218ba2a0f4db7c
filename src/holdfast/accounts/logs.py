"""Logs: one JSON object a line on stderr, without secrets.

A request is logged by the name of its route, never by its path: a path may hold a token.
"""

from __future__ import annotations

from typing import Any

from holdfast.accounts.configuration import Configuration

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def settings(configuration: Configuration) -> dict[str, Any]:
    """Return what Python's logging is told."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "fmt": FORMAT,
                "rename_fields": {"asctime": "at", "levelname": "level", "name": "logger"},
            }
        },
        "filters": {"no_request": {"()": "holdfast.accounts.logs.WithoutRequest"}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "json",
                "filters": ["no_request"],
            }
        },
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "django": {"level": "WARNING"},
            # what it says holds paths; the same requests are logged by our own middleware
            "django.request": {"level": "ERROR"},
            "django.security": {"level": "ERROR"},
            "gunicorn.access": {"level": "CRITICAL"},
        },
    }


class WithoutRequest:
    """Takes away what Django hangs on a record: the request, which holds forms and cookies."""

    def filter(self, record: Any) -> bool:
        for name in ("request", "server_name", "status_code"):
            record.__dict__.pop(name, None)
        if record.name == "django.request":
            record.msg, record.args = "a page failed", ()
        return True
