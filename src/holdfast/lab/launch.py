"""Starts a program by itself: `launch.py LOG GROUP… -- PROGRAM ARG…`.

Runs by itself, standard library only. The program gets its own session, joins its control groups
before it exists, so whoever knows the groups can end all of it, and writes to LOG. Its process
id is printed.
"""

import os
import sys
from pathlib import Path


def main(words: list[str]) -> None:
    """Fork, and become the program in the child."""
    divider = words.index("--")
    log, groups, program = words[0], words[1:divider], words[divider + 1 :]
    child = os.fork()
    if child:
        print(child, flush=True)
        return
    os.setsid()
    for group in groups:
        Path(group, "cgroup.procs").write_text("0")
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # a server holds none of its starter's locks
    os.execvp(program[0], program)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
