"""Holdfast as a person runs it: whole processes."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.running import Ran, run


def holdfast(
    site_file: Path, verb: str, *arguments: str, good: tuple[int, ...], memory: bool = False
) -> Ran:
    """Run one verb on a site. Raises BenchError when the exit code is not a `good` one."""
    program = Path(sys.executable).with_name("holdfast")
    argv = [str(program), verb, *arguments, "--site", str(site_file)]
    return run(argv, good=good, memory=memory)
