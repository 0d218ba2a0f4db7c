"""Logs: one JSON object a line on stderr, without secrets.

A request is logged by the name of its route, never by its path: a path may hold a token.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from holdfast.accounts.configuration import Configuration

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message"}
"""What a record has by itself; whatever else hangs on it was given to be logged."""


def settings(configuration: Configuration) -> dict[str, Any]:
    """Return what Python's logging is told."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "holdfast.accounts.logs.Line"}},
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


class Line(logging.Formatter):
    """A record as one object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "at": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in _OWN},
        }
        if record.exc_info:
            said["exc_info"] = self.formatException(record.exc_info)
        return json.dumps(said, default=str)


class WithoutRequest:
    """Takes away what Django hangs on a record: the request, which holds forms and cookies."""

    def filter(self, record: Any) -> bool:
        for name in ("request", "server_name", "status_code"):
            record.__dict__.pop(name, None)
        if record.name == "django.request":
            record.msg, record.args = "a page failed", ()
        return True
