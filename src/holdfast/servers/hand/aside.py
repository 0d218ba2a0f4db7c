"""Trying something out beside the host: in a child that has a private copy of its configuration.

The child lives in a mount namespace of its own, in which overlays cover /etc and PAM's own state:
whatever is written there, the host never sees it, and it is gone with the child.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import time
from typing import Any, Callable, Dict

from .failed import Failed
from .places import must

# What PAM and pam-auth-update write to; failed logins are counted in one of the last three.
COVERED = (
    *("/etc", "/var/lib/pam", "/var/cache/debconf"),
    *("/run/faillock", "/var/lib/faillock", "/var/log/faillock"),
)
SCRATCH = "/tmp"  # noqa: S108 - covered by a file system in memory; only this child sees it
NEW_MOUNTS = 0x00020000  # CLONE_NEWNS of unshare(2)
LARGEST_ANSWER = 1024 * 1024

Answer = Dict[str, Any]


def aside(work: Callable[[], Answer], within_s: float = 120) -> Answer:
    """Run `work` in such a child and return what it returns, which must be plain data.

    Raises Failed with the child's own failure, or where it did not end in time.
    """
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reads)
            os.setsid()  # so that what it has started can be ended with it
            _answer(writes, work)
        finally:
            os._exit(0)  # whatever happened: it must not go on as its parent would
    os.close(writes)
    try:
        text = _read(reads, time.monotonic() + within_s)
    finally:
        os.close(reads)
        _end(child)
    try:
        answer: Answer = json.loads(text)
    except ValueError:
        raise Failed("trying it out beside the host was cut short", "slow") from None
    if "failed" in answer:
        raise Failed(str(answer["failed"]), str(answer["kind"]))
    done: Answer = answer["done"]
    return done


def _answer(handle: int, work: Callable[[], Answer]) -> None:
    try:
        _cover()
        text = json.dumps({"done": work()})
    except Failed as failed:
        text = json.dumps({"failed": str(failed), "kind": failed.kind})
    except BaseException as error:
        said = f"{type(error).__name__}: {error}"[:500]
        text = json.dumps({"failed": said, "kind": "defect"})
    with os.fdopen(handle, "wb") as stream:
        stream.write(text.encode())


def _cover() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEW_MOUNTS) != 0:
        raise Failed(f"no private mounts: {os.strerror(ctypes.get_errno())}", "failed")
    must(["mount", "--make-rprivate", "/"])
    must(["mount", "-t", "tmpfs", "-o", "mode=0700,size=16m", "tmpfs", SCRATCH])
    for number, path in enumerate(COVERED):
        if not os.path.isdir(path):
            continue
        upper, work = f"{SCRATCH}/upper-{number}", f"{SCRATCH}/work-{number}"
        os.mkdir(upper, 0o755)
        os.mkdir(work, 0o700)
        layers = f"lowerdir={path},upperdir={upper},workdir={work}"
        must(["mount", "-t", "overlay", "-o", layers, "overlay", path])


def _read(handle: int, deadline: float) -> bytes:
    text = b""
    while len(text) <= LARGEST_ANSWER:
        left = deadline - time.monotonic()
        ready = select.select([handle], [], [], max(0.0, left))[0] if left > 0 else []
        chunk = os.read(handle, 65536) if ready else b""
        if not chunk:
            break
        text += chunk
    return text


def _end(child: int) -> None:
    """End the child with all that it has started, also where it ended by itself."""
    try:
        os.killpg(child, signal.SIGKILL)  # its number is its own until it is waited for
    except ProcessLookupError:  # it had no time to begin a group of its own
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
