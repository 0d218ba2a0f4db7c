"""The guard in an application of Starlette or FastAPI.

app = FastAPI()
mount(app, guard)

@app.post("/notes")
def add(person: Annotated[Person, Depends(require(role="WRITER"))]) -> …:
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import HTTPConnection

from holdfast.guard.asgi import KEY, GuardedAsgi
from holdfast.guard.guard import Guard
from holdfast.guard.sessions import Person
from holdfast.guard.visitor import Visitor, required, visitor_in


def mount(app: Starlette, guard: Guard) -> None:
    """Put the guard in front of an application, after everything else was added to it.

    What is added last stands outermost there, and what is outside the guard is not guarded.
    """
    app.add_middleware(GuardedAsgi, guard=guard)


def visitor(connection: HTTPConnection) -> Visitor:
    """Return who makes a request; as a dependency of FastAPI: `Depends(visitor)`."""
    return visitor_in(connection.scope, KEY)


def require(role: str = "") -> Callable[[HTTPConnection], Person]:
    """Return a dependency: who is signed in and, where one is named, has the role."""

    def person(connection: HTTPConnection) -> Person:
        return required(visitor(connection), role)

    return person
