"""The pages and the API of the to-do list."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Form, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from pydantic import BaseModel
from sqlalchemy import Engine

from holdfast.guard import Guard, Person, Visitor
from holdfast.guard.starlette import mount, require, visitor
from todo.database import Todo
from todo.todos import ON_A_PAGE, SORTED, NoTitle, Todos

HERE = Path(__file__).parent
ROLE = "CREATE_TODO"
Somebody = Annotated[Person, Depends(require())]
Writer = Annotated[Person, Depends(require(ROLE))]
Anybody = Annotated[Visitor, Depends(visitor)]
Title = Annotated[str, Form()]
Sort = Annotated[str | None, Query(max_length=20)]
PageNumber = Annotated[int, Query(ge=0, le=100_000)]
Words = Annotated[str, Query(max_length=100)]
pages = Jinja2Templates(HERE / "templates")


class Said(BaseModel):
    """A todo that a program sends."""

    title: str


def application(engine: Engine, guard: Guard) -> FastAPI:
    """Return the application, with the guard in front."""
    app = FastAPI(title="To-do", docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    mount(app, guard)

    def of(person: Person) -> Todos:
        return Todos(engine, person)

    def shown(request: Request, who: Visitor, status: int = 200, **more: Any) -> HTMLResponse:
        sort = request.query_params.get("sort") or SORTED.usual
        work = guard.work_element("post")
        context = {"visitor": who, "sort": sort, "work": work, "role": ROLE, **more}
        return pages.TemplateResponse(request, "list.html", context, status_code=status)

    def listed(
        request: Request,
        who: Visitor,
        status: int = 200,
        sort: str | None = None,
        page: int = 0,
        words: str = "",
        **more: Any,
    ) -> HTMLResponse:
        if who.person is None:
            return pages.TemplateResponse(request, "welcome.html", {"visitor": who})
        todos = of(who.person)
        found = todos.listed(sort, page, words)
        pager = {"page": page, "is_last": len(found) < ON_A_PAGE, "words": words}
        return shown(request, who, status, todos=found, count=todos.count(), **pager, **more)

    @app.get("/")
    def home(
        request: Request, who: Anybody, sort: Sort = None, page: PageNumber = 0, words: Words = ""
    ) -> HTMLResponse:
        return listed(request, who, sort=sort, page=page, words=words)

    @app.post("/todos")
    def add(request: Request, who: Anybody, person: Writer, title: Title = "") -> Response:
        try:
            of(person).add(title)
        except NoTitle as error:
            return listed(request, who, 422, error=str(error), typed=title)
        return RedirectResponse("/", 303)

    @app.get("/todos/{number}")
    def edit(request: Request, who: Anybody, person: Somebody, number: int) -> HTMLResponse:
        context = {"visitor": who, "todo": there(of(person).one(number))}
        return pages.TemplateResponse(request, "edit.html", context)

    @app.post("/todos/{number}")
    def rename(
        request: Request, who: Anybody, person: Somebody, number: int, title: Title = ""
    ) -> Response:
        try:
            there(of(person).rename(number, title))
        except NoTitle as error:
            context = {
                "visitor": who,
                "todo": there(of(person).one(number)),
                "error": str(error),
                "typed": title,
            }
            return pages.TemplateResponse(request, "edit.html", context, status_code=422)
        return RedirectResponse("/", 303)

    @app.post("/todos/{number}/done")
    def tick(person: Somebody, number: int, done: Annotated[bool, Form()]) -> RedirectResponse:
        there(of(person).tick(number, done=done))
        return RedirectResponse("/", 303)

    @app.post("/todos/{number}/remove")
    def remove(person: Somebody, number: int) -> RedirectResponse:
        there(of(person).remove(number))
        return RedirectResponse("/", 303)

    @app.get("/api/todos")
    def api_list(person: Somebody, sort: Sort = None, page: PageNumber = 0) -> list[dict[str, Any]]:
        return [told(todo) for todo in of(person).listed(sort, page)]

    @app.post("/api/todos", status_code=201)
    def api_add(person: Writer, said: Said) -> dict[str, int]:
        try:
            return {"id": of(person).add(said.title)}
        except NoTitle as error:
            raise HTTPException(422, str(error)) from None

    @app.delete("/api/todos/{number}", status_code=204)
    def api_remove(person: Somebody, number: int) -> None:
        there(of(person).remove(number))

    return app


def there(found: Any) -> Any:
    """Return what was found; what is another's is not there."""
    if not found:
        raise HTTPException(404, "there is no such todo")
    return found


def told(todo: Todo) -> dict[str, Any]:
    """Return a todo as the API says it."""
    return {"id": todo.id, "title": todo.title, "done": todo.done, "made": todo.made.isoformat()}
