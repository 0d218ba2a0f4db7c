"""sqlmap, where it is installed: it knows more ways than ours, and takes longer.

It talks to a door on loopback that leads to the application and to nothing else, open to this
program's own child by a word in the address. The session lies in a private file, never in argv.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from holdfast.servers.applications.attack import AppAttacker
from holdfast.servers.applications.door import door
from holdfast.servers.applications.http import Request
from holdfast.servers.applications.people import Undecided
from holdfast.servers.attack import Verdict, repelled, succeeded

MOST_REQUESTS = 12
EACH_S = 120.0
OPTIONS = (
    "--batch", "--flush-session", "--disable-coloring", "--ignore-redirects",
    "--level", "2", "--risk", "1", "--technique", "BEUT", "--threads", "1",
    "--timeout", "10", "--retries", "0", "--time-sec", "2", "--ignore-code", "401,403,422",
)  # fmt: skip
FOUND = b"sqlmap identified the following injection point"
NONE = b"all tested parameters do not appear to be injectable"


async def sqlmap(attacker: AppAttacker, requests: Sequence[Request]) -> Verdict:
    """Try the query of each of these addresses. Raises Undecided where there is no sqlmap."""
    program = _program()
    asked = [request for request in requests if request.query][:MOST_REQUESTS]
    if not asked:
        raise Undecided("no address with a query was found: name some in trial.start")
    async with door(attacker.first) as address:
        for request in asked:
            output = await _run(program, address, request)
            if FOUND in output:
                return succeeded(f"sqlmap gets through at {request.method} {request.path}")
            if NONE not in output:
                raise Undecided(f"sqlmap came to no end at {request.path}: run it by hand")
    return repelled(f"sqlmap found no way at {len(asked)} addresses")


def _program() -> str:
    beside = Path(sys.executable).with_name("sqlmap")
    found = str(beside) if beside.exists() else shutil.which("sqlmap")
    if found is None:
        raise Undecided("sqlmap is not installed: pip install sqlmap")
    return found


async def _run(program: str, address: str, request: Request) -> bytes:
    with tempfile.TemporaryDirectory(prefix="holdfast-") as folder:
        settings = Path(folder) / "settings.ini"
        settings.touch(0o600)
        settings.write_text(f"[Target]\nurl = {address}{request.target}\n")
        process = await asyncio.create_subprocess_exec(
            program,
            "-c",
            str(settings),
            *OPTIONS,
            "--output-dir",
            folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={"PATH": "/usr/bin:/bin", "HOME": folder},
        )
        output = b""
        try:
            async with asyncio.timeout(EACH_S):
                output, _ = await process.communicate()
        except TimeoutError:
            pass
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        return output[:1_000_000]
