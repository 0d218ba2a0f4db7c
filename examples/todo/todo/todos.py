"""What somebody does with their own todos. Each question names its owner: there is no other way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Select, func, select, update
from sqlalchemy import delete as deleting
from sqlalchemy.orm import Session

from holdfast.guard import Person, Sorting
from todo.database import LONGEST_TITLE, Todo

SORTED = Sorting[Any]({"title": Todo.title, "made": Todo.made, "done": Todo.done}, usual="-made")
ON_A_PAGE = 50


class NoTitle(ValueError):
    """A title that cannot be kept; the message is for the person who typed it."""


@dataclass(frozen=True)
class Todos:
    """The todos of one person."""

    engine: Engine
    owner: Person

    def listed(self, sort: str | None, page: int, words: str = "") -> Sequence[Todo]:
        """Return a page of them, those with some words in their title. Raises Refusal."""
        column, downwards = SORTED.chosen(sort)
        wanted = self._own().where(Todo.title.contains(words, autoescape=True))
        order = (column.desc() if downwards else column.asc(), Todo.id.desc())
        with Session(self.engine) as session:
            wanted = wanted.order_by(*order).offset(page * ON_A_PAGE).limit(ON_A_PAGE)
            return session.scalars(wanted).all()

    def count(self) -> int:
        """Return how many there are."""
        with Session(self.engine) as session:
            return session.scalar(select(func.count()).select_from(self._own().subquery())) or 0

    def one(self, number: int) -> Todo | None:
        """Return one of theirs."""
        with Session(self.engine) as session:
            return session.scalars(self._own().where(Todo.id == number)).first()

    def add(self, title: str) -> int:
        """Keep a new one; return its number. Raises NoTitle."""
        with Session(self.engine) as session, session.begin():
            todo = Todo(owner=self.owner.sub, title=kept(title))
            session.add(todo)
            session.flush()
            return todo.id

    def rename(self, number: int, title: str) -> bool:
        """Call one otherwise; return whether there is such a one of theirs. Raises NoTitle."""
        return self._change(number, title=kept(title))

    def tick(self, number: int, *, done: bool) -> bool:
        """Say that one is done, or is not; return whether there is such a one of theirs."""
        return self._change(number, done=done)

    def remove(self, number: int) -> bool:
        """Forget one; return whether there was such a one of theirs."""
        with Session(self.engine) as session, session.begin():
            mine = deleting(Todo).where(Todo.owner == self.owner.sub, Todo.id == number)
            return bool(session.execute(mine).rowcount)  # type: ignore[attr-defined]

    def _own(self) -> Select[Any]:
        return select(Todo).where(Todo.owner == self.owner.sub)

    def _change(self, number: int, **values: object) -> bool:
        if self.one(number) is None:
            return False
        with Session(self.engine) as session, session.begin():
            mine = update(Todo).where(Todo.owner == self.owner.sub, Todo.id == number)
            session.execute(mine.values(**values))
        return True


def kept(title: str) -> str:
    """Return a title as it is kept. Raises NoTitle."""
    title = " ".join(title.split())
    if not title:
        raise NoTitle("Write what is to be done.")
    if len(title) > LONGEST_TITLE:
        raise NoTitle(f"That is too long: {len(title)} characters, and {LONGEST_TITLE} are kept.")
    return title
