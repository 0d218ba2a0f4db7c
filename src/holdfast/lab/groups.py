"""Control groups: every process of a host lives in one, so that all of it can be frozen or ended.

Each host has one group in every hierarchy of the machine: version 2 alone on most, version 1
beside it on some. Without its own group in each, two hosts' systemds would share one tree.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from holdfast.lab.errors import LabError

_END_WITHIN_S = 15.0


def hierarchies() -> tuple[Path, ...]:
    """The folders in which this process may create groups; version 2 first."""
    own = _own_groups()
    version_2: list[Path] = []
    version_1: list[Path] = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, after = line.split(" - ", 1)
        mount_point = Path(before.split()[4])
        kind, _, options = after.split(" ", 2)
        if kind == "cgroup2":
            version_2.append(mount_point)
        elif kind == "cgroup" and "cpuset" not in options:  # a new cpuset takes no process
            for name in _hierarchy_names(options):
                if name in own:
                    version_1.append(mount_point / own[name].lstrip("/"))
                    break
    if not version_2:
        raise LabError(
            "control groups version 2 are not mounted on this machine: "
            "mount -t cgroup2 none /sys/fs/cgroup/unified"
        )
    return (version_2[0], *dict.fromkeys(version_1))


def names(owner: str) -> tuple[str, ...]:
    """The groups that are this owner's alone, one per hierarchy, version 2 first."""
    mark = hashlib.sha256(owner.encode()).hexdigest()[:12]
    return tuple(str(place / f"holdfast-lab-{mark}") for place in hierarchies())


def _own_groups() -> dict[str, str]:
    """This process's group in each version 1 hierarchy, by the hierarchy's name."""
    groups: dict[str, str] = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if names:
            groups[names] = path
    return groups


def _hierarchy_names(options: str) -> Iterator[str]:
    words = options.split(",")
    yield from (word for word in words if word.startswith("name="))
    controllers = [word for word in words if word not in ("rw", "ro", "xattr")]
    yield ",".join(controllers)
    yield from controllers


def create(groups: Sequence[str]) -> None:
    """Create the groups, one folder per hierarchy."""
    for group in groups:
        Path(group).mkdir(parents=True, exist_ok=True)


def processes(groups: Sequence[str]) -> tuple[int, ...]:
    """The ids of all processes in the groups and below."""
    found: set[int] = set()
    for group in groups:
        for members in Path(group).rglob("cgroup.procs"):
            try:
                found.update(int(line) for line in members.read_text().split())
            except OSError:
                continue  # the group went away as it was read
    return tuple(sorted(found - {0}))


def populated(group: str) -> bool:
    """Whether a living process is in this version 2 group or below."""
    try:
        return "populated 1" in Path(group, "cgroup.events").read_text()
    except OSError:
        return False


def wait_until_empty(groups: Sequence[str], within_s: float = _END_WITHIN_S) -> bool:
    """Wait for the last process to end; False when some are left."""
    deadline = time.monotonic() + within_s
    while populated(groups[0]):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def end(groups: Sequence[str]) -> None:
    """Kill every process in the groups and remove the groups; nothing there is no error."""
    top = Path(groups[0])
    if top.exists():
        (top / "cgroup.kill").write_text("1")
        if not wait_until_empty(groups):
            left = ", ".join(map(str, processes(groups)))
            raise LabError(f"processes of {top} do not end: {left}; end them, then try again")
    for group in groups:
        _remove(Path(group))


def _remove(group: Path) -> None:
    """Remove a group and all below it, waiting briefly for the kernel to let go."""
    deadline = time.monotonic() + 5.0
    while group.exists():
        below = sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True)
        try:
            for path in (*below, group):
                path.rmdir()
        except FileNotFoundError:
            continue
        except OSError as error:
            if time.monotonic() > deadline:
                raise LabError(
                    f"the control group {group} cannot be removed: {error.strerror}"
                ) from error
            time.sleep(0.01)


@contextmanager
def frozen(groups: Sequence[str]) -> Iterator[None]:
    """Hold every process still, so that its files can be copied as of one moment."""
    top = Path(groups[0])
    if not populated(groups[0]):
        yield
        return
    (top / "cgroup.freeze").write_text("1")
    try:
        deadline = time.monotonic() + 5.0
        while "frozen 1" not in (top / "cgroup.events").read_text():
            if time.monotonic() > deadline:
                raise LabError(f"the processes of {top} cannot be held still: try again")
            time.sleep(0.002)
        yield
    finally:
        (top / "cgroup.freeze").write_text("0")
