"""How an operation of the hand says that it could not do what was asked."""

from __future__ import annotations


class Failed(Exception):
    """One line for a person, and a `kind` that the controller can act upon."""

    def __init__(self, message: str, kind: str = "failed") -> None:
        super().__init__(message)
        self.kind = kind
