"""The machine that figures were measured on, in words that name nobody's."""

from __future__ import annotations

import os
import platform
from functools import cache


@cache
def machine() -> str:
    """Such as `2 cores, x86_64, 24 GB, Debian 12, Python 3.11.2`."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return ", ".join(
        (
            f"{len(os.sched_getaffinity(0))} cores",
            platform.machine(),
            f"{memory / 1e9:.0f} GB",
            _system(),
            f"Python {platform.python_version()}",
        )
    )


def _system() -> str:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return platform.system()
    name = release.get("NAME", "Linux").removesuffix(" GNU/Linux")
    return f"{name} {release.get('VERSION_ID', '')}".strip()
