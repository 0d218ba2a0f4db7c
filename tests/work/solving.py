"""An oracle of puzzles: written after their description, and slow."""

from __future__ import annotations

import hashlib
from itertools import count


def hashed(line: str, part: int, counter: int) -> int:
    """Return the number that a part's counter comes to (`sha256`)."""
    seed = hashlib.sha256(line.encode("ascii")).digest()
    told = seed + part.to_bytes(4, "big") + counter.to_bytes(4, "big")
    return int.from_bytes(hashlib.sha256(told).digest(), "big")


def reaches(line: str, part: int, counter: int) -> bool:
    return hashed(line, part, counter) < 2**256 // int(line.split(":")[3])


def counters(line: str) -> list[int]:
    """Return the first counter of each part."""
    parts = range(int(line.split(":")[2]))
    return [next(n for n in count(1) if reaches(line, part, n)) for part in parts]


def answer(line: str) -> str:
    """Solve a puzzle."""
    return f"{line}:{'.'.join(map(str, counters(line)))}"
