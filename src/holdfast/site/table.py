"""What every table of the site file has in common: closed, frozen, strict, and named by its key."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sized
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    SerializerFunctionWrapHandler,
    WrapSerializer,
)

from holdfast.site.errors import Refused, closest, shown

NAME = "\0name"
"""The key, an alias in each named table, under which a table is told its own name.

No TOML file that loads can hold it.
"""

Key = TypeVar("Key")
Value = TypeVar("Value")
Item = TypeVar("Item", bound=Hashable)


class Table(BaseModel):
    """A table of the site file."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        validate_default=True,
        hide_input_in_errors=True,
    )


def text_to(parse: Callable[[str], Value]) -> Callable[[object], Value]:
    """A validator that takes text only and turns it into a value by `parse`."""

    def validate(value: object) -> Value:
        if not isinstance(value, str):
            raise Refused("must be text", "write it in quotes")
        return parse(value)

    return validate


def word_of(kind: type[StrEnum], what: str) -> BeforeValidator:
    """A validator that takes one of the enumeration's words."""

    def parse(word: str) -> StrEnum:
        words = [str(member) for member in kind]
        if word in words:
            return kind(word)
        known = f"write one of {', '.join(words)}"
        raise Refused(f"{shown(word)} is not {what}", closest(word, words, otherwise=known))

    return BeforeValidator(text_to(parse))


def distinct(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Refuses a list in which something stands twice."""
    if len(set(items)) != len(items):
        raise Refused("something stands in the list twice", "remove one")
    return items


def some(items: Sized) -> Sized:
    """Refuses an empty list or table."""
    if not items:
        raise Refused("must not be empty")
    return items


def one_or_more(value: object) -> object:
    """Lets a single text stand for a list of one."""
    return (value,) if isinstance(value, str) else value


def _with_names(tables: object) -> object:
    if not isinstance(tables, Mapping):
        return tables
    return {
        key: {**table, NAME: key} if isinstance(table, Mapping) else table
        for key, table in tables.items()
    }


def _frozen(mapping: Mapping[Key, Value]) -> Mapping[Key, Value]:
    return MappingProxyType(dict(mapping))


def _dumped(mapping: Mapping[Any, Any], handler: SerializerFunctionWrapHandler) -> object:
    return handler(dict(mapping))


Frozen = Annotated[
    Mapping[Key, Value],
    AfterValidator(_frozen),
    WrapSerializer(_dumped),
]
"""A mapping that cannot be changed."""

Named = Annotated[
    Mapping[str, Value],
    BeforeValidator(_with_names),
    AfterValidator(_frozen),
    WrapSerializer(_dumped),
]
"""A table of tables, each of which knows its own key as its name."""
