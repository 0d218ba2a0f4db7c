"""Runs one program and writes its wall time and peak memory to a file descriptor as JSON.

usage: timed_process.py DESCRIPTOR time|memory PROGRAM [ARGUMENT…]. Standard library only, and
little of it: this process has to stay small, see running.py.
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

_EVERY_S = 0.01


def main(descriptor: int, take: str, argv: list[str]) -> int:
    """Run the program with our own input and output; return its exit code."""
    os.set_inheritable(descriptor, False)
    began = time.monotonic()
    try:
        process = subprocess.Popen(argv)
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr)
        return 127
    peak_kb = 0
    if take == "memory":
        while process.poll() is None:
            peak_kb = max(peak_kb, _tree_kb(process.pid))
            time.sleep(_EVERY_S)
    code = process.wait()
    seconds = time.monotonic() - began
    largest_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    peak_mb = max(peak_kb, largest_kb) * 1024 / 1e6
    with os.fdopen(descriptor, "w") as file:
        json.dump({"seconds": seconds, "peak_mb": peak_mb}, file)
    return code if code >= 0 else 128 - code


def _tree_kb(pid: int) -> int:
    """The resident memory of a process and all its children; what they share counts once."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        own = sum(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
        threads = Path(f"/proc/{pid}/task").iterdir()
        children = " ".join((thread / "children").read_text() for thread in threads).split()
    except OSError:
        return 0  # it has ended meanwhile
    return own + sum(_tree_kb(int(child)) for child in children)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
