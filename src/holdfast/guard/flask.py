"""The guard in an application of Flask.

app = Flask(__name__)
mount(app, guard)

@app.post("/notes")
@require(role="WRITER")
def add() -> …:
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import flask
from werkzeug.exceptions import HTTPException

from holdfast.guard.guard import Guard
from holdfast.guard.visitor import Visitor, required, visitor_in
from holdfast.guard.wsgi import KEY, GuardedWsgi

P = ParamSpec("P")
R = TypeVar("R")


def mount(app: flask.Flask, guard: Guard) -> None:
    """Put the guard in front of an application, and have it see the application's errors."""
    app.wsgi_app = GuardedWsgi(app.wsgi_app, guard)  # type: ignore[method-assign, assignment]
    app.register_error_handler(Exception, _raised)


def visitor() -> Visitor:
    """Return who makes the request at hand."""
    return visitor_in(flask.request.environ, KEY)


def require(role: str = "") -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator for views that only who is signed in, and has the role, gets to."""

    def demanding(view: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            required(visitor(), role)
            return cast(R, flask.current_app.ensure_sync(view)(*args, **kwargs))

        return guarded

    return demanding


def _raised(error: Exception) -> HTTPException | tuple[str, int]:
    """Pages for what HTTP calls an error stay Flask's; everything else is the guard's to answer."""
    if isinstance(error, HTTPException):
        return error
    visitor().raised = error
    return "", 500
