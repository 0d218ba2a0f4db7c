"""Placeholder until the passwords branch lands."""

from typing import Any


def assign(*a: Any) -> None:
    pass


def on_wait(f: Any) -> None:
    pass
