"""What a list may be sorted by: names from an enumeration, never text of the request in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Generic, TypeVar

from holdfast.guard.answers import Refusal

Column = TypeVar("Column")


@dataclass(frozen=True)
class Sorting(Generic[Column]):
    """The names that a visitor may sort by, and the column that each stands for."""

    columns: Mapping[str, Column]
    usual: str

    def __post_init__(self) -> None:
        if self.usual.removeprefix("-") not in self.columns:
            raise ValueError(f"usual: {self.usual} is none of the columns")

    def chosen(self, asked: str | None) -> tuple[Column, bool]:
        """Return the column for "name" or "-name", and whether it is sorted downwards.

        Raises Refusal for a name that is not in the list.
        """
        text = asked or self.usual
        name = text.removeprefix("-")
        if name not in self.columns:
            raise Refusal(HTTPStatus.BAD_REQUEST, "no-such-column")
        return self.columns[name], text.startswith("-")
