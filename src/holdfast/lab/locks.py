"""Locks between processes of this machine that outlive a killed holder by its last program."""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_held: set[int] = set()
_changing = threading.Lock()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of the folder `path`, which is created.

    The folder itself is what is locked, so a lab that is taken down leaves no lock file behind.
    """
    while True:
        path.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                with _changing:
                    _held.add(descriptor)
                yield
                return
        finally:
            with _changing:
                _held.discard(descriptor)
                os.close(descriptor)


@contextmanager
def inheritable() -> Iterator[tuple[int, ...]]:
    """Yield the descriptors of every lock that is held, and let none go meanwhile.

    A program that inherits them keeps the locks until it has ended: a killed holder's last `ip` or
    `mount` is done before anybody else begins.
    """
    with _changing:
        yield tuple(_held)
