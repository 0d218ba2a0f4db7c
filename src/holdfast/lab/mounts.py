"""Mounts of the lab: made over its own folders, found again by where they are."""

import time
from collections.abc import Sequence
from pathlib import Path

from holdfast.lab.commands import attempt, perform
from holdfast.lab.errors import LabError

_OPTIONS = "redirect_dir=on,index=off,metacopy=off,volatile"
"""Layers are copied apart, so nothing may point across them; nothing here must survive the machine,
so `volatile` spares it every sync."""


def mount_overlay(lower: Sequence[str], upper: Path, work: Path, root: Path) -> None:
    """Mount `upper` over the `lower` folders (topmost first) at `root`."""
    options = f"lowerdir={':'.join(lower)},upperdir={upper},workdir={work},{_OPTIONS}"
    perform(["mount", "-t", "overlay", "-o", options, "overlay", root])


def mounted_below(path: Path) -> tuple[Path, ...]:
    """Mount points at `path` and below, the innermost first."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        point = Path(_unescaped(line.split()[4]))
        if point == path or path in point.parents:
            found.append(point)
    return tuple(reversed(found))


def in_use(path: Path) -> bool:
    """Whether any mount of this machine is made of the folder `path`."""
    return f"{path}" in _unescaped(Path("/proc/self/mountinfo").read_text(encoding="utf-8"))


def unmount_below(path: Path) -> None:
    """Unmount everything at `path` and below, waiting briefly for the last user to go."""
    deadline = time.monotonic() + 5.0
    while points := mounted_below(path):
        for point in points:
            outcome = attempt(["umount", point])
            if outcome.returncode != 0 and time.monotonic() > deadline:
                raise LabError(
                    f"{point} cannot be unmounted: {outcome.stderr.strip()}; end what uses it"
                )
        if mounted_below(path):
            time.sleep(0.02)


def _unescaped(text: str) -> str:
    return text.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
