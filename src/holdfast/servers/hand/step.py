"""What a step is: one change of one resource that can be seen, done and restored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Callable, Dict

Record = Dict[str, Any]


class Step(ABC):
    """One change of a transaction; `wire` is what the controller sent."""

    guarded = True  # whether its resource must still be as the plan saw it

    def __init__(self, wire: Record) -> None:
        self.wire = wire

    @abstractmethod
    def look(self) -> Record:
        """Return the resource's state and what it takes to come back to it."""

    @abstractmethod
    def do(self, say: Callable[[str], None]) -> None:
        """Make the change; `say` tells what takes long. Raises Failed, OSError."""

    @abstractmethod
    def restore(self, seen: Record) -> None:
        """Bring back what `look` returned. Raises Failed, OSError."""

    def as_expected(self, held: str, expected: str) -> bool:
        """Whether the resource is as the plan, or the undo, takes it to be."""
        return held == expected

    def stands_for(self, now: str, seen: Record) -> bool:
        """Whether this state is as good as what was seen, so that nothing need be restored."""
        return now == str(seen["state"])
