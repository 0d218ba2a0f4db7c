"""What a worker does beside requests, in threads that end with it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from django.db import close_old_connections

log = logging.getLogger(__name__)


def start(loop: Callable[[], None]) -> None:
    """Run something that does not end."""
    threading.Thread(target=loop, daemon=True).start()


def attempt(work: Callable[[], int | None], failed: str) -> int:
    """Do a piece of work; return what it returns, or 0 where it failed, which is logged.

    Whatever fails: a thread that ends is missed by nobody, and a database that is away for a while
    is asked again.
    """
    try:
        close_old_connections()
        return work() or 0
    except Exception:
        log.exception(failed)
        return 0
