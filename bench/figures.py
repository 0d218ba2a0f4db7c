"""What a benchmark yields: figures, their goals, and the file and table they end in."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import Any

from bench.machine import machine

RESULTS = Path(__file__).parent / "results"
FEWEST_RUNS = 5
SIGNIFICANT = 4  # digits kept of a figure


class Better(StrEnum):
    """Which way a figure is good: seconds are better lower, operations per second higher."""

    LOWER = "lower"
    HIGHER = "higher"


@dataclass(frozen=True)
class Peer:
    """What stands beside ours: its name with version, and its runs in the figure's unit."""

    name: str
    runs: tuple[float, ...]


@dataclass(frozen=True)
class Figure:
    """One figure: our runs, the peer's if there is one, and what was asked of it.

    `limit` is what ours must stay below or, where higher is better, must reach, in the figure's
    unit; `goal` how many times better than the peer it has to be. Either may be absent; a figure
    without both has nothing to miss.
    """

    name: str
    unit: str
    runs: tuple[float, ...]
    peer: Peer | None = None
    limit: float | None = None
    goal: float | None = None
    better: Better = Better.LOWER

    def __post_init__(self) -> None:
        for runs in (self.runs, self.peer.runs if self.peer else self.runs):
            if len(runs) < FEWEST_RUNS:
                raise ValueError(f"{self.name}: {len(runs)} runs, but {FEWEST_RUNS} are the fewest")
            if not all(math.isfinite(run) and run > 0 for run in runs):
                raise ValueError(f"{self.name}: a run is not a positive number: {runs}")
        if self.goal is not None and self.peer is None:
            raise ValueError(f"{self.name}: a goal beside a peer needs a peer")

    @property
    def ours(self) -> float:
        return median(self.runs)

    @property
    def ratio(self) -> float | None:
        """How many times better ours is than the peer's; None without a peer."""
        if self.peer is None:
            return None
        theirs = median(self.peer.runs)
        return theirs / self.ours if self.better is Better.LOWER else self.ours / theirs

    @property
    def met(self) -> bool:
        """Whether everything that was asked is reached, by the medians as they were measured."""
        if self.limit is not None:
            within = self.ours < self.limit
            if self.better is Better.HIGHER:
                within = self.ours >= self.limit
            if not within:
                return False
        return self.goal is None or (self.ratio is not None and self.ratio >= self.goal)

    def data(self, at: datetime) -> dict[str, Any]:
        """The figure in the shape of the results file."""
        return {
            "figure": self.name,
            "unit": self.unit,
            "ours": _rounded(self.ours),
            "peer": _rounded(median(self.peer.runs)) if self.peer else None,
            "peer_name": self.peer.name if self.peer else None,
            "ratio": _rounded(self.ratio),
            "limit": self.limit,
            "goal": self.goal,
            "met": self.met,
            "runs": len(self.runs),
            "machine": machine(),
            "at": at.isoformat(timespec="seconds"),
        }


def write(path: Path, figures: Sequence[Figure]) -> Path:
    """Write the results file in one rename and return its path."""
    at = datetime.now(UTC)
    path.parent.mkdir(exist_ok=True)
    draft = path.with_suffix(".draft")
    text = json.dumps([figure.data(at) for figure in figures], indent=2, ensure_ascii=False)
    draft.write_text(text + "\n", encoding="utf-8")
    return draft.replace(path)


def table(figures: Sequence[Figure]) -> str:
    """The figures as lines of aligned columns."""
    rows = [("figure", "unit", "ours", "peer", "times better", "wanted", "met")]
    for figure in figures:
        peer = "-" if figure.peer is None else _spelled(median(figure.peer.runs))
        named = peer if figure.peer is None else f"{peer} ({figure.peer.name})"
        times = _spelled(figure.ratio)
        row = (figure.name, figure.unit, _spelled(figure.ours), named, times, _wanted(figure))
        rows.append((*row, "yes" if figure.met else "MISSED"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _wanted(figure: Figure) -> str:
    sign = "<" if figure.better is Better.LOWER else "≥"
    limit = [] if figure.limit is None else [f"{sign} {_spelled(figure.limit)}"]
    goal = [] if figure.goal is None else [f"≥ {_spelled(figure.goal)}×"]
    return ", ".join([*limit, *goal]) or "-"


def _spelled(value: float | None) -> str:
    rounded = _rounded(value)
    return "-" if rounded is None else f"{rounded:g}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{SIGNIFICANT}g}")
