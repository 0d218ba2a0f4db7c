"""Which files of a tree are looked at: regular ones of it, no links, nothing huge."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from holdfast.scan.finding import ScanError

MOST_FILES = 200_000
MOST_BYTES = 2_000_000
LEFT_OUT = frozenset(
    {".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".hypothesis"}
    | {".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache"}
)
"""Folders of tools, and of packages that other people keep."""


@dataclass(frozen=True)
class File:
    """A file: where it is, and how it is called in the tree."""

    path: Path
    name: str
    mode: int
    size: int

    @property
    def is_large(self) -> bool:
        return self.size > MOST_BYTES


def files(folder: Path) -> Iterator[File]:
    """Yield the files of a tree in the order of their names. Raises ScanError."""
    if not folder.is_dir():
        raise ScanError(f"{folder}: there is no such folder")
    left = MOST_FILES
    for here, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
        for name in sorted(names):
            path = Path(here) / name
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                continue
            left -= 1
            if left < 0:
                raise ScanError(f"{folder}: more than {MOST_FILES} files: scan a folder of it")
            known = path.relative_to(folder).as_posix()
            yield File(path, known, stat.S_IMODE(status.st_mode), status.st_size)
