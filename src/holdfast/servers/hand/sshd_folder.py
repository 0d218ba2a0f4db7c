"""The folder that sshd wants to see, for questions to an sshd that has never been started.

systemd makes it when sshd starts. Where a socket starts sshd and nobody has connected yet, there
is none, and `sshd -T` and `sshd -t` refuse. Asking changes nothing on the host, so the folder is
made in a mount namespace of the question's own, on a layer over /run that ends with it.
"""

from __future__ import annotations

import ctypes
import os
from typing import Callable, Optional

FOLDER = "/run/sshd"
_LAYERS = "/media"  # holds the layer, in the namespace alone; nothing that sshd reads lies there

_CLONE_NEWNS, _MS_REC, _MS_PRIVATE = 0x20000, 0x4000, 0x40000


def preparation() -> Optional[Callable[[], None]]:
    """Return what a process does before it runs sshd, None where nothing is missing."""
    return None if os.path.isdir(FOLDER) else _make_apart


def _make_apart() -> None:
    """Raises OSError, for one where the kernel has no overlays."""
    libc = ctypes.CDLL(None, use_errno=True)
    _succeeded(libc.unshare(_CLONE_NEWNS))
    _succeeded(libc.mount(b"none", b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None))
    _mount(libc, "tmpfs", _LAYERS, "mode=0700,size=64k")
    upper, work = f"{_LAYERS}/upper", f"{_LAYERS}/work"
    os.mkdir(upper, 0o755)
    os.mkdir(work)
    _mount(libc, "overlay", "/run", f"lowerdir=/run,upperdir={upper},workdir={work}")
    os.mkdir(FOLDER, 0o755)


def _mount(libc: ctypes.CDLL, kind: str, target: str, options: str) -> None:
    name = kind.encode()
    _succeeded(libc.mount(name, target.encode(), name, ctypes.c_ulong(0), options.encode()))


def _succeeded(result: int) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
